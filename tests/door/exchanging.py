"""A machine of its own for the page on Exim: Debian's daemon, unpacked, with a configuration of the operator's own.

`python -m tests.door.exchanging BLOCKS` makes the mail house and the node, runs the blocks, and then mail arrives.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from antiphon.world.letter import RsaKey
from tests.door.letters import SHOP, deliver, eventually, newsletter
from tests.door.machine import install, main, node, separate, sh
from tests.door.nameserver import NameServer
from tests.door.servers import CONTRIB, wait_for

MEMBER, OTHER = "ann@mail.example", "bob@mail.example"
HERE = "/usr/local/lib/antiphon-here"
EXIM = Path(sys.prefix) / "exim" / "usr" / "sbin" / "exim4"
"""Where `make debian` unpacks it: it can not be installed beside Postfix."""
BEFORE = """
useradd --system --user-group --home-dir /var/vmail --create-home vmail
useradd --system --user-group --no-create-home --home-dir /var/spool/exim4 Debian-exim
install -d -o Debian-exim -g Debian-exim /var/spool/exim4 /var/log/exim4
install -d -o mail -g mail /var/vmail
useradd --system --user-group --no-create-home --home-dir /var/lib/antiphon --shell /usr/sbin/nologin antiphon
install -d -o antiphon -g antiphon -m 755 /var/lib/antiphon
install -d -o antiphon -g vmail -m 2770 /var/lib/antiphon/reports
cat > /var/lib/antiphon/begin.toml <<'END'
hosted_domains = ["mail.example"]
[doors]
reports = "/var/lib/antiphon/reports"
END
node() { runuser -u antiphon -- antiphon --home /var/lib/antiphon/node "$@"; }
node init --settings /var/lib/antiphon/begin.toml
node member add ann@mail.example --consent count,token
mkdir -p /etc/exim4
"""
CONFIGURATION = """
exim_path = {exim}
exim_user = Debian-exim
primary_hostname = mx.mail.example
local_interfaces = 127.0.0.1
daemon_smtp_ports = 25
spool_directory = /var/spool/exim4
log_file_path = /var/log/exim4/%slog
acl_smtp_rcpt = accept
begin routers
users:
  driver = accept
  domains = mail.example
  local_parts = ann : bob
  transport = store
begin transports
store:
  driver = appendfile
  file = /var/vmail/$local_part_data
  user = mail
  group = mail
"""


def work(blocks: Path) -> None:
    """The whole of it."""
    separate()
    names, key = NameServer(), RsaKey()
    names.record(f"s1._domainkey.{SHOP}", "TXT", key.record)
    install()
    sh(f"mkdir {HERE}/contrib && mount --bind {CONTRIB} {HERE}/contrib")
    exim = Path("/usr/local/sbin/exim4")
    exim.write_bytes(EXIM.read_bytes())
    exim.chmod(0o4755)
    sh(BEFORE)
    Path("/etc/exim4/exim4.conf").write_text(CONFIGURATION.format(exim=exim), "utf-8")
    runs = ["runuser", "-u", "antiphon", "--", "env", f"ANTIPHON_DNS=127.0.0.1:{names.names.port}", "antiphon",
            "--home", "/var/lib/antiphon/node", "run", "--log", "json"]  # fmt: skip
    subprocess.Popen(runs, stdin=subprocess.DEVNULL)
    wait_for(8765)
    subprocess.run(["bash", "-euxo", "pipefail", str(blocks)], check=True, stdin=subprocess.DEVNULL)
    subprocess.Popen([exim, "-bdf"], stdin=subprocess.DEVNULL)
    wait_for(25)
    for subject, to in (("Autumn offer", MEMBER), ("Winter offer", OTHER)):
        deliver(25, newsletter(key, subject, to), to)
        eventually(Path(f"/var/vmail/{to.partition('@')[0]}").exists)
    log = Path("/var/log/exim4/mainlog")
    eventually(lambda: "T=antiphon_delivered" in log.read_text("utf-8"))
    told = [line for line in log.read_text("utf-8").splitlines() if "T=antiphon_delivered" in line]
    assert len(told) == 1 and "=> |" not in told[0] and MEMBER in told[0], told
    raw = Path("/var/vmail/ann").read_bytes().partition(b"\n")[2].rstrip(b"\n").replace(b"\n", b"\r\n") + b"\r\n"
    report = ["/usr/local/bin/antiphon", "report", "--folder", "/var/lib/antiphon/reports", "--member", MEMBER]
    report = ["runuser", "-u", "mail", "-g", "vmail", "--", *report, "--event", "junked"]
    subprocess.run(report, input=raw, check=True)
    (row,) = eventually(lambda: json.loads(node("campaigns", "--json")))
    (mail,) = json.loads(node("campaign", row["campaign"], "--json"))["mails"]
    assert (mail["evidence_class"], mail["originator"]) == ("B", SHOP), mail
    assert not list(Path("/var/lib/antiphon/reports").glob("*.handed"))


if __name__ == "__main__":
    main(work, Path(sys.argv[1]))
