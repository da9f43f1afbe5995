require ["vnd.dovecot.pipe", "copy", "envelope", "variables"];

if envelope :matches "to" "*" { set "recipient" "${1}"; }
pipe :copy :try "antiphon-report" ["--event", "delivered", "--member", "${recipient}"];
