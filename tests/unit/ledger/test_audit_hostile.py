"""The audit under hostile input: any bytes give a verdict or one declared error, and changed openings are found."""

from __future__ import annotations

import random
from base64 import b64encode
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.ledger import audit
from tests.unit.ledger.building import write
from tests.unit.ledger.keys import u
from tests.unit.ledger.story import good

NODE_S_WORD = {"d", "s", "record", "tree"}
"""Parts of an opening that nothing in the tiles binds whole: names, the rest of a key record, a tree's size where the
path has the same shape."""


def _fields(data: bytes, at: int, end: int, names: dict[int, audit.Field]) -> Iterator[tuple[int, int, str]]:
    while at < end:
        size = int.from_bytes(data[at + 1 : at + 3], "big")
        yield at + 3, at + 3 + size, names[data[at]].name
        at += 3 + size


def _places(data: bytes) -> Iterator[tuple[int, int, str]]:
    """Where the value of each field stands in a file of openings."""
    at = len(audit.OPENINGS_LABEL)
    while at < len(data):
        end = at + 4 + int.from_bytes(data[at : at + 4], "big")
        for start, stop, name in _fields(data, at + 5, end, audit.OPENING_KINDS[data[at + 4]]):
            if name == "signatures":
                inner = start
                while inner < stop:
                    size = int.from_bytes(data[inner : inner + 2], "big")
                    yield from _fields(data, inner + 2, inner + 2 + size, audit.SIGNATURE_FIELDS)
                    inner += 2 + size
            else:
                yield start, stop, name
        at = end


def test_a_thousand_changed_bytes_of_openings_are_found_or_on_the_nodes_word(tmp_path: Path) -> None:
    """What no entry binds is named; a key record still verifies the same b=, so that no changed key passes."""
    story, draw = good(), random.Random(2006)
    write(story.ledger.files(), tmp_path)
    data = story.ledger.openings(erased=frozenset({story.marks["own opt-out"]}))
    assert audit.audit(tmp_path, openings=data).lawful
    places, missed = list(_places(data)), set[str]()
    for _ in range(1000):
        at, flip = draw.randrange(len(data)), draw.randrange(1, 256)
        changed = data[:at] + u(1, data[at] ^ flip) + data[at + 1 :]
        if audit.audit(tmp_path, openings=changed).lawful:
            missed |= {name for start, stop, name in places if start <= at < stop} or {"the frame"}
    assert missed <= NODE_S_WORD


def test_every_byte_of_a_commitment_is_bound(tmp_path: Path) -> None:
    """Each single field of a spend that is not on the node's word, changed in its first and last byte."""
    story = good()
    write(story.ledger.files(), tmp_path)
    data = story.ledger.openings()
    for start, stop, name in _places(data):
        for at in {start, stop - 1} if name not in NODE_S_WORD else ():
            changed = data[:at] + u(1, data[at] ^ 1) + data[at + 1 :]
            assert audit.audit(tmp_path, openings=changed).exit_code == 1, (name, at)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 3))
def test_any_bytes_are_an_entry_or_say_why_not(data: bytes, shape: int) -> None:
    """Of any kind, also behind a good head; and print back to the same bytes if they are one."""
    heads = [b"", b"\x01\x06", b"\x01\x09\x01\x00\x04" + u(4, 9), b"\x01\x0f\x01\x00\x04" + u(4, 9) + b"\x02\x00\x20"]
    raw = heads[shape] + data
    entry = audit._entry(5, raw)
    assert bool(entry.fault) == (entry.kind == 0)
    if entry.kind:
        tags = {row.name: tag for tag, row in audit.KINDS[entry.kind].items()}
        fields = [u(1, tags[name]) + u(2, len(value)) + value for name, value in entry.fields.items()]
        assert raw == bytes([1, entry.kind]) + b"".join(fields)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=120), st.integers(0, 2500), st.integers(0, 60))
def test_any_bytes_as_checkpoint_or_openings_give_a_verdict(data: bytes, at: int, cut: int) -> None:
    """Noise, and noise inside good ones: only what prints back is canonical."""
    ledger = good().ledger
    for text in (data, ledger.checkpoint()[:at] + data + ledger.checkpoint()[at + cut :]):
        note = audit._checkpoint(text)
        if note and note.canonical:
            lines = [f"— {name} {b64encode(number + blob).decode()}\n" for name, number, blob in note.lines]
            assert text == note.body + ("\n" + "".join(lines)).encode()
    openings = ledger.openings()
    audit._openings(data)
    assert not audit._openings(openings).fault
    audit._openings(openings[:at] + data + openings[at + cut :])


class Republished(SimpleHTTPRequestHandler):
    """A folder whose checkpoint is another from the second time on."""

    asked = 0

    def do_GET(self) -> None:
        """The next file."""
        if self.path == "/checkpoint":
            type(self).asked += 1
            self.path = "/checkpoint" if type(self).asked == 1 else "/new"
        super().do_GET()

    def log_message(self, *_: object) -> None:
        """Not here."""


class Broken(SimpleHTTPRequestHandler):
    """Promises more than it sends, or fails."""

    def do_GET(self) -> None:
        """A checkpoint that breaks off; an error for the rest."""
        self.send_response(200 if self.path == "/cut/checkpoint" else 500)
        self.send_header("Content-Length", "100")
        self.end_headers()
        self.wfile.write(b"ledger.example\n")

    def log_message(self, *_: object) -> None:
        """Not here."""


def _served(handler: type[SimpleHTTPRequestHandler], folder: Path, path: str = "") -> str:
    """The error of an audit of what a handler serves."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(audit.NotAuditable) as raised:
            audit.audit(f"http://127.0.0.1:{server.server_port}/{path}")
        server.shutdown()
    return str(raised.value)


def test_a_ledger_that_is_published_anew_meanwhile_is_not_judged(tmp_path: Path) -> None:
    """A tile that vanished with the old checkpoint is no offence: the auditor asks to be run again."""
    ledger = good().ledger
    files = ledger.files()
    ledger.close_hour()
    write(files | {"new": ledger.checkpoint()}, tmp_path)
    (tmp_path / "tile" / "0" / "000").unlink()
    assert "audit it again" in _served(Republished, tmp_path)


def test_a_server_that_fails_is_no_offence(tmp_path: Path) -> None:
    """Cut off or in error: nothing was judged."""
    assert "breaks off" in _served(Broken, tmp_path, "cut")
    assert "answers 500" in _served(Broken, tmp_path)


def test_files_over_the_limit_are_not_read(tmp_path: Path) -> None:
    """A checkpoint at its limit is read and is none; one byte more is refused as such."""
    write(good().ledger.files(), tmp_path)
    with pytest.raises(audit.NotAuditable, match="is no checkpoint"):
        audit.audit(tmp_path, since=bytes(audit.LIMIT_CHECKPOINT_BYTES))
    with pytest.raises(audit.NotAuditable, match="longer than"):
        audit.audit(tmp_path, since=bytes(audit.LIMIT_CHECKPOINT_BYTES + 1))
    (tmp_path / "checkpoint").write_bytes(bytes(audit.LIMIT_CHECKPOINT_BYTES + 1))
    offence = audit.audit(tmp_path).offence
    assert offence is not None and offence.rule == "checkpoint-canonical"


def test_what_is_shown_can_not_steer_a_terminal(tmp_path: Path) -> None:
    """Names from outside are printed with their control characters written out."""
    write(good().ledger.files() | {"\x1b[2J\u202estray": b""}, tmp_path)
    text = audit.audit(tmp_path).text()
    assert "stray" in text and all(c.isprintable() or c == "\n" for c in text)
