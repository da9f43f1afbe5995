"""What is sealed opens for whoever has key and context, and for nobody else."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.backends import vault
from antiphon.backends.keybook import MemoryBook
from antiphon.backends.vault import (
    KEY,
    KeyVault,
    open_apart,
    read_secret,
    replace_secret,
    seal_apart,
    stretch,
    write_secret,
)
from antiphon.errors import HomeUnusable, MalformedInput

MASTER = bytes(range(KEY))


def test_what_was_sealed_opens_again() -> None:
    """Any bytes, also none."""
    keys = KeyVault(MASTER, MemoryBook())
    wrapped = keys.new_key()
    for plain in (b"", b"x", bytes(100_000)):
        assert keys.open(wrapped, keys.seal(wrapped, plain, b"mail"), b"mail") == plain


def test_nothing_of_the_plaintext_or_the_keys_shows() -> None:
    """Two seals of one text differ, and a wrapped key is not the key."""
    drawn: list[bytes] = []

    def draw(size: int) -> bytes:
        drawn.append(os.urandom(size))
        return drawn[-1]

    book = MemoryBook()
    keys = KeyVault(MASTER, book, draw)
    named = keys.new_key()
    first, second = (keys.seal(named, b"the same text", b"") for _ in range(2))
    assert first != second and b"same" not in first
    assert drawn[0] not in named + book.look(named)[1] and [len(piece) for piece in drawn] == [KEY, 12, 12, 12]


def test_another_key_context_or_master_opens_nothing() -> None:
    """Each part is needed."""
    book = MemoryBook()
    keys, other = KeyVault(MASTER, book), KeyVault(bytes(KEY), book)
    wrapped, second = keys.new_key(), keys.new_key()
    sealed = keys.seal(wrapped, b"text", b"mail")
    for attempt in (
        lambda: keys.open(second, sealed, b"mail"),
        lambda: keys.open(wrapped, sealed, b"salt"),
        lambda: other.open(wrapped, sealed, b"mail"),
        lambda: keys.open(sealed, sealed, b"mail"),
        lambda: other.seal(wrapped, b"text", b"mail"),
        lambda: keys.open(wrapped, wrapped, b"data-key"),
    ):
        with pytest.raises(MalformedInput):
            attempt()


@given(st.integers(min_value=0, max_value=59), st.integers(1, 255))
def test_every_changed_byte_is_found(at: int, mask: int) -> None:
    """Version, nonce, ciphertext and tag."""
    keys = KeyVault(MASTER, MemoryBook())
    wrapped = keys.new_key()
    sealed = bytearray(keys.seal(wrapped, bytes(31), b"mail"))
    sealed[at] ^= mask
    with pytest.raises(MalformedInput):
        keys.open(wrapped, bytes(sealed), b"mail")


@given(st.binary(max_size=80), st.binary(max_size=80))
def test_hostile_bytes_raise_the_declared_error(wrapped: bytes, sealed: bytes) -> None:
    """Truncated, empty or foreign."""
    with pytest.raises(MalformedInput):
        KeyVault(MASTER, MemoryBook()).open(wrapped, sealed, b"")


def test_a_destroyed_key_opens_and_seals_nothing() -> None:
    """Nor does one that was never there."""
    keys = KeyVault(MASTER, MemoryBook())
    named = keys.new_key()
    sealed = keys.seal(named, b"text", b"mail")
    assert keys.destroy(named)
    for attempt in (lambda: keys.open(named, sealed, b"mail"), lambda: keys.seal(named, b"text", b"mail")):
        with pytest.raises(MalformedInput, match="destroyed"):
            attempt()
    with pytest.raises(MalformedInput, match="missing"):
        keys.seal(bytes(24), b"text", b"mail")


def test_what_belongs_to_no_member_opens_under_the_master_key_alone() -> None:
    """Under no other, and in no other place."""
    sealed = seal_apart(MASTER, b"log key", b"log")
    assert open_apart(MASTER, sealed, b"log") == b"log key"
    for master, context in ((bytes(KEY), b"log"), (MASTER, b"dkim")):
        with pytest.raises(MalformedInput):
            open_apart(master, sealed, context)


@pytest.mark.parametrize("size", [0, KEY - 1, KEY + 1])
def test_a_master_key_has_its_size(size: int) -> None:
    """No silent padding."""
    with pytest.raises(ValueError):
        KeyVault(bytes(size), MemoryBook())


def test_a_passphrase_gives_the_same_key_again() -> None:
    """The same as scrypt elsewhere, another for another salt; empty ones are refused."""
    key = stretch("correct horse", b"s" * 16)
    assert key == hashlib.scrypt(b"correct horse", salt=b"s" * 16, n=65536, r=8, p=1, maxmem=2**28, dklen=KEY)
    assert key != stretch("correct horse", b"t" * 16)
    for passphrase, salt in (("", b"s" * 16), ("x", b"s" * 15)):
        with pytest.raises(ValueError):
            stretch(passphrase, salt)


def test_a_secret_is_written_for_its_owner_and_read_again(tmp_path: Path) -> None:
    """Mode 600 from the first moment, folder 700, nothing left beside it."""
    path = tmp_path / "keys" / "master"
    write_secret(path, MASTER)
    assert read_secret(path) == MASTER
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert os.listdir(path.parent) == ["master"]


def test_a_secret_is_never_overwritten(tmp_path: Path) -> None:
    """A second one is refused, and the first stays as it is."""
    write_secret(tmp_path / "master", MASTER)
    with pytest.raises(HomeUnusable):
        write_secret(tmp_path / "master", bytes(KEY))
    assert read_secret(tmp_path / "master") == MASTER


def test_a_secret_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk in the middle leaves no half key; the next try succeeds."""

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(vault.os, "fsync", full)
        with pytest.raises(HomeUnusable, match="No space"):
            write_secret(tmp_path / "master", MASTER)
    assert not (tmp_path / "master").exists()
    write_secret(tmp_path / "master", MASTER)
    assert read_secret(tmp_path / "master") == MASTER


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o610, 0o601, 0o644, 0o620])
def test_a_key_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    """With the command that mends it."""
    path = tmp_path / "master"
    write_secret(path, MASTER)
    path.chmod(mode)
    with pytest.raises(HomeUnusable) as refused:
        read_secret(path)
    assert refused.value.advice == f"chmod 600 {path}"


def test_a_key_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who owns a file can change it."""
    path = tmp_path / "master"
    write_secret(path, MASTER)
    if os.geteuid() == 0:
        os.chown(path, 12345, -1)
    else:
        monkeypatch.setattr(vault.os, "geteuid", lambda: 12345)
    with pytest.raises(HomeUnusable, match="another user"):
        read_secret(path)


@pytest.mark.parametrize("size", [0, KEY - 1, KEY + 1])
def test_a_key_file_of_the_wrong_size_is_refused(tmp_path: Path, size: int) -> None:
    """A truncated key would encrypt with nonsense."""
    write_secret(tmp_path / "master", bytes(size))
    with pytest.raises(HomeUnusable):
        read_secret(tmp_path / "master")
    assert len(read_secret(tmp_path / "master", 0)) == size


def test_a_missing_key_is_a_sentence(tmp_path: Path) -> None:
    """Not a traceback."""
    with pytest.raises(HomeUnusable, match="No such file"):
        read_secret(tmp_path / "master")


def test_a_secret_that_a_provider_changes_is_replaced_whole(tmp_path: Path) -> None:
    """For its owner only; where that can not be, the old one is still there."""
    place = tmp_path / "consent"
    place.write_bytes(b"old")
    replace_secret(place, b"new")
    assert (place.read_bytes(), place.stat().st_mode & 0o777) == (b"new", 0o600)
    assert [path.name for path in tmp_path.iterdir()] == ["consent"]
    with pytest.raises(HomeUnusable):
        replace_secret(tmp_path / "nowhere" / "consent", b"new")
