"""A machine of its own for the page on Rspamd: a node that runs, and Rspamd as Debian configures it.

`python -m tests.door.filtering BLOCKS` runs the blocks; then Rspamd finds spam, and the node has it as evidence.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from pathlib import Path

from tests.door.letters import SHOP, eventually
from tests.door.machine import install, main, node, separate, sh, stand_in
from tests.door.nameserver import NameServer
from tests.door.servers import wait_for

MEMBER = "ann@mail.example"
# Not the usual test message: Rspamd ends early for that, and tells nobody.
SPAM = (
    f"From: x@{SHOP}\r\nTo: {MEMBER}\r\n"
    "Subject: BUY NOW AND WIN EVERYTHING TODAY AND TOMORROW AND EVERY DAY OF YOUR LIFE\r\n\r\nBuy.\r\n"
).encode()
BEFORE = """
useradd --system --user-group --no-create-home --home-dir /var/lib/antiphon --shell /usr/sbin/nologin antiphon
install -d -o antiphon -g antiphon -m 755 /var/lib/antiphon
echo 'hosted_domains = ["mail.example"]' > /var/lib/antiphon/begin.toml
node() { runuser -u antiphon -- antiphon --home /var/lib/antiphon/node "$@"; }
node init --settings /var/lib/antiphon/begin.toml
node member add ann@mail.example
"""


def scan(raw: bytes) -> str:
    """What Rspamd does with a mail to ann."""
    line = http.client.HTTPConnection("127.0.0.1", 11333, timeout=60)
    line.request("POST", "/checkv2", raw, {"From": f"bounce@{SHOP}", "Rcpt": MEMBER, "IP": "192.0.2.7"})
    said = json.loads(line.getresponse().read())
    line.close()
    return str(said["action"])


def work(blocks: Path) -> None:
    """The whole of it."""
    separate()
    names = NameServer()
    install()
    stand_in(names.names.port)
    sh(BEFORE)
    runs = ["runuser", "-u", "antiphon", "--", "antiphon", "--home", "/var/lib/antiphon/node", "run", "--log", "json"]
    subprocess.Popen(runs, stdin=subprocess.DEVNULL)
    wait_for(8765)
    subprocess.run(["bash", "-euxo", "pipefail", str(blocks)], check=True, stdin=subprocess.DEVNULL)
    sh("install -d -o _rspamd -g _rspamd /run/rspamd /var/log/rspamd; rspamd -u _rspamd -g _rspamd")
    wait_for(11333, 200)
    assert scan(SPAM) == "add header"
    (row,) = eventually(lambda: json.loads(node("campaigns", "--json")), 60)
    (mail,) = json.loads(node("campaign", row["campaign"], "--json"))["mails"]
    assert (mail["state"], mail["source"]) == ("evidence-only", "rspamd"), mail
    said = Path("/var/log/rspamd/rspamd.log").read_text("utf-8", "replace")
    assert said.count("added multimap rule: ANTIPHON_") == 2
    eventually(lambda: "8765" in Path("/var/log/rspamd/rspamd.log").read_text("utf-8", "replace"), 60)


if __name__ == "__main__":
    main(work, Path(sys.argv[1]))
