"""Encryption at rest: one data key a member, wrapped by the master key (LAW §7).

A key file in the home does not protect against whoever has the whole home; it protects backups and stolen databases
when the key file lies elsewhere (`master_key`).
"""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from antiphon.errors import HomeUnusable, MalformedInput

NONCE = 12
KEY = 32


class KeyVault:
    """Wraps and uses data keys; the master key never leaves this object."""

    def __init__(self, master: bytes) -> None:
        self._master = ChaCha20Poly1305(master)

    def new_key(self) -> bytes:
        """A fresh data key, wrapped."""
        return _seal(self._master, os.urandom(KEY), b"data-key")

    def seal(self, wrapped: bytes, plain: bytes, context: bytes) -> bytes:
        """Ciphertext that opens only under the same key and context."""
        return _seal(self._unwrap(wrapped), plain, context)

    def open(self, wrapped: bytes, sealed: bytes, context: bytes) -> bytes:
        """The plaintext. Raises MalformedInput when key, context or bytes do not fit."""
        return _open(self._unwrap(wrapped), sealed, context)

    def _unwrap(self, wrapped: bytes) -> ChaCha20Poly1305:
        return ChaCha20Poly1305(_open(self._master, wrapped, b"data-key"))


def _seal(key: ChaCha20Poly1305, plain: bytes, context: bytes) -> bytes:
    nonce = os.urandom(NONCE)
    return nonce + key.encrypt(nonce, plain, context)


def _open(key: ChaCha20Poly1305, sealed: bytes, context: bytes) -> bytes:
    try:
        return key.decrypt(sealed[:NONCE], sealed[NONCE:], context)
    except (InvalidTag, ValueError) as error:
        raise MalformedInput("Sealed data does not open under this key.") from error


def read_secret(path: Path, size: int = KEY) -> bytes:
    """A key file of `size` bytes that only its owner can read. Raises HomeUnusable with what to type."""
    try:
        if path.stat().st_mode & 0o077:
            raise HomeUnusable(f"{path} can be read by others.", advice=f"chmod 600 {path}")
        data = path.read_bytes()
    except OSError as error:
        raise HomeUnusable(f"The key {path} can not be read: {error.strerror}.") from error
    if size and len(data) != size:
        raise HomeUnusable(f"The key {path} does not have {size} bytes.", advice="Restore it from a backup.")
    return data


def write_secret(path: Path, data: bytes) -> None:
    """Writes a new key file, readable by its owner only, durable when this returns. Raises HomeUnusable."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
    except OSError as error:
        raise HomeUnusable(f"The key {path} can not be written: {error.strerror}.") from error
