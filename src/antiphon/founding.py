"""How a home begins: keys, settings, database, the first two ledger entries, the anchor.

Whatever ends it on the way, no home is there, and the next `init` begins again: the log key gets its name last.
"""

from __future__ import annotations

import asyncio
import os
from hashlib import sha256
from pathlib import Path

import msgspec

from antiphon.backends.home import Home
from antiphon.backends.keybook import begin_book
from antiphon.backends.shelf import FolderShelf
from antiphon.backends.signer import new_rsa_key
from antiphon.backends.sqlite import SqliteStore, migrate, shipped
from antiphon.backends.vault import read_secret, write_secret
from antiphon.desk.approve import prepare_operator, submit_operator
from antiphon.desk.log import HOUR_CLOSED, keep_number
from antiphon.errors import HomeUnusable, MalformedInput, UnreadableFile
from antiphon.formats.note import Signer, open_note, public_key, sign
from antiphon.ledger.entry import KeyRotated
from antiphon.node import Surroundings, Who, default_anchor, desk_of, log_of
from antiphon.ports import CABINETS, Setting, Transaction
from antiphon.settings import Settings, print_settings
from antiphon.terms import HOUR, Identifier, ledger_day


def initialise(home: Home, settings: Settings, *, operator_key: Path, operator_name: str) -> None:
    """Makes a new home. A home that is there stays as it is. Raises HomeUnusable, UnreadableFile or BrokenSettings;
    then no home is there, and nothing that was there before has changed."""
    if home.is_home():
        return
    anchor = Path(settings.anchor).absolute() if settings.anchor else default_anchor(home)
    settings = msgspec.structs.replace(
        settings, anchor=str(anchor), member_keys_copy=settings.member_keys_copy or f"{anchor}.keys"
    )
    if home.path.absolute() in anchor.parents:
        raise HomeUnusable(f"The anchor {anchor} lies in the home.", advice="Give another with --anchor.")
    private = _private_key(operator_key) if operator_key.exists() else os.urandom(32)
    home.create()
    home.lock()
    try:
        if not home.begun.exists():
            write_secret(home.begun, os.urandom(32))
        log_key = read_secret(home.begun)
        community = sha256(b"antiphon/community/1" + public_key(log_key)).digest()[:16]
        who = Who(Identifier(community), Identifier(os.urandom(16)), os.urandom(32), log_key)
        _make_way(home, anchor, who)
        if not home.settings.exists():
            FolderShelf(home.path).put(home.settings.name, print_settings(settings).encode())
        for book in (home.members, Path(settings.member_keys_copy)):
            begin_book(book)
        if not operator_key.exists():
            write_secret(operator_key, private.hex().encode())
        for name, data in (("master", os.urandom(32)), ("dkim-ed25519", os.urandom(32)), ("dkim-rsa", new_rsa_key())):
            if not (home.keys / name).exists():
                write_secret(home.keys / name, data)
        migrate(str(home.database), shipped(), home.snapshots)
        asyncio.run(_first_entries(home, settings, who, private=private, name=operator_name))
        # Only with it is this a home.
        home.begun.rename(home.log_key)
    finally:
        home.unlock()


def _private_key(file: Path) -> bytes:
    try:
        private = bytes.fromhex(file.read_text("ascii").strip())
    except (OSError, ValueError) as error:
        raise UnreadableFile(f"No operator's key can be read from {file}.", advice="Name another.") from error
    if len(private) != 32:
        raise UnreadableFile(f"{file} holds {len(private)} bytes; an operator's key has 32.", advice="Name another.")
    return private


def _make_way(home: Home, anchor: Path, who: Who) -> None:
    """Removes what an `init` that was broken off has left: a database without a home, and the anchor that it began.
    Raises HomeUnusable where the anchor is of another ledger."""
    try:
        anchor.parent.mkdir(parents=True, exist_ok=True)
        held = anchor.read_bytes() if anchor.exists() else b""
        if held:
            open_note(held, [Signer(who.origin, who.log_key).verifier])
            anchor.unlink()
    except MalformedInput as error:
        raise HomeUnusable(f"The anchor {anchor} exists already.", advice="Give another with --anchor.") from error
    except OSError as error:
        raise HomeUnusable(
            f"The anchor can not be at {anchor}: {error.strerror}.", advice="Give another with --anchor."
        ) from error
    home.clear()


async def _first_entries(home: Home, settings: Settings, who: Who, *, private: bytes, name: str) -> None:
    store = SqliteStore(str(home.database), CABINETS)
    around = Surroundings(settings)
    clock, log = around.clock, log_of(home, settings, store, who)

    def work(tx: Transaction) -> None:
        now = clock.now()
        for key, value in (("community", who.community), ("operator", who.operator), ("secret", who.secret)):
            tx.add(Setting(key, value))
        keep_number(tx, HOUR_CLOSED, now // HOUR - 1)
        first = KeyRotated(day=ledger_day(now), key=public_key(who.log_key), community=who.community)
        log.append(tx, first, now)

    try:
        log.found()
        await around.connect("init")
        await store.write(work)
        desk = desk_of(home, settings, around, log, store=store, who=who)
        prepared = await prepare_operator(desk, name, public_key(private), by=None)
        await submit_operator(desk, prepared, {}, own=sign(private, prepared.sign))
        await log.anchor()
    finally:
        await store.close()
        await around.close()
