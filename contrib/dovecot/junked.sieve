require ["vnd.dovecot.pipe", "copy", "imapsieve", "environment", "variables", "vnd.dovecot.imapsieve"];

# Within Junk nothing is moved into it.
if environment :matches "vnd.dovecot.mailbox-from" ["Junk", "Junk/*", "Junk.*"] { stop; }
if environment :matches "imap.user" "*" { set "user" "${1}"; }
pipe :copy "antiphon-report" ["--event", "junked", "--member", "${user}"];
