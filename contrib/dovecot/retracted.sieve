require ["vnd.dovecot.pipe", "copy", "imapsieve", "environment", "variables"];

# Throwing a mail away, or sorting Junk, takes no report back. Add the name of your bin, if it has another.
if environment :matches "imap.mailbox" ["Trash", "Trash/*", "Trash.*", "Deleted*", "Junk", "Junk/*", "Junk.*"] { stop; }
if environment :matches "imap.user" "*" { set "user" "${1}"; }
pipe :copy "antiphon-report" ["--event", "retracted", "--member", "${user}"];
