"""Encryption at rest: one data key a member, wrapped by the master key and kept in the key book (LAW §7).

Destroying a key in the book erases all that was sealed under it, backups included: those hold its name and not the key.
A master key file in the home does not protect against whoever has the whole home; it protects backups and stolen
databases when it lies elsewhere.

Sealed bytes: version 1, a random nonce of 12 bytes, ChaCha20-Poly1305 ciphertext with its tag. A random
nonce is safe for 2^32 messages under one key; a member has thousands.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from antiphon.errors import HomeUnusable, MalformedInput
from antiphon.ports import KeyState

KEY = 32
NONCE = 12
VERSION = b"\x01"
SALT_LEAST = 16
SCRYPT_COST = 2**16
SCRYPT_BYTES = 128 * 1024 * 1024

Draw = Callable[[int], bytes]
"""So many unpredictable bytes."""


class Book(Protocol):
    """Keeps wrapped keys by name, so that they can be destroyed."""

    away: str
    """What stands against the copy being whole; empty where nothing does."""

    def add(self, wrapped: bytes) -> bytes:
        """Keeps a wrapped key; durable when this returns its name."""
        ...

    def look(self, named: bytes) -> tuple[KeyState, bytes]:
        """What became of a key, and the wrapped key where it is there."""
        ...

    def wipe(self, named: bytes) -> bool:
        """Destroys a key; whether it is gone wherever it was kept."""
        ...

    def tend(self) -> None:
        """Makes book and copy one again, as far as that can be done now."""
        ...


class KeyVault:
    """Makes, uses and destroys data keys; the master key never leaves this object."""

    def __init__(self, master: bytes, book: Book, draw: Draw = os.urandom) -> None:
        self._master, self._book, self._draw = _cipher(master), book, draw

    @property
    def away(self) -> str:
        """As the port says."""
        return self._book.away

    def new_key(self) -> bytes:
        """The name of a fresh data key."""
        return self._book.add(_seal(self._master, self._draw(KEY), b"data-key", self._draw))

    def seal(self, key: bytes, plain: bytes, context: bytes) -> bytes:
        """Ciphertext that opens only under the same key and context. Raises MalformedInput where the key is gone."""
        return _seal(self._data_key(key), plain, context, self._draw)

    def open(self, key: bytes, sealed: bytes, context: bytes) -> bytes:
        """The plaintext. Raises MalformedInput when key, context or bytes do not fit."""
        return _open(self._data_key(key), sealed, context)

    def state(self, key: bytes) -> KeyState:
        """What became of a key."""
        return self._book.look(key)[0]

    def destroy(self, key: bytes) -> bool:
        """As the port says."""
        return self._book.wipe(key)

    def tend(self) -> None:
        """As the port says."""
        self._book.tend()

    def _data_key(self, key: bytes) -> ChaCha20Poly1305:
        state, wrapped = self._book.look(key)
        if state is not KeyState.THERE:
            raise MalformedInput(f"The key of this data is {state.value}.")
        return _cipher(_open(self._master, wrapped, b"data-key"))


def seal_apart(master: bytes, plain: bytes, context: bytes, draw: Draw = os.urandom) -> bytes:
    """Ciphertext that opens under this master key alone: what belongs to no member."""
    return _seal(_cipher(master), plain, context, draw)


def open_apart(master: bytes, sealed: bytes, context: bytes) -> bytes:
    """What `seal_apart` sealed. Raises MalformedInput when key, context or bytes do not fit."""
    return _open(_cipher(master), sealed, context)


def _cipher(key: bytes) -> ChaCha20Poly1305:
    if len(key) != KEY:
        raise ValueError(f"a key has {KEY} bytes")
    return ChaCha20Poly1305(key)


def _seal(key: ChaCha20Poly1305, plain: bytes, context: bytes, draw: Draw) -> bytes:
    nonce = draw(NONCE)
    return VERSION + nonce + key.encrypt(nonce, plain, context)


def _open(key: ChaCha20Poly1305, sealed: bytes, context: bytes) -> bytes:
    try:
        if not sealed.startswith(VERSION):
            raise MalformedInput("Sealed data of a version that this program does not know.")
        return key.decrypt(sealed[1 : 1 + NONCE], sealed[1 + NONCE :], context)
    except (InvalidTag, ValueError) as error:
        raise MalformedInput("Sealed data does not open under this key.") from error


def stretch(passphrase: str, salt: bytes) -> bytes:
    """A master key from a passphrase by scrypt: about 0.2 s and 64 MiB, so that guessing is dear.

    `salt` is random, kept beside the home and no secret. Raises ValueError for an empty passphrase or a short salt.
    """
    if not passphrase or len(salt) < SALT_LEAST:
        raise ValueError(f"a passphrase, and a salt of at least {SALT_LEAST} bytes")
    plain = passphrase.encode("utf-8")
    return hashlib.scrypt(plain, salt=salt, n=SCRYPT_COST, r=8, p=1, maxmem=SCRYPT_BYTES, dklen=KEY)


def read_secret(path: Path, size: int = KEY) -> bytes:
    """A key file that only its owner, this process's user or root, can read; of `size` bytes unless that is 0.

    Works for a file in the folder of systemd's LoadCredential. Raises HomeUnusable with what to type.
    """
    try:
        with open(path, "rb") as file:
            # Of the open file: another one may take its name meanwhile.
            found = os.fstat(file.fileno())
            if found.st_mode & 0o077:
                raise HomeUnusable(f"{path} can be read by others.", advice=f"chmod 600 {path}")
            if found.st_uid not in (os.geteuid(), 0):
                raise HomeUnusable(f"{path} belongs to another user.", advice=f"chown {os.geteuid()} {path}")
            data = file.read()
    except OSError as error:
        raise HomeUnusable(f"The key {path} can not be read: {error.strerror}.") from error
    if size and len(data) != size:
        raise HomeUnusable(f"The key {path} does not have {size} bytes.", advice="Restore it from a backup.")
    return data


def replace_secret(path: Path, data: bytes) -> None:
    """Other bytes in the place of a secret that a provider changes, whole and durable, readable by its owner only.

    Raises HomeUnusable; then the old bytes are still there.
    """
    fresh = path.with_name(f".{path.name}.new")
    try:
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(path)
    except OSError as error:
        raise HomeUnusable(f"The secret {path} can not be replaced: {error.strerror}.") from error


def write_secret(path: Path, data: bytes) -> None:
    """Writes a new key file, readable by its owner only, whole and durable when this returns.

    Raises HomeUnusable, also when there is one already: a key is never overwritten.
    """
    fresh = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        # A link, not a rename: it fails where a key lies already.
        os.link(fresh, path)
        fresh.unlink()
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise HomeUnusable(f"The key {path} can not be written: {error.strerror}.") from error
