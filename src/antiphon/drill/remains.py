"""What a dead node has left on its disk: a copy of its database, read with SQL and without the node's own code."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import apsw

from antiphon.formats.dkim import identities, verify
from antiphon.formats.message import parse_message


def known_by(raw: bytes) -> tuple[bytes, ...]:
    """By which identities a home knows a mail."""
    message = parse_message(raw)
    return identities(message, verify(message, {}))


class Remains:
    """A copy of the database and its WAL, so that looking at it does no work for whoever comes next."""

    def __init__(self, home: Path) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="antiphon-")
        for ending in ("", "-wal"):
            source = home / f"antiphon.db{ending}"
            if source.exists():
                shutil.copyfile(source, Path(self._folder.name) / source.name)
        self._connection = apsw.Connection(str(Path(self._folder.name) / "antiphon.db"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()
        self._folder.cleanup()

    def intents(self, originator: str) -> int:
        """Attempts that were written down for this originator."""
        return self._count("SELECT count(*) FROM attempt WHERE originator = ?", originator)

    def spent(self, originator: str) -> int:
        """Sightings of this originator that have paid."""
        return self._count("SELECT count(*) FROM sighting WHERE originator = ? AND paid IS NOT NULL", originator)

    def books(self, party: str) -> tuple[int, int, int]:
        """Over all channels: intents for this party, the sightings that paid for them, and the bytes of these mails; as
        the originator that was asked, and as the host that was told."""
        asked = "SELECT intent FROM attempt WHERE originator = ? AND act != 'complaint'"
        told = "SELECT intent FROM attempt WHERE host = ? AND act = 'complaint'"
        both = f"{asked} UNION {told}"
        paid = f"FROM sighting WHERE paid IN ({asked}) OR complained IN ({told})"
        return (
            self._count(f"SELECT count(*) FROM ({both})", party, party),
            self._count(f"SELECT count(*) {paid}", party, party),
            self._count(f"SELECT coalesce(sum(size), 0) {paid}", party, party),
        )

    def holds(self, originator: str, now: int) -> list[int]:
        """When the holds end, after now, of this originator's sightings that have not paid."""
        waits = "paid IS NULL AND state = 'committed' AND originator = ? AND hold_until > ?"
        return [
            row[0]
            for row in self._connection.execute(f"SELECT hold_until FROM sighting WHERE {waits}", (originator, now))
        ]

    def sightings(self) -> int:
        """Sightings of all originators, whether or not they have paid."""
        return self._count("SELECT count(*) FROM sighting")

    def entries(self) -> int:
        """The size of its ledger."""
        return self._count("SELECT count(*) FROM entry")

    def has_report(self, member: str, identities: Sequence[bytes]) -> bool:
        """Whether this member's report of this message is there, however it was judged."""
        return any(self._known("report", member, identity) for identity in identities)

    def has_delivery(self, member: str, identities: Sequence[bytes]) -> bool:
        """Whether this message's arrival for this member is there."""
        return any(self._known("delivery", member, identity) for identity in identities)

    def reports(self) -> int:
        """Reports, however they were judged."""
        return self._count("SELECT count(*) FROM report")

    def copies(self, member: str, identities: Sequence[bytes], reported: bool) -> int:
        """How often this message is there for this member: as a report, or as an arrival."""
        table, unit = ("report", "*") if reported else ("delivery", "DISTINCT delivery")
        marks = ", ".join("?" * len(identities))
        known = f"member = (SELECT member FROM mandate WHERE address = ?) AND identity IN ({marks})"
        return self._count(f"SELECT count({unit}) FROM {table} WHERE {known}", member, *identities)

    def _known(self, table: str, member: str, identity: bytes) -> bool:
        member_of = "member = (SELECT member FROM mandate WHERE address = ?)"
        return self._count(f"SELECT count(*) FROM {table} WHERE {member_of} AND identity = ?", member, identity) > 0

    def _count(self, sql: str, *values: str | bytes) -> int:
        return int(self._connection.execute(sql, values).get)
