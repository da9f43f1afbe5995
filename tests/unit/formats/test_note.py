"""Signed notes: the standard's own example, and each way in which a note can be wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.errors import MalformedInput
from antiphon.formats.note import (
    MOST_NOTE_BYTES,
    MOST_SIGNATURES,
    Signer,
    Verifier,
    decode_base64,
    encode_base64,
    open_note,
    parse_vkey,
    print_vkey,
    public_key,
    sign,
    sign_note,
    verify,
)

# C2SP signed-note, section Verifier keys.
VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE = (
    "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjO"
    "BH3mFXmRKuwHjG1Yu72IneyaQM=\n"
).encode()

LOG = Signer("ledger.example/log", bytes([1]) * 32)
WITNESS = Signer("witness.example", bytes([2]) * 32)
NOTE = sign_note("one\n\ntwo\n", [LOG])
LINE = NOTE.decode().splitlines(keepends=True)[-1]

names = st.text(min_size=1, max_size=20).filter(
    lambda name: not any(mark == "+" or mark < " " or mark.isspace() for mark in name)
)
texts = st.text(max_size=60).map(lambda text: "".join(mark for mark in text if mark >= " " or mark == "\n") + "\n")
keys = st.binary(min_size=32, max_size=32)


def test_the_example_of_the_standard_verifies() -> None:
    """Key, key id and signature are those of C2SP signed-note."""
    verifier = parse_vkey(VKEY)
    assert verifier.key_id.hex() == "530d903a"
    note = open_note(EXAMPLE, [verifier])
    assert (note.text, note.signed_by, note.unknown) == ("This is an example message.\n", (verifier,), ())


@given(texts, st.lists(st.builds(Signer, names, keys), min_size=1, max_size=3, unique_by=lambda signer: signer.name))
def test_what_was_signed_opens(text: str, signers: list[Signer]) -> None:
    """Every text that a note can hold comes back, with all who signed it."""
    note = open_note(sign_note(text, signers), [signer.verifier for signer in signers])
    assert note.text == text
    assert note.signed_by == tuple(signer.verifier for signer in signers)


@given(names, keys)
def test_a_verifier_key_comes_back(name: str, public: bytes) -> None:
    """Printing and parsing are inverse."""
    verifier = Verifier(name, public)
    assert parse_vkey(print_vkey(verifier)) == verifier


def test_a_line_of_an_unknown_key_is_named_and_not_trusted() -> None:
    """Whoever asked decides what an unknown signer means."""
    note = open_note(sign_note("text\n", [WITNESS, LOG]), [LOG.verifier])
    assert note.signed_by == (LOG.verifier,)
    assert note.unknown == ("witness.example",)


def test_a_note_of_unknown_keys_only_is_refused() -> None:
    """At least one known key has to sign."""
    with pytest.raises(MalformedInput, match="no known key"):
        open_note(NOTE, [WITNESS.verifier])


def test_the_same_name_with_another_key_is_unknown() -> None:
    """Name and key id together name a key."""
    with pytest.raises(MalformedInput, match="no known key"):
        open_note(NOTE, [Signer(LOG.name, WITNESS.private).verifier])


def test_a_known_key_that_fails_refuses_the_note() -> None:
    """Also where another known key verifies."""
    wrong = sign_note("other\n", [WITNESS]).decode().splitlines(keepends=True)[-1]
    with pytest.raises(MalformedInput, match="witness"):
        open_note(NOTE + wrong.encode(), [LOG.verifier, WITNESS.verifier])
    assert open_note(NOTE + wrong.encode(), [LOG.verifier]).unknown == ("witness.example",)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"\n\n",
        b"text\n",
        b"text\n\n",
        LINE.encode(),
        ("text\n" + LINE).encode(),
        NOTE[:-1],
        NOTE + b"\n",
        NOTE.replace(b"two", b"tw\xff"),
        NOTE.replace(b"two", b"t\r\n"),
        NOTE.replace(b"two", b"t\0o"),
        NOTE.replace(b"two", b"six"),
        NOTE.replace("—".encode(), b"-"),
        NOTE.replace("— ".encode(), "—".encode()),
        NOTE.replace(b"ledger.example/log", b""),
        NOTE.replace(b"ledger.example/log", b"ledger+example"),
        NOTE.replace(b"ledger.example/log", "ledger\u00a0example".encode()),
        NOTE + LINE.encode(),
        NOTE[:-2] + b"\n",
        NOTE.replace(LINE.encode(), "— ledger.example/log AAAAAA==\n".encode()),
    ],
)
def test_a_note_that_is_not_canonical_is_refused(data: bytes) -> None:
    """No text, no line, no end, other bytes, other dash, other names, twice signed, other base64, no signature."""
    with pytest.raises(MalformedInput):
        open_note(data, [LOG.verifier])


@given(st.integers(0, len(NOTE) - 1), st.integers(1, 255))
def test_no_byte_of_a_note_is_free(place: int, change: int) -> None:
    """Whatever is changed, the log's signature is gone."""
    data = bytearray(NOTE)
    data[place] ^= change
    with pytest.raises(MalformedInput):
        open_note(bytes(data), [LOG.verifier])


@given(st.binary(max_size=200) | st.text(max_size=80).map(lambda text: f"{text}\n\n— {text}\n".encode()))
def test_hostile_bytes_are_malformed(data: bytes) -> None:
    """Nothing but MalformedInput comes out."""
    with pytest.raises(MalformedInput):
        open_note(data, [LOG.verifier])


@given(st.text(max_size=80) | st.builds("{}+{}+{}".format, names, st.text(max_size=8), st.text(max_size=48)))
def test_hostile_keys_are_malformed(text: str) -> None:
    """Nothing but MalformedInput comes out."""
    with pytest.raises(MalformedInput):
        parse_vkey(text)


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        VKEY.replace("foo", "bar"),
        VKEY.replace("530d903a", "530D903A"),
        VKEY.replace("530d903a", "530d903b"),
        VKEY.replace("+Ae", "+Be"),
        VKEY[:-4],
        VKEY + "\n",
        "a b" + VKEY,
        VKEY.replace("example.com/foo", ""),
        "\ud800" + VKEY,
        print_vkey(LOG.verifier).replace("+AY", "+BI"),
    ],
)
def test_a_verifier_key_that_does_not_fit_is_refused(vkey: str) -> None:
    """Name, id, type and key have to fit each other."""
    with pytest.raises(MalformedInput):
        parse_vkey(vkey)


@pytest.mark.parametrize("text", ["", "no end", "a\n\nb", "tab\t\n", "\r\n"])
def test_a_text_that_no_note_can_hold_is_not_signed(text: str) -> None:
    """What would not open again is not signed."""
    with pytest.raises(MalformedInput):
        sign_note(text, [LOG])


def test_a_note_needs_a_signer() -> None:
    """Text without a signature is no note."""
    with pytest.raises(MalformedInput):
        sign_note("text\n", [])


def test_a_note_may_have_as_many_signatures_as_stated() -> None:
    """At the limit it opens, one past it it does not."""
    signers = [Signer(f"w{number}.example", LOG.private) for number in range(MOST_SIGNATURES)]
    assert len(open_note(sign_note("t\n", signers), [signers[0].verifier]).unknown) == MOST_SIGNATURES - 1
    with pytest.raises(MalformedInput, match="signature lines"):
        sign_note("t\n", [*signers, LOG])


def test_a_note_may_be_as_long_as_stated() -> None:
    """At the limit it opens, one past it it does not."""
    room = MOST_NOTE_BYTES - len(sign_note("\n", [LOG]))
    assert len(sign_note("x" * room + "\n", [LOG])) == MOST_NOTE_BYTES
    with pytest.raises(MalformedInput, match="longer"):
        sign_note("x" * (room + 1) + "\n", [LOG])


def test_a_private_key_is_not_shown() -> None:
    """A log line that prints a signer gives nothing away."""
    assert "\\x01" not in repr(LOG) and LOG.name in repr(LOG)


def test_signatures_verify_for_their_key_and_message_only() -> None:
    """Another message, another key, and malformed input are False, never an error."""
    signature, public = sign(LOG.private, b"message"), public_key(LOG.private)
    assert verify(public, signature, b"message")
    assert not verify(public, signature, b"other")
    assert not verify(public_key(WITNESS.private), signature, b"message")
    assert not verify(public[:-1], signature, b"message")
    assert not verify(public, signature[:-1], b"message")


def test_a_signature_has_one_form() -> None:
    """RFC 8032 §5.1.7: S below L; adding the order gives no second signature."""
    signature, public = sign(LOG.private, b"message"), public_key(LOG.private)
    order = 2**252 + 27742317777372353535851937790883648493
    moved = signature[:32] + (int.from_bytes(signature[32:], "little") + order).to_bytes(32, "little")
    assert not verify(public, moved, b"message")


@given(st.binary(max_size=20))
def test_base64_comes_back(data: bytes) -> None:
    """Encoding and decoding are inverse."""
    assert decode_base64(encode_base64(data)) == data


@pytest.mark.parametrize("text", ["A", "AA", "AB==", "AAB=", "AA==\n", "AA ==", "A-_=", "é", "====", "AA==AA=="])
def test_base64_that_is_not_canonical_is_refused(text: str) -> None:
    """Padding bits, padding, alphabet and white space (RFC 4648 §3.5)."""
    with pytest.raises(MalformedInput):
        decode_base64(text)
