"""A machine of its own for the page on watching: a provider with IMAP over TLS, and ann's own computer, in one.

`python -m tests.door.away BLOCKS` runs the blocks as ann would, who is not root, and then she reads her mail.
"""

from __future__ import annotations

import json
import smtplib
import ssl
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from antiphon.terms import to_instant
from antiphon.world.authority import Authority
from antiphon.world.letter import RsaKey, mail_date
from tests.door import syntax
from tests.door.letters import SHOP, Person, eventually, newsletter
from tests.door.machine import install, main, separate, sh
from tests.door.nameserver import NameServer
from tests.door.servers import wait_for

MEMBER, SERVER, SECRET = "ann@big.example", "imap.big.example", "abcd-efgh-ijkl-mnop"


def provider() -> str:
    """Its server's configuration."""
    return f"""{syntax.head()}
protocols = imap lmtp
listen = 127.0.0.1
{syntax.certified("/etc/big/host.pem")}
mail_uid = mail
mail_gid = mail
first_valid_uid = 1
first_valid_gid = 1
{syntax.people("/var/big", "mail", SECRET)}
namespace inbox {{
  inbox = yes
  mailbox Junk {{
    auto = create
    special_use = \\Junk
  }}
}}
{syntax.lmtp(2424)}
"""


def provide() -> Path:
    """The provider's server with a certificate for its name; returns what a computer that trusts it has."""
    authority, place = Authority(), Path("/etc/big")
    place.mkdir()
    (place / "host.pem").write_bytes(authority.pem(SERVER))
    (place / "dovecot.conf").write_text(provider(), "utf-8")
    trusted = Path("/etc/big/trusted.pem")
    trusted.write_bytes(authority.certificate)
    with open("/etc/hosts", "a", encoding="ascii") as hosts:
        hosts.write(f"127.0.0.1 {SERVER}\n")
    sh("install -d -o mail -g mail /var/big; /usr/sbin/dovecot -c /etc/big/dovecot.conf")
    wait_for(993)
    wait_for(2424)
    return trusted


def deliver(raw: bytes) -> None:
    """Into ann's mailbox there."""
    with smtplib.LMTP("127.0.0.1", 2424, "client.example") as client:
        client.sendmail(f"bounce@{SHOP}", [MEMBER], raw)


class Ann:
    """Her account on her computer."""

    def __init__(self, dns: int, trusted: Path) -> None:
        sh("useradd --create-home --home-dir /var/ann ann")
        self._as = ["runuser", "-u", "ann", "--", "env", "HOME=/var/ann", f"SSL_CERT_FILE={trusted}",
                    f"ANTIPHON_DNS=127.0.0.1:{dns}"]  # fmt: skip

    def types(self, blocks: Path) -> None:
        """Each line of the page."""
        subprocess.run(
            [*self._as, "bash", "-euxo", "pipefail", "-c", blocks.read_text("utf-8")],
            check=True, stdin=subprocess.DEVNULL, cwd="/var/ann",
        )  # fmt: skip

    def asks(self, *words: str) -> Any:
        """What a command of hers says."""
        done = subprocess.run([*self._as, "antiphon", *words, "--json"], check=True, capture_output=True, text=True)
        return json.loads(done.stdout)

    def runs(self) -> None:
        """`antiphon run` in a terminal of its own."""
        subprocess.Popen([*self._as, "antiphon", "run"], stdin=subprocess.DEVNULL)
        eventually(lambda: list(Path("/var/ann").rglob("control.sock")), 60)


def live(ann: Ann, key: RsaKey) -> None:
    """She sends herself the word; a mail comes, she moves it, and it is her report."""
    (row,) = ann.asks("watch", "list")
    subject, _, text = row["to_prove"].removeprefix("subject ").partition(", text: ")
    head = {"From": MEMBER, "To": MEMBER, "Subject": subject, "Date": mail_date(to_instant(datetime.now(UTC)))}
    deliver("".join(f"{name}: {value}\r\n" for name, value in head.items()).encode() + f"\r\n{text}\r\n".encode())
    eventually(lambda: [r["mandate"] for r in ann.asks("watch", "list")] == ["live"], 60)
    deliver(newsletter(key, "Autumn offer", MEMBER))
    eventually(lambda: ann.asks("watch", "list")[0]["mails"] == 2, 60)
    relaxed = ssl.create_default_context(cafile="/etc/big/trusted.pem")
    relaxed.check_hostname = False  # the guard of the tests knows this machine by one name only
    person = Person(993, MEMBER, SECRET, relaxed)
    person.move("Autumn offer", "Junk")
    (row,) = eventually(lambda: ann.asks("campaigns"), 60)
    (mail,) = ann.asks("campaign", row["campaign"])["mails"]
    assert (mail["state"], mail["evidence_class"], mail["originator"]) == ("accepted", "C", SHOP), mail
    (line,) = ann.asks("optout", mail["report"])
    assert line["act"] == "own opt-out", line
    person.imap.logout()


def work(blocks: Path) -> None:
    """The whole of it."""
    separate()
    names, key = NameServer(), RsaKey()
    names.record(f"s1._domainkey.{SHOP}", "TXT", key.record)
    install()
    ann = Ann(names.names.port, provide())
    ann.types(blocks)
    ann.runs()
    live(ann, key)


if __name__ == "__main__":
    main(work, Path(sys.argv[1]))
