"""Verbs of the doctor: what the node finds wrong with itself, and probes through its doors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict

from antiphon.desk.desk import Desk
from antiphon.desk.diagnose import diagnose
from antiphon.desk.probe import DOORS, last_probe, probe_token
from antiphon.errors import MalformedInput

Request = dict[str, object]


class Checkup:
    """For one node."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def verbs(self) -> dict[str, Callable[[Request], Awaitable[object]]]:
        """By name."""
        return {"doctor": self._doctor, "probe": self._probe, "probes": self._probes}

    async def _doctor(self, q: Request) -> object:
        """The findings, the worst first; `doors` names those that are open."""
        named = q.get("doors")
        doors = [str(door) for door in named] if isinstance(named, list) else []
        return [asdict(finding) for finding in await diagnose(self._desk, doors)]

    async def _probe(self, q: Request) -> object:
        """Where to send a probe of one door."""
        door = q.get("door")
        if door not in DOORS:
            raise MalformedInput(f"{door!r} is no door.", advice=f"There are {', '.join(DOORS)}.")
        return {"recipient": f"probe+{probe_token(self._desk, str(door))}@{self._desk.house.domain}"}

    async def _probes(self, _: Request) -> object:
        """When a probe last came to the end of the chain, by door."""
        return await self._desk.store.read(lambda tx: {door: last_probe(tx, door) for door in DOORS})
