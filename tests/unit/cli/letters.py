"""Small mails and a name server for tests of the command line."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dns.message
import dns.rcode
import dns.rrset
from click.testing import CliRunner, Result

from antiphon.cli import main
from tests.unit.formats.dkim_vectors import NEWSLETTER, sign

ME = "me@own.example"


def run(home: Path, *words: str, **environment: str) -> Result:
    """One command on this home."""
    return CliRunner().invoke(main, ["--home", str(home), *words], env={"COLUMNS": "80", **environment})


def shown(result: Result) -> Any:
    """The JSON that it wrote, when it ended well."""
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def newsletter(number: int = 1, **fields: str) -> bytes:
    """A signed one."""
    own = {"Message-ID": f"<{number}@shop.example>", "Subject": f"Offer {number}"}
    return sign({**NEWSLETTER, "To": ME, **own, **{name.replace("_", "-"): value for name, value in fields.items()}})


def unsigned(number: int = 1) -> bytes:
    """One that nobody answers for."""
    head = (
        f"From: a@b{number}.example\r\nTo: {ME}\r\nDate: Mon, 2 Nov 2026 10:00:00 +0000\r\nSubject: Number {number}\r\n"
    )
    return f"{head}Message-ID: <{number}@b.example>\r\n\r\nText {number}, and so on, {number**7}.\r\n".encode()


BOUNCE = (
    b"From: MAILER-DAEMON <>\r\nTo: me@own.example\r\nSubject: Undelivered\r\n"
    b"Date: Mon, 2 Nov 2026 10:00:00 +0000\r\n\r\n"
)


def put(folder: Path, **files: bytes) -> Path:
    """A folder with these files, `.eml` where the name has no ending."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / f"{name}.eml").write_bytes(data)
    return folder


@contextmanager
def name_server(records: Mapping[str, str] | None) -> Iterator[tuple[str, list[str]]]:
    """One on loopback with these TXT records: its place, and the names that it was asked for. With None it fails
    each question."""
    asked: list[str] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=_answer, args=(door, records, asked))
        thread.start()
        try:
            yield f"127.0.0.1:{door.getsockname()[1]}", asked
        finally:
            door.sendto(b"", door.getsockname())
            thread.join()


def _answer(door: socket.socket, records: Mapping[str, str] | None, asked: list[str]) -> None:
    while wire := door.recvfrom(4096):
        data, peer = wire
        if not data:
            return
        query = dns.message.from_wire(data)
        name = query.question[0].name.to_text(omit_final_dot=True)
        asked.append(name)
        response = dns.message.make_response(query)
        if records is None:
            response.set_rcode(dns.rcode.SERVFAIL)
        elif name in records:
            value = records[name]
            text = " ".join(f'"{value[at : at + 200]}"' for at in range(0, len(value), 200))
            response.answer.append(dns.rrset.from_text(f"{name}.", 600, "IN", "TXT", text))
        else:
            response.set_rcode(dns.rcode.NXDOMAIN)
        door.sendto(response.to_wire(), peer)
