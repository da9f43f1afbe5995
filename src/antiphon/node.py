"""The composition root: from settings to objects; the only file that knows everyone."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import signal
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from antiphon import __version__
from antiphon.backends import dns
from antiphon.backends.datafiles import authorities
from antiphon.backends.dialer import DirectDialer, WorldDialer
from antiphon.backends.home import Home
from antiphon.backends.https import HookClient, OneClickClient, RdapFetcher
from antiphon.backends.journal import Journal
from antiphon.backends.keybook import FileBook
from antiphon.backends.machine import SteadyClock, SystemChance, SystemClock, system_nameserver
from antiphon.backends.rdap import MOST_BYTES, Rdap
from antiphon.backends.reader import Reader
from antiphon.backends.shelf import FileAnchor, FolderShelf
from antiphon.backends.signer import DkimSigner
from antiphon.backends.spool import FileSpool
from antiphon.backends.sqlite import SqliteStore, migrate, shipped
from antiphon.backends.submission import Submission
from antiphon.backends.vault import KeyVault, read_secret
from antiphon.backends.worldclock import Step, WorldClock
from antiphon.campaign.transactional import load_transactional
from antiphon.desk.desk import Desk, House, OnCall
from antiphon.desk.erase import heed_keys
from antiphon.desk.log import HOUR_CLOSED, LogBook, number
from antiphon.desk.place import placer
from antiphon.desk.round import take_round
from antiphon.desk.settle import settle_interrupted
from antiphon.doors import Doors, opening
from antiphon.errors import AnchorLost, BrokenSettings, Unreachable
from antiphon.formats.domain import Url, parse_url
from antiphon.formats.note import Signer
from antiphon.formats.oauth import ANSWER_BYTES
from antiphon.formats.providers import load_providers
from antiphon.formats.publicness import is_public
from antiphon.optout.evidence import Rulebook
from antiphon.ports import CABINETS, Answer, Clock, Questions, Resolver, Setting
from antiphon.settings import Settings, host_and_port, load_settings
from antiphon.terms import HOUR, Identifier, Instant
from antiphon.web.api import Api
from antiphon.web.bell import Bell
from antiphon.web.control import Control
from antiphon.web.maps import Maps
from antiphon.web.metrics import Pulse
from antiphon.web.pages import Pages, serve_desk, serve_pages
from antiphon.web.still import Still

USER_AGENT = f"Antiphon/{__version__}"


class ClockedResolver:
    """DNS with the node's own policy time."""

    def __init__(self, resolver: dns.Resolver, clock: Clock) -> None:
        self._resolver, self._clock = resolver, clock

    async def ask(self, name: str, kind: str, questions: Questions | None = None) -> Answer:
        """As the port says."""
        now = self._clock.now()
        said = await self._resolver.ask(name, kind, now=now, budget=questions)  # type: ignore[arg-type]  # a Literal
        return Answer(said.status.value, said.values, said.chain, said.ttl_seconds, said.dnssec)


class Surroundings:
    """The clock, the dialer, the nameserver and the trusted authorities: the real ones, or those of one world; and
    the process that reads hostile mail."""

    def __init__(self, settings: Settings) -> None:
        self._reader: Reader | None = None
        self.world_clock: WorldClock | None = None
        self.clock: Clock = SystemClock()
        self.steady: SteadyClock | None = None
        self.dialer: DirectDialer | WorldDialer = DirectDialer()
        self.tls = ssl.create_default_context()
        self.nameserver = host_and_port(settings.dns) if settings.dns else system_nameserver()
        if settings.world:
            try:
                table = json.loads(Path(settings.world).read_text("utf-8"))
            except (OSError, ValueError) as error:
                raise BrokenSettings(
                    f"This home belongs to the world {settings.world}, which is over.", advice="Start another demo."
                ) from error
            self.world_clock = WorldClock(table["clock"])
            self.clock = self.world_clock
            self.dialer = WorldDialer(map_file=Path(table["dial"]))
            self.tls = ssl.create_default_context(cafile=table["ca"])
            self.nameserver = (str(table["dns"][0]), int(table["dns"][1]))
        self.tls.minimum_version = ssl.TLSVersion.TLSv1_2

    async def connect(self, name: str) -> None:
        """Joins the world's clock under this name, where there is a world."""
        if self.world_clock is not None:
            await self.world_clock.connect(name)

    def reader(self, seed: bytes) -> Reader:
        """The reader of this node; its process starts with the first mail."""
        self._reader = Reader(seed)
        return self._reader

    async def close(self) -> None:
        """Leaves the world's clock and ends the reader."""
        if self._reader is not None:
            await self._reader.close()
        if self.world_clock is not None:
            self.world_clock.close()


def default_anchor(home: Home) -> Path:
    """Beside the home, never in it."""
    return home.path.with_name(f"{home.path.name}-anchor") / "checkpoint"


@dataclass(frozen=True, slots=True)
class Who:
    """Who this node is, as its home keeps it. `secret` and `log_key` never leave."""

    community: Identifier
    operator: Identifier
    secret: bytes
    log_key: bytes

    @property
    def origin(self) -> str:
        """The name of its log (C2SP tlog-checkpoint)."""
        return f"antiphon/{self.community.hex()}"


def _house(settings: Settings, who: Who) -> House:
    return House(
        name=settings.name,
        domain=settings.domain.lower(),
        hosted_domains=tuple(settings.hosted_domains),
        legal_name=settings.operator.legal_name,
        postal_address=settings.operator.postal_address,
        public_url=settings.public_url,
        language=settings.language,
        window_hours=settings.window_hours // 24 * 24,
        two_day=tuple(settings.two_day_originators),
        openings_years=settings.openings_years,
        answers_enrolment=settings.answer_enrolment,
        xarf_contacts=settings.xarf_contacts,
        on_call=_on_call(settings),
        authorities=authorities(settings.authorities, settings.authority_file),
        community=who.community,
        operator=who.operator,
        secret=who.secret,
    )


def _on_call(settings: Settings) -> OnCall:
    told, pages = settings.on_call, settings.doors.http
    return OnCall(
        url=told.url,
        key=read_secret(Path(told.url_key), 0) if told.url_key else b"",
        plain=told.plain,
        mail=told.mail,
        weekly=told.weekly,
        console=told.console or (f"http://{pages}/" if pages else ""),
    )


class Web:
    """Fetches for this node: the registries' answers, and its own published page seen from outside."""

    def __init__(self, around: Surroundings, resolver: Resolver) -> None:
        self._resolver = resolver
        self._fetcher = RdapFetcher(around.dialer, around.tls, USER_AGENT)

    async def fetch(self, url: str) -> tuple[int, str, bytes]:
        """Status, Location and body. Raises Unreachable where the host has no public address."""
        parsed = parse_url(url)
        found = await self._fetcher.fetch(parsed, await self._address(parsed), max_bytes=MOST_BYTES)
        return found.status, found.header("location"), found.body

    async def change(self, url: Url, form: bytes) -> tuple[int, bytes]:
        """Status and body of a token endpoint's answer. Raises Unreachable, MalformedInput."""
        address = await self._address(url)
        found = await self._fetcher.fetch(url, address, max_bytes=ANSWER_BYTES, accept="application/json", form=form)
        return found.status, found.body

    async def _address(self, url: Url) -> str:
        answer = await self._resolver.ask(url.host, "A")
        if answer.status != "found" or not all(is_public(value) for value in answer.values):
            raise Unreachable(f"{url.host} has no public address now.")
        return answer.values[0]

    async def shows(self, public_url: str, origin: str) -> bool:
        """Whether the checkpoint of this log can be read where the notices say it is."""
        if not public_url:
            return False
        with contextlib.suppress(Exception):
            status, _, body = await self.fetch(public_url.rstrip("/") + "/ledger/checkpoint")
            return status == 200 and body.startswith(f"{origin}\n".encode())
        return False


def log_of(home: Home, settings: Settings, store: SqliteStore, who: Who) -> LogBook:
    """The ledger of a home, not yet compared with its anchor."""
    anchor = FileAnchor(Path(settings.anchor) if settings.anchor else default_anchor(home))
    return LogBook(store, anchor, Signer(who.origin, who.log_key), chance=SystemChance())


def desk_of(
    home: Home, settings: Settings, around: Surroundings, log: LogBook, *, store: SqliteStore, who: Who
) -> Desk:
    """Everything that the use cases work with, as the settings and surroundings have it."""
    resolver = ClockedResolver(dns.Resolver(around.nameserver), around.clock)
    web, house, chance = Web(around, resolver), _house(settings, who), SystemChance()
    master = Path(settings.master_key) if settings.master_key else home.keys / "master"
    copy = Path(settings.member_keys_copy) if settings.member_keys_copy else None
    return Desk(
        house=house,
        store=store,
        clock=around.clock,
        chance=chance,
        vault=KeyVault(read_secret(master), FileBook(home.members, copy)),
        log=log,
        spool=FileSpool(home.spool),
        resolver=resolver,
        registrar=Rdap(
            web.fetch,
            names=settings.rdap,
            networks=(settings.rdap_networks, settings.rdap_networks_v6),
            clock=around.clock,
        ),
        one_click=OneClickClient(around.dialer, around.tls, USER_AGENT),
        postman=Submission(around.dialer, _relaxed(), house.domain),
        mail_signer=DkimSigner(
            house.domain, read_secret(home.keys / "dkim-ed25519"), read_secret(home.keys / "dkim-rsa", 0)
        ),
        rules=rulebook(settings),
        sketch=around.reader(house.derived("sketch")).fingerprint,
        place=placer(lambda: Identifier(chance.draw(16))),
        stopped=home.stop.exists,
        is_public=lambda: web.shows(settings.public_url, who.origin),
        hook=HookClient(around.dialer, around.tls, USER_AGENT).post,
    )


def _relaxed() -> ssl.SSLContext:
    # Between mail hosts certificates are rarely checkable (RFC 7435): TLS there hides, it does not identify.
    relaxed = ssl.create_default_context()
    relaxed.check_hostname, relaxed.verify_mode = False, ssl.CERT_NONE
    return relaxed


def rulebook(settings: Settings) -> Rulebook:
    """The data files that come with the program, and the operator's own entries beside them."""
    providers = load_providers(files("antiphon.formats").joinpath("providers.toml").read_text("utf-8"))
    if settings.provider_map:
        providers = providers.joined(load_providers(Path(settings.provider_map).read_text("utf-8")))
    rules = files("antiphon.campaign").joinpath("transactional.toml").read_text("utf-8")
    return Rulebook(providers, load_transactional(rules))


@contextlib.asynccontextmanager
async def open_desk(
    home: Home, *, without_missing_keys: bool = False
) -> AsyncIterator[tuple[Desk, Settings, Surroundings]]:
    """The desk of a home that nobody else has open: locked, checked, and compared with its key book and its anchor. A
    missing or disagreeing anchor does not keep the home shut; it keeps everything in."""
    home.check()
    home.lock()
    async with contextlib.AsyncExitStack() as opened:
        opened.callback(home.unlock)
        settings = load_settings(home.settings)
        migrate(str(home.database), shipped(), home.snapshots)
        store = SqliteStore(str(home.database), CABINETS)
        opened.push_async_callback(store.close)
        around = Surroundings(settings)
        opened.push_async_callback(around.close)
        await around.connect("node")
        closed = await store.read(lambda tx: number(tx, HOUR_CLOSED))
        around.clock = around.steady = SteadyClock(around.clock, Instant((closed + 1) * HOUR))
        kept = await store.read(
            lambda tx: [s.value if (s := tx.get(Setting, n)) else b"" for n in ("community", "operator", "secret")]
        )
        who = Who(Identifier(kept[0]), Identifier(kept[1]), kept[2], read_secret(home.log_key))
        desk = desk_of(home, settings, around, log_of(home, settings, store, who), store=store, who=who)
        await heed_keys(desk, without_missing=without_missing_keys)
        with contextlib.suppress(AnchorLost):
            await desk.log.check_anchor()
        yield desk, settings, around


async def run(home: Home, journal: Journal) -> None:
    """Runs the node until it is told to stop: doors, control socket, pages, and one round after the other."""
    async with contextlib.AsyncExitStack() as opened:
        desk, settings, around = await opened.enter_async_context(open_desk(home))
        await _take_up(desk, around, journal)
        shelf, wake, pulse = FolderShelf(home.ledger), asyncio.Event(), Pulse()
        control, still = Control(desk, wake, FolderShelf), Still(desk, FolderShelf(home.public))
        bell = Bell(desk)
        health: dict[str, Callable[[], bool]] = {"anchor": lambda: desk.log.agrees, "rounds": pulse.beats}
        doors = Doors(
            desk, settings, wake, reports=home.reports, tls=around.tls, change=Web(around, desk.resolver).change
        )
        opened.push_async_callback(doors.close)
        await doors.open(journal.say)
        health |= {name: door.listens for name, door in doors.open_now.items()}
        server = await control.listen(home.control)
        opened.callback(home.control.unlink, missing_ok=True)
        opened.callback(server.close)
        ours = Pages(desk, health, Maps(desk, wake).routes(), api=Api(desk, control.turn, wake))
        await _open_pages(opened, settings, ours, desk=desk, say=journal.say)
        await journal.follow(desk.store)
        _end_on_signals(control.ended, wake)
        journal.say("running", version=__version__)
        gc.freeze()  # what is here stays: a full collection that walks it stops all doors for a tenth of a second

        async def step(_: Instant) -> Instant | None:
            async with control.turn:
                await doors.handing.gather()
                await doors.watching.keep_up()
                due = await _round(desk, shelf, journal)
                await still.keep_up()
                await bell.keep_up()
            pulse.beat()
            await journal.follow(desk.store)
            return due

        await _rounds(step, desk.clock, around.world_clock, control.ended, wake=wake)
        journal.say("stopped")


async def _take_up(desk: Desk, around: Surroundings, journal: Journal) -> None:
    """What comes before the first round: what was interrupted is settled, and what stands in the way is said."""
    if around.steady is not None and around.steady.behind():
        journal.warn("The clock was set back: time stands still here until it is where the ledger ended.")
    if desk.log.agrees:
        await settle_interrupted(desk)
    else:
        journal.warn(f"Nothing leaves, and the ledger stands still. {desk.log.lost.sentence()}")


async def _round(desk: Desk, shelf: FolderShelf, journal: Journal) -> Instant:
    """One round. Where the anchor is lost on the way, it is said, and the rest of the round is done without it."""
    try:
        return await take_round(desk, shelf)
    except AnchorLost as error:
        journal.warn(f"Nothing leaves, and the ledger stands still. {error.sentence()}")
        return await take_round(desk, shelf)


async def _open_pages(
    opened: contextlib.AsyncExitStack, settings: Settings, ours: Pages, *, desk: Desk, say: Callable[[str], None]
) -> None:
    if settings.doors.http:
        with opening("http", settings.doors.http):
            pages = await serve_pages(ours, host_and_port(settings.doors.http), say)
        opened.push_async_callback(pages.close)
    if settings.doors.desk:
        with opening("desk", settings.doors.desk):
            shown = await serve_desk(desk, host_and_port(settings.doors.desk), say)
        opened.push_async_callback(shown.close)


def _end_on_signals(ended: asyncio.Event, wake: asyncio.Event) -> None:
    def end() -> None:
        ended.set()
        wake.set()

    for told in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(told, end)


async def _rounds(
    step: Step, clock: Clock, world: WorldClock | None, ended: asyncio.Event, *, wake: asyncio.Event
) -> None:
    if world is not None:
        await _until(world.run(step), ended)
        return
    while not ended.is_set():
        wake.clear()
        due = await step(clock.now())
        pause = max(0.05, ((due or clock.now()) - clock.now()) / 1_000_000)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(wake.wait(), min(pause, 60))


async def _until(work: Awaitable[None], ended: asyncio.Event) -> None:
    tasks = {asyncio.ensure_future(work), asyncio.ensure_future(ended.wait())}
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    for task in done:
        task.result()
