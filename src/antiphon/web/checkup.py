"""Verbs of the doctor: what the node finds wrong with itself, and probes through its doors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict

from antiphon.desk.acknowledge import acknowledge, holds, known_of
from antiphon.desk.desk import Desk
from antiphon.desk.diagnose import diagnose
from antiphon.desk.probe import DOORS, last_probe, probe_token
from antiphon.errors import MalformedInput
from antiphon.terms import Instant, show_instant

Request = dict[str, object]


class Checkup:
    """For one node."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def verbs(self) -> dict[str, Callable[[Request], Awaitable[object]]]:
        """By name."""
        return {
            "doctor": self._doctor,
            "probe": self._probe,
            "probes": self._probes,
            "acknowledge": self._acknowledge,
            "acknowledged": self._acknowledged,
        }

    async def _doctor(self, q: Request) -> object:
        """The findings, the worst first; `doors` names those that are open."""
        named = q.get("doors")
        doors = [str(door) for door in named] if isinstance(named, list) else []
        return [asdict(finding) for finding in await diagnose(self._desk, doors)]

    async def _acknowledge(self, q: Request) -> object:
        days = q.get("days")
        if not isinstance(days, int):
            raise MalformedInput("A finding is acknowledged for a number of days.")
        check, severity, why = (str(q.get(name, "")) for name in ("check", "severity", "why"))
        known = await acknowledge(self._desk, check, severity=severity, why=why, days=days)
        return {"check": check, "why": known.why, "until": show_instant(Instant(known.until)) if days else None}

    async def _acknowledged(self, q: Request) -> object:
        """Findings as given, each with why and until when it is known; empty and null where it is not."""
        given = q.get("findings")
        rows = [dict(row) for row in given if isinstance(row, dict)] if isinstance(given, list) else []
        known = await self._desk.store.read(lambda tx: known_of(tx, self._desk.clock.now()))
        for row in rows:
            found = known.get(str(row["check"]))
            held = found if found is not None and holds(found, str(row["severity"])) else None
            row["acknowledged"] = held.why if held else ""
            row["until"] = show_instant(Instant(held.until)) if held else None
        return rows

    async def _probe(self, q: Request) -> object:
        """Where to send a probe of one door."""
        door = q.get("door")
        if door not in DOORS:
            raise MalformedInput(f"{door!r} is no door.", advice=f"There are {', '.join(DOORS)}.")
        return {"recipient": f"probe+{probe_token(self._desk, str(door))}@{self._desk.house.domain}"}

    async def _probes(self, _: Request) -> object:
        """When a probe last came to the end of the chain, by door."""
        return await self._desk.store.read(lambda tx: {door: last_probe(tx, door) for door in DOORS})
