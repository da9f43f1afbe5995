"""A home as one file, and back: packing while the node runs, unpacking beside, and looking through what came out."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from antiphon import __version__
from antiphon.backends.bundle import About, read_bundle, write_bundle
from antiphon.backends.home import Home
from antiphon.backends.keybook import begin_book, copy_book
from antiphon.backends.shelf import FolderShelf
from antiphon.backends.sqlite import migrate, restore_check, schema_version, shipped
from antiphon.backends.vault import open_apart, read_secret, seal_apart, write_secret
from antiphon.cli.frame import call
from antiphon.desk.desk import ARMED, Desk
from antiphon.desk.log import SIZE, hash_at, number
from antiphon.desk.publish import publish_tree
from antiphon.errors import HomeUnusable, MalformedInput, StorageFailed, UnreadableFile
from antiphon.ledger import audit as auditor
from antiphon.ledger.allowance import Armed
from antiphon.node import default_anchor, open_desk
from antiphon.ports import CABINETS, Setting, Transaction
from antiphon.registry.mandate import Mandate
from antiphon.settings import Settings, load_settings, print_settings

View = dict[str, object]
STAGE = "backup.part"


def pack(home: Home, target: Path) -> About:
    """The whole home but for its master key, its members' keys, its public folder and its snapshots, in a new file,
    while it works.

    The spool is copied before the database: what is acknowledged when the copy begins is in one of them or in both,
    and what is in both is received once. The keys are sealed under the master key. Raises StorageFailed.
    """
    settings = load_settings(home.settings)
    stage, master = home.path / STAGE, read_secret(_master_of(home, settings))
    shutil.rmtree(stage, ignore_errors=True)
    try:
        (stage / "keys").mkdir(mode=0o700, parents=True)
        _copy_spool(home.spool, stage / "spool")
        said = call(home.path, "backup", path=str(stage / "antiphon.db"))
        shutil.copyfile(home.settings, stage / "settings.toml")
        for key in (home.log_key, home.keys / "dkim-ed25519", home.keys / "dkim-rsa"):
            sealed = seal_apart(master, read_secret(key, 0), key.name.encode())
            (stage / "keys" / f"{key.name}.sealed").write_bytes(sealed)
        anchor = settings.anchor or str(default_anchor(home).absolute())
        about = About(1, __version__, said["now"], anchor, ())
        return write_bundle(stage, target, about)
    except OSError as error:
        raise StorageFailed(f"The backup can not be made: {error}.", advice="Look at the disk.") from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _copy_spool(spool: Path, to: Path) -> None:
    """The segments, oldest first. A running node removes what it has received; then the copy begins again."""
    while True:
        shutil.rmtree(to, ignore_errors=True)
        to.mkdir(mode=0o700)
        try:
            for segment in sorted(spool.iterdir()):
                shutil.copyfile(segment, to / segment.name)
        except FileNotFoundError:
            continue
        return


@dataclass(frozen=True, slots=True)
class Keys:
    """What a backup does not hold: the master key's file and the members' key book, None where the settings say it.
    `without`: go on without the keys that are in no book. `keep`: the book is copied, for a home that stays; else it is
    only read where it lies."""

    master: Path | None
    members: Path | None
    without: bool = False
    keep: bool = False


@contextmanager
def unpacked(file: Path, beside: Path, keys: Keys) -> Iterator[tuple[Home, About, Settings, View]]:
    """A whole home out of a backup, in a folder of its own next to `beside`, which goes when the block ends unless it
    got another name; with its settings as they will be, and what was found in it. Raises UnreadableFile for a damaged
    backup, HomeUnusable for keys that do not fit or are missing or a backup of a newer program, StorageFailed."""
    try:
        beside.parent.mkdir(parents=True, exist_ok=True)
        place = Path(tempfile.mkdtemp(prefix=f".{beside.name}-", dir=beside.parent))
    except OSError as error:
        raise HomeUnusable(f"Nothing can be written in {beside.parent}: {error.strerror}.") from error
    try:
        home = Home(place / "home")
        about = read_bundle(file, home.path)
        settings = load_settings(home.settings, {})
        settings = msgspec.structs.replace(settings, anchor=settings.anchor or about.anchor)
        if keys.master is not None and settings.master_key:
            settings = msgspec.structs.replace(settings, master_key=str(keys.master.absolute()))
        _open_keys(home, settings, keys.master)
        _lay_book(home, settings, keys)
        # Looked through outside of any world, with no door open, and away from the copy of the members' keys.
        _keep(home, msgspec.structs.replace(settings, world="", member_keys_copy=""))
        found = asyncio.run(_look_through(home, place, without_missing=keys.without))
        _keep(home, settings)
        yield home, about, settings, found
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _keep(home: Home, settings: Settings) -> None:
    FolderShelf(home.path).put(home.settings.name, print_settings(settings).encode())


def _master_of(home: Home, settings: Settings) -> Path:
    return Path(settings.master_key) if settings.master_key else home.keys / "master"


def _lay_book(home: Home, settings: Settings, keys: Keys) -> None:
    """The key book where a home has it. One that is only looked at stays where it is: a copy that a crash left behind
    would be out of the reach of every later erasure."""
    copy = Path(settings.member_keys_copy) if settings.member_keys_copy else None
    book = keys.members or (copy if copy is not None and copy.exists() else None)
    if book is None:
        begin_book(home.members)
    elif not book.exists():
        raise UnreadableFile(f"There are no members' keys at {book}.", advice="Name the file with --member-keys.")
    elif keys.keep:
        copy_book(book, home.members)
    else:
        home.members.symlink_to(book.absolute())


def _open_keys(home: Home, settings: Settings, master: Path | None) -> None:
    file = master or (Path(settings.master_key) if settings.master_key else None)
    if file is None:
        raise UnreadableFile("The master key is in no backup.", advice="Give it with --master-key FILE.")
    secret = read_secret(file)
    try:
        for sealed in sorted(home.keys.glob("*.sealed")):
            plain = open_apart(secret, sealed.read_bytes(), sealed.stem.encode())
            write_secret(home.keys / sealed.stem, plain)
            sealed.unlink()
    except (MalformedInput, ValueError) as error:
        raise HomeUnusable(
            f"The master key {file} does not open this backup.", advice="Give the one of that home with --master-key."
        ) from error
    if not settings.master_key:
        write_secret(home.keys / "master", secret)


async def _look_through(home: Home, place: Path, *, without_missing: bool) -> View:
    """Everything that a node would rely on: every page, every record, every member's key, the whole ledger. Who was
    erased after the backup is erased in it again."""
    if schema_version(home.database) <= len(shipped()):
        migrate(str(home.database), shipped(), home.snapshots)
    held = restore_check(str(home.database), CABINETS)
    async with open_desk(home, without_missing_keys=without_missing) as (desk, _, _):
        await desk.store.write(lambda tx: tx.put(Setting(ARMED, bytes([Armed.OBSERVING]))))
        await desk.store.read(lambda tx: _check_members(tx, desk))
        size = await publish_tree(desk, FolderShelf(place / "ledger"))
        report = auditor.audit(str(place / "ledger"))
        if not report.consistent or report.size != size:
            raise UnreadableFile(f"The ledger in this backup is broken: {report.text().splitlines()[0]}.")
        return {
            "schema": held.schema,
            "members": held.records["mandate"],
            "members_erased": await desk.store.read(lambda tx: tx.count(Mandate, data_key=None)),
            "reports": held.records["report"],
            "sightings": held.records["sighting"],
            "attempts": held.records["attempt"],
            "ledger_entries": size,
            "ledger": "consistent",
            "waiting_in_spool": len(list(desk.spool.waiting())),
            "anchor_agrees": desk.log.agrees,
            "anchor": "" if desk.log.agrees else desk.log.lost.sentence(),
        }


def _check_members(tx: Transaction, desk: Desk) -> None:
    for mandate in tx.find(Mandate):
        if mandate.data_key is not None:
            desk.vault.seal(mandate.data_key, b"", b"check")
    hash_at(tx, 0, number(tx, SIZE) - 1)
