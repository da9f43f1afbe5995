"""Checkpoints, which say what a log is at one size (C2SP tlog-checkpoint), and proofs that end in one (tlog-proof).

Stricter than the standard: no extension lines, which no auditor could check, and the log signs under its origin.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from antiphon.errors import MalformedInput
from antiphon.formats.note import (
    MOST_NOTE_BYTES,
    Note,
    Signer,
    Verifier,
    decode_base64,
    encode_base64,
    open_note,
    sign_note,
)
from antiphon.terms import Digest

MOST_SIZE = 2**63 - 1
MOST_PROOF_HASHES = 63
MOST_EXTRA_BYTES = 65_536

_PROOF = "c2sp.org/tlog-proof@v1"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """That the log named `origin` has `size` entries, and the root over them."""

    origin: str
    size: int
    root: Digest


@dataclass(frozen=True, slots=True)
class Proof:
    """That the entry at `index` is in the log of `checkpoint`, a signed note. Nothing vouches for `extra`."""

    index: int
    path: tuple[Digest, ...]
    checkpoint: bytes
    extra: bytes | None = None


def print_checkpoint(checkpoint: Checkpoint) -> str:
    """The text that the log signs."""
    return f"{checkpoint.origin}\n{checkpoint.size}\n{encode_base64(checkpoint.root)}\n"


def parse_checkpoint(text: str) -> Checkpoint:
    """The checkpoint of such a text. Raises MalformedInput unless print_checkpoint gives the same text again."""
    lines = text.split("\n")
    if len(lines) != 4 or not lines[0] or lines[3]:
        raise MalformedInput("a checkpoint is three lines: origin, size and root")
    return Checkpoint(lines[0], _number(lines[1]), _digest(lines[2]))


def sign_checkpoint(checkpoint: Checkpoint, private_key: bytes) -> bytes:
    """The signed note of the log itself, under its origin. Raises MalformedInput for an origin that is no key name."""
    return sign_note(print_checkpoint(checkpoint), [Signer(checkpoint.origin, private_key)])


def open_checkpoint(data: bytes, verifiers: Iterable[Verifier]) -> tuple[Checkpoint, Note]:
    """The checkpoint, and who signed it. Raises MalformedInput unless the log's own key is among the `verifiers`
    and signed it; keys that are not known stand in `Note.unknown`."""
    note = open_note(data, verifiers)
    checkpoint = parse_checkpoint(note.text)
    if checkpoint.origin not in {verifier.name for verifier in note.signed_by}:
        raise MalformedInput("the checkpoint is not signed under the name of its origin")
    return checkpoint, note


def print_proof(proof: Proof) -> bytes:
    """The proof as a file that anyone can check offline."""
    extra = [] if proof.extra is None else [f"extra {encode_base64(proof.extra)}"]
    lines = [_PROOF, *extra, f"index {proof.index}", *map(encode_base64, proof.path)]
    return "".join(f"{line}\n" for line in [*lines, ""]).encode() + proof.checkpoint


def parse_proof(data: bytes) -> Proof:
    """The proof of such a file; the checkpoint is not opened. Raises MalformedInput unless print_proof gives the same
    bytes again."""
    head, blank, checkpoint = data.partition(b"\n\n")
    if not blank or len(head) > 2 * MOST_EXTRA_BYTES or len(checkpoint) > MOST_NOTE_BYTES:
        raise MalformedInput("a proof has no empty line, or too much before or after it")
    try:
        title, *lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise MalformedInput("a proof is not ASCII up to its checkpoint") from None
    extra = None
    if lines and lines[0].startswith("extra "):
        extra = decode_base64(lines.pop(0).removeprefix("extra "))
    if title != _PROOF or not lines or not lines[0].startswith("index "):
        raise MalformedInput("not a proof of version 1 with an index")
    if len(lines) > 1 + MOST_PROOF_HASHES or len(extra or b"") > MOST_EXTRA_BYTES:
        raise MalformedInput(f"a proof has more than {MOST_PROOF_HASHES} hashes or {MOST_EXTRA_BYTES} extra bytes")
    return Proof(_number(lines[0].removeprefix("index ")), tuple(map(_digest, lines[1:])), checkpoint, extra)


def _number(text: str) -> int:
    if not re.fullmatch(r"0|[1-9][0-9]{0,18}", text) or int(text) > MOST_SIZE:
        raise MalformedInput("not a decimal number without leading zeroes, or too large")
    return int(text)


def _digest(text: str) -> Digest:
    data = decode_base64(text)
    if len(data) != 32:
        raise MalformedInput("a hash has 32 bytes")
    return Digest(data)
