"""The node's doors for mail, opened as its settings say."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Protocol

from antiphon.backends.vault import read_secret, replace_secret
from antiphon.desk.desk import Desk
from antiphon.desk.hand_in import hand_in
from antiphon.errors import BrokenSettings
from antiphon.formats.handed import Handed
from antiphon.intake.granting import Change, Grants, no_change
from antiphon.intake.handing import HandingPlace
from antiphon.intake.mailport import MailPort
from antiphon.intake.milter import MilterPort
from antiphon.intake.watching import WatchDoor
from antiphon.settings import Settings, host_and_port
from antiphon.terms import Instant
from antiphon.web.door import MailDoor


class Door(Protocol):
    """What is the same for all."""

    def listens(self) -> bool:
        """Whether it takes connections."""
        ...

    async def close(self) -> None:
        """Takes no more, and ends after what is under way."""
        ...


class Port(Door, Protocol):
    """A door with a port."""

    async def open(self, host: str, port: int) -> int:
        """Listens, and returns the port. Raises OSError."""
        ...


@contextlib.contextmanager
def opening(door: str, place: str) -> Iterator[None]:
    """A door that can not be opened is one sentence that says what to change."""
    try:
        yield
    except OSError as error:
        raise BrokenSettings(
            f"The {door} door can not be opened at {place}: {error.strerror or error}.",
            advice=f"Does another program listen there? Change doors.{door} in settings.toml.",
        ) from error


class Doors:
    """Every door that is open, by name. `close` closes them all."""

    def __init__(
        self,
        desk: Desk,
        settings: Settings,
        wake: asyncio.Event,
        *,
        reports: Path,
        tls: ssl.SSLContext,
        change: Change = no_change,
    ) -> None:
        self._desk, self._settings, self._wake = desk, settings, wake
        folder = Path(settings.doors.reports) if settings.doors.reports else reports
        self._folder = folder
        self.handing = HandingPlace(folder, desk.house.derived("handing"), self._take)
        grants = Grants(desk.clock, change, replace_secret)
        self.watching = WatchDoor(desk, wake, tls, partial(read_secret, size=0), grants=grants)
        self.open_now: dict[str, Door] = {}

    async def open(self, say: Callable[..., None]) -> None:
        """Opens them one after the other. Raises BrokenSettings for the first that can not be had."""
        mail, named = MailDoor(self._desk, self._wake), self._settings.doors
        hostname = self._desk.house.domain
        ports: dict[str, tuple[str, Port]] = {
            "lmtp": (named.lmtp, MailPort(mail.accept, mail.knows, protocol="lmtp", hostname=hostname)),
            "smtp": (named.smtp, MailPort(mail.accept, mail.knows, protocol="smtp", hostname=hostname)),
            "milter": (named.milter, MilterPort(mail.commit, mail.watches)),
        }
        for name, (place, port) in ports.items():
            if place:
                host, number = host_and_port(place)
                with opening(name, place):
                    say("door open", protocol=name, address=f"{host}:{await port.open(host, number)}")
                self.open_now[name] = port
        with opening("reports", str(self._folder)):
            await self.handing.open()
        self.open_now["reports"] = self.handing
        self.open_now["imap"] = self.watching

    async def close(self) -> None:
        """Each ends after what is under way."""
        for door in self.open_now.values():
            await door.close()

    async def _take(self, handed: Handed, at: Instant | None) -> None:
        await hand_in(self._desk, handed, at)
        self._wake.set()
