"""Checkpoints and the proofs that end in one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.errors import MalformedInput
from antiphon.formats.checkpoint import (
    MOST_EXTRA_BYTES,
    MOST_PROOF_HASHES,
    MOST_SIZE,
    Checkpoint,
    Proof,
    open_checkpoint,
    parse_checkpoint,
    parse_proof,
    print_checkpoint,
    print_proof,
    sign_checkpoint,
)
from antiphon.formats.note import MOST_NOTE_BYTES, Signer, sign_note
from antiphon.terms import Digest

# C2SP tlog-checkpoint, section Note text.
EXAMPLE = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
ROOT = Digest(bytes(range(32)))
KEY = bytes([1]) * 32
LOG = Signer("ledger.example/log", KEY)
CHECKPOINT = Checkpoint(LOG.name, 9, ROOT)
NOTE = sign_checkpoint(CHECKPOINT, KEY)

digests = st.binary(min_size=32, max_size=32).map(Digest)
origins = st.text(min_size=1, max_size=20).filter(lambda text: "\n" not in text)
proofs = st.builds(
    Proof,
    st.integers(0, MOST_SIZE),
    st.lists(digests, max_size=4).map(tuple),
    st.binary(max_size=40),
    st.none() | st.binary(max_size=9),
)


def test_the_example_of_the_standard_is_read() -> None:
    """Origin, size and root of C2SP tlog-checkpoint."""
    checkpoint = parse_checkpoint(EXAMPLE)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20_852_163)
    assert checkpoint.root.hex().startswith("0ac5186a91863e8e1d90c808014aa89b")
    assert print_checkpoint(checkpoint) == EXAMPLE


@given(st.builds(Checkpoint, origins, st.integers(0, MOST_SIZE), digests))
def test_parsing_what_was_printed_is_the_identity(checkpoint: Checkpoint) -> None:
    """Every checkpoint comes back."""
    assert parse_checkpoint(print_checkpoint(checkpoint)) == checkpoint


@pytest.mark.parametrize(
    "text",
    [
        "",
        EXAMPLE[:-1],
        EXAMPLE + "extension\n",
        EXAMPLE + "\n",
        EXAMPLE.replace("example.com/behind-the-sofa", ""),
        EXAMPLE.replace("20852163", "020852163"),
        EXAMPLE.replace("20852163", "+20852163"),
        EXAMPLE.replace("20852163", "2_0"),
        EXAMPLE.replace("20852163", "٣"),
        EXAMPLE.replace("20852163", ""),
        EXAMPLE.replace("20852163", str(MOST_SIZE + 1)),
        EXAMPLE.replace("q2I=", "q2J="),
        EXAMPLE.replace("CsUY", ""),
    ],
)
def test_a_checkpoint_that_is_not_canonical_is_refused(text: str) -> None:
    """Lines, numbers, limits and base64 are as they have to be."""
    with pytest.raises(MalformedInput):
        parse_checkpoint(text)


def test_a_log_may_be_as_big_as_stated() -> None:
    """The limit is what a signed 64-bit column holds."""
    assert parse_checkpoint(EXAMPLE.replace("20852163", str(MOST_SIZE))).size == MOST_SIZE


@given(st.text(max_size=80))
def test_hostile_text_is_malformed_or_canonical(text: str) -> None:
    """Nothing but MalformedInput comes out."""
    try:
        checkpoint = parse_checkpoint(text)
    except MalformedInput:
        return
    assert print_checkpoint(checkpoint) == text


def test_a_signed_checkpoint_opens() -> None:
    """With the log's key, which signs under the origin."""
    checkpoint, note = open_checkpoint(NOTE, [LOG.verifier])
    assert checkpoint == CHECKPOINT
    assert (note.signed_by, note.unknown) == ((LOG.verifier,), ())


def test_a_witness_alone_is_not_enough() -> None:
    """The log itself has to sign."""
    witness = Signer("witness.example", KEY)
    data = sign_note(print_checkpoint(CHECKPOINT), [witness])
    with pytest.raises(MalformedInput, match="origin"):
        open_checkpoint(data, [witness.verifier, LOG.verifier])


def test_a_checkpoint_beside_its_witness_opens() -> None:
    """Both signers are named."""
    witness = Signer("witness.example", bytes([2]) * 32)
    data = sign_note(print_checkpoint(CHECKPOINT), [LOG, witness])
    _, note = open_checkpoint(data, [witness.verifier, LOG.verifier])
    assert note.signed_by == (LOG.verifier, witness.verifier)


@pytest.mark.parametrize("origin", ["", "a b", "a+b", "a\nb"])
def test_an_origin_that_is_no_key_name_is_not_signed(origin: str) -> None:
    """The log signs under its origin, so the origin is a key name."""
    with pytest.raises(MalformedInput):
        sign_checkpoint(Checkpoint(origin, 1, ROOT), KEY)


def test_a_proof_is_printed_as_the_standard_has_it() -> None:
    """Title, extra, index, path, an empty line and the checkpoint verbatim."""
    encoded = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    proof = Proof(3, (ROOT, ROOT), NOTE, b"more")
    head = f"c2sp.org/tlog-proof@v1\nextra bW9yZQ==\nindex 3\n{encoded}\n{encoded}\n\n"
    assert print_proof(proof) == head.encode() + NOTE
    assert parse_proof(print_proof(proof)) == proof


@given(proofs)
def test_a_proof_comes_back(proof: Proof) -> None:
    """Printing and parsing are inverse."""
    assert parse_proof(print_proof(proof)) == proof


PRINTED = print_proof(Proof(3, (ROOT,), NOTE, b"more"))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        PRINTED.partition(b"\n\n")[0],
        PRINTED.replace(b"@v1", b"@v2"),
        PRINTED.replace(b"index 3", b"index 03"),
        PRINTED.replace(b"index 3", b"index -1"),
        PRINTED.replace(b"index 3\n", b""),
        PRINTED.replace(b"extra bW9yZQ==\nindex 3", b"index 3\nextra bW9yZQ=="),
        PRINTED.replace(b"bW9yZQ==", b"bW9yZR=="),
        PRINTED.replace(b"AAEC", b""),
        PRINTED.replace(b"AAEC", b"\xff"),
        PRINTED.replace(b"extra", b"Extra"),
    ],
)
def test_a_proof_that_is_not_canonical_is_refused(data: bytes) -> None:
    """Title, order, numbers and base64 are as they have to be."""
    with pytest.raises(MalformedInput):
        parse_proof(data)


@given(st.binary(max_size=120), st.integers(0, len(PRINTED)))
def test_hostile_proofs_are_malformed_or_canonical(data: bytes, place: int) -> None:
    """Nothing but MalformedInput comes out."""
    for hostile in (data, PRINTED[:place] + data):
        try:
            proof = parse_proof(hostile)
        except MalformedInput:
            continue
        assert print_proof(proof) == hostile


@pytest.mark.parametrize(
    ("largest", "beyond"),
    [
        (Proof(0, (ROOT,) * MOST_PROOF_HASHES, NOTE), Proof(0, (ROOT,) * (MOST_PROOF_HASHES + 1), NOTE)),
        (Proof(0, (), NOTE, bytes(MOST_EXTRA_BYTES)), Proof(0, (), NOTE, bytes(MOST_EXTRA_BYTES + 1))),
        (Proof(0, (), bytes(MOST_NOTE_BYTES)), Proof(0, (), bytes(MOST_NOTE_BYTES + 1))),
        (Proof(MOST_SIZE, (), NOTE), Proof(MOST_SIZE + 1, (), NOTE)),
    ],
)
def test_a_proof_may_be_as_big_as_stated(largest: Proof, beyond: Proof) -> None:
    """At each limit it is read, one past it it is not."""
    assert parse_proof(print_proof(largest)) == largest
    with pytest.raises(MalformedInput):
        parse_proof(print_proof(beyond))
