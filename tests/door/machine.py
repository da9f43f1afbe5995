"""A machine of its own for one page: run as root in new mount, network and process namespaces.

`python -m tests.door.machine BLOCKS` lays overlays over /etc, /var and /usr/local, so that nothing of the real machine
is changed, and has a network of loopback alone. It makes this a mail house as an operator has it before Antiphon, runs
the blocks as they are written, and then mail arrives.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import antiphon
from antiphon.world.letter import RsaKey
from tests.door import syntax
from tests.door.letters import SHOP, Person, deliver, eventually, newsletter
from tests.door.nameserver import NameServer
from tests.door.servers import python_for_all, wait_for

MEMBER = "ann@mail.example"
UPPER = Path("/mnt")
# There is no systemd in here. This stands in for it, and starts the one unit as its file says.
SYSTEMCTL = """#!/bin/bash
[ "$*" = "enable --now antiphon" ] || exit 0
unit=/etc/systemd/system/antiphon.service
of() {{ sed -n "s/^$1=//p" $unit; }}
umask "$(of UMask)"
setsid runuser -u "$(of User)" -- env "$(of Environment)" ANTIPHON_DNS={dns} \\
  $(of ExecStart) >/var/log/antiphon 2>&1 </dev/null &
until (: </dev/tcp/127.0.0.1/8892) 2>/dev/null; do kill -0 $! || exit 1; done
"""


def house() -> str:
    """The operator's own part of Dovecot's configuration."""
    return f"""
{syntax.open_talk()}{syntax.people("/var/vmail", "vmail")}
namespace inbox {{
  mailbox Junk {{
    auto = create
  }}
}}
{syntax.lmtp(2424)}
"""


def sh(script: str) -> None:
    """Each line has to succeed."""
    subprocess.run(["bash", "-euo", "pipefail", "-c", script], check=True, stdin=subprocess.DEVNULL)


def separate() -> None:
    """Nothing below is seen outside, and nothing outside can be reached."""
    sh(f"""
ip link set lo up
mount --make-rprivate /
mount -t tmpfs tmpfs {UPPER}
for folder in etc var usr/local; do
  mkdir -p {UPPER}/$folder/upper {UPPER}/$folder/work
  mount -t overlay overlay -o lowerdir=/$folder,upperdir={UPPER}/$folder/upper,workdir={UPPER}/$folder/work /$folder
done
""")


def install() -> None:
    """The program where every user can start it, without a copy: its folders are mounted there."""
    place = Path("/usr/local/lib/antiphon-here")
    sources = {"site": sysconfig.get_path("platlib"), "source": Path(antiphon.__file__).parents[1]}
    for name, folder in sources.items():
        (place / name).mkdir(parents=True)
        sh(f"mount --bind {folder} {place / name}")
    program = Path("/usr/local/bin/antiphon")
    program.write_text(
        f'#!/bin/sh\nPYTHONPATH={place}/source:{place}/site exec {python_for_all()} -m antiphon "$@"\n', "utf-8"
    )
    program.chmod(0o755)


def stand_in(dns: int) -> None:
    """What starts the unit here."""
    file = Path("/usr/local/bin/systemctl")
    file.write_text(SYSTEMCTL.format(dns=f"127.0.0.1:{dns}"), "utf-8")
    file.chmod(0o755)


def furnish() -> None:
    """Postfix and Dovecot for one virtual domain, as Debian installs them, working before the page is read."""
    sh("""
useradd --system --user-group --home-dir /var/vmail --create-home vmail
sed -i 's/^ssl/#&/' /etc/dovecot/conf.d/10-ssl.conf  # its certificate is another package's
postconf -e 'virtual_mailbox_domains=mail.example' 'virtual_transport=lmtp:inet:127.0.0.1:2424' 'mydestination=' \
  'default_transport=error:nothing leaves' 'relay_transport=error:nothing leaves' 'disable_dns_lookups=yes' \
  'maillog_file=/var/log/postfix.log' 'inet_protocols=ipv4' 'myhostname=mx.mail.example'
""")
    Path("/etc/dovecot/conf.d/98-house.conf").write_text(house(), "utf-8")
    sh("service postfix restart; service dovecot restart")


def node(*words: str) -> str:
    """A command of the node, as its own user gives it."""
    command = ["runuser", "-u", "antiphon", "--", "antiphon", "--home", "/var/lib/antiphon/node", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def live(key: RsaKey) -> None:
    """A mail arrives, its reader moves it, and the node knows it as a class A sighting; taken out, it is taken back."""
    wait_for(25)
    wait_for(143)
    deliver(25, newsletter(key, "Autumn offer", MEMBER), MEMBER)
    person = Person(143, MEMBER)
    person.move("Autumn offer", "Junk")
    name = eventually(lambda: json.loads(node("campaigns", "--json")))[0]["campaign"]

    def mail() -> dict[str, object]:
        (found,) = json.loads(node("campaign", name, "--json"))["mails"]
        return dict(found)

    found = mail()
    assert (found["evidence_class"], found["sighting"], found["originator"]) == ("A", True, SHOP), found
    person.move("Autumn offer", "INBOX", "Junk")
    eventually(lambda: mail()["state"] == "retracted")
    person.imap.logout()
    assert not list(Path("/var/lib/antiphon/reports").glob("*.handed"))


def work(blocks: Path) -> None:
    """The whole of it."""
    separate()
    names, key = NameServer(), RsaKey()
    names.record(f"s1._domainkey.{SHOP}", "TXT", key.record)
    install()
    stand_in(names.names.port)
    furnish()
    subprocess.run(["bash", "-euxo", "pipefail", str(blocks)], check=True, stdin=subprocess.DEVNULL)
    live(key)


def main(work: Callable[[Path], None], blocks: Path) -> None:
    """The first process of the machine: it buries what dies, and everything ends when it does."""
    worker = os.fork()
    if worker == 0:
        work(blocks)
        os._exit(0)
    while True:
        done, status = os.wait()
        if done == worker:
            sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main(work, Path(sys.argv[1]))
