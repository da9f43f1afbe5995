"""The door for mailboxes elsewhere: one task a mailbox, which looks, sees mail move, and tells the desk (LAW §3).

Two lines wait for news in the inbox and in Junk; one looks. Every mail that comes is read once, wherever it comes, and
so its keys are asked for whether anybody reports it or not.
"""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

from antiphon.desk.desk import Desk
from antiphon.desk.watch import Mail, Watching, name_of, watches
from antiphon.errors import AntiphonError, BrokenSettings, Unreachable
from antiphon.formats.oauth import ConsentEnded
from antiphon.intake.granting import Grants, no_change, no_keep
from antiphon.intake.imap import MAIL_BYTES, Folder, Mailbox, SignInRefused, Standing, connected
from antiphon.registry.watch import (
    LOOK_BACK,
    REMEMBERED,
    Meaning,
    SecretKind,
    Sight,
    Watch,
    WatchedFolder,
    WatchState,
    meaning,
)
from antiphon.terms import Identifier, Instant, to_datetime

MOST_FOLDERS = 64
AT_A_TIME = 200
"""Mails of one folder between two steps that are durable."""
AT_FIRST = 500
"""Of a folder that is seen for the first time, the newest."""
SECRET_BYTES = 16 * 1024
SECRET_SECONDS = 30.0
CALM_SECONDS = 1.0
"""A person's move is several changes; they are looked at together."""
POLL_SECONDS = 300.0
"""Folders that nobody waits in, and servers that can not tell news (no IDLE)."""
UNSETTLED_SECONDS = 5.0
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 600.0
REFUSED_PAUSE_SECONDS = 900.0
"""After a sign-in that was refused: a mailbox must not be locked by us."""
NOT_READ = frozenset({"trash", "sent", "drafts", "all", "flagged", "important"})
"""Special uses (RFC 6154 §2) of folders that are not looked at: what was thrown away, own mail, and second views."""

ReadSecret = Callable[[Path], bytes]
"""A file that only its owner can read. Raises HomeUnusable."""


class WatchDoor:
    """All watched mailboxes of one node. `keep_up` starts and ends tasks as the store has it."""

    def __init__(
        self,
        desk: Desk,
        wake: asyncio.Event,
        tls: ssl.SSLContext,
        read_secret: ReadSecret,
        *,
        grants: Grants | None = None,
    ) -> None:
        self._desk, self._wake, self._tls, self._read_secret = desk, wake, tls, read_secret
        self._grants = grants or Grants(desk.clock, no_change, no_keep)
        self._running: dict[Identifier, tuple[Identifier | int, asyncio.Task[None]]] = {}

    def listens(self) -> bool:
        """Whether every mailbox has its task."""
        return not any(task.done() for _, task in self._running.values())

    async def keep_up(self) -> None:
        """Every mailbox that is watched has a task, and no other."""
        wanted = await watches(self._desk)
        for member, (since, task) in list(self._running.items()):
            if member not in wanted or wanted[member].added_at != since or task.done():
                await _end(task)
                del self._running[member]
        for member, watch in wanted.items():
            if member not in self._running:
                task = asyncio.create_task(Watcher(self._desk, watch, self).run())
                self._running[member] = (watch.added_at, task)

    async def close(self) -> None:
        """Hangs up everywhere."""
        for _, task in self._running.values():
            await _end(task)
        self._running.clear()

    @contextlib.asynccontextmanager
    async def line(self, watch: Watch) -> AsyncIterator[Mailbox]:
        """A line on which the user is signed in. Raises as `connected` and `sign_in` do, and BrokenSettings."""
        if self._desk.stopped():
            raise Unreachable("The file STOP lies in the home.")
        secret = await self._secret(watch)
        async with connected(watch.server, watch.port, None if watch.plain else self._tls) as line:
            try:
                await line.sign_in(watch.user, secret, bearer=watch.bearer, host=watch.server, port=watch.port)
            except SignInRefused as refused:
                if watch.secret_kind.is_consent and self._grants.forget(watch):
                    # It may have ended before its time; only what refuses a new one, too, refuses this member.
                    raise Unreachable(refused.what) from refused
                raise
            yield line

    def news(self) -> None:
        """Something lies in the spool."""
        self._wake.set()

    async def _secret(self, watch: Watch) -> str:
        if watch.secret_kind in (SecretKind.FILE, SecretKind.OAUTH_FILE):
            said = await asyncio.to_thread(self._read_secret, Path(watch.secret))
        else:
            said = await _ask_program(watch.secret)
        text = said.decode("utf-8", "replace")
        if watch.secret_kind.is_consent and text and len(said) <= SECRET_BYTES:
            return await self._grants.token(watch, text)
        text = text.rstrip("\r\n")
        if not text or len(said) > SECRET_BYTES or not text.isprintable():
            raise BrokenSettings("What should hold the secret of this mailbox holds none.")
        return text


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def _ask_program(command: str) -> bytes:
    """What a program of the operator's says: a keyring, or one that renews a token. No shell."""
    process = await asyncio.create_subprocess_exec(
        *shlex.split(command), stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(SECRET_SECONDS):
            said, _ = await process.communicate()
    except TimeoutError as error:
        process.kill()
        await process.wait()
        raise Unreachable("The program that knows the secret has not answered in time.") from error
    return said if process.returncode == 0 else b""


class Watcher:
    """One mailbox, for ever: again after every fault, at growing distances."""

    def __init__(self, desk: Desk, watch: Watch, door: WatchDoor) -> None:
        self._desk, self._watch, self._door = desk, watch, door
        self._seen = Watching(desk, watch)
        self._stir = asyncio.Event()
        self._pause = FIRST_PAUSE_SECONDS
        self._junk = ""

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                async with self._door.line(self._watch) as line:
                    await self._session(line)
            except* Exception as errors:  # noqa: BLE001 - whatever is broken at one mailbox, the node goes on and says so
                await self._failed(_first(errors))
            # Not all at once where a server comes back that holds many of them.
            await asyncio.sleep(self._pause * (1 + self._desk.chance.draw(1)[0] / 256))

    async def _failed(self, error: Exception) -> None:
        refused = isinstance(error, SignInRefused | ConsentEnded)
        self._pause = REFUSED_PAUSE_SECONDS if refused else min(self._pause * 2, LONGEST_PAUSE_SECONDS)
        # Not the sentence of an OSError: it may name what only the operator should see.
        why = error.what if isinstance(error, AntiphonError) else f"It does not work: {type(error).__name__}."
        await self._seen.say(WatchState.FAILING, why)

    async def _session(self, line: Mailbox) -> None:
        folders = self._chosen(await line.folders())
        self._stir.set()
        async with asyncio.TaskGroup() as group:
            if b"IDLE" in line.able:
                for name in dict.fromkeys((folders[0], self._junk)):
                    group.create_task(self._wait_in(name))
            while True:
                restless = await self._look(line, folders)
                await self._seen.say(WatchState.WATCHING)
                self._pause = FIRST_PAUSE_SECONDS
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(UNSETTLED_SECONDS if restless else POLL_SECONDS):
                        await self._stir.wait()
                await asyncio.sleep(CALM_SECONDS)

    def _chosen(self, found: Sequence[Folder]) -> list[str]:
        """The folders to look at, Junk last. Raises BrokenSettings where no folder is Junk."""
        asked = [name for name in self._watch.folders.split("\n") if name]
        if missing := sorted(set(asked) - {f.shown for f in found}):
            raise BrokenSettings(f"This mailbox has no folder {missing[0]!r}.", advice="`antiphon watch add` again.")
        junk = [f for f in found if f.shown == self._watch.junk or (not self._watch.junk and "junk" in f.uses)]
        if not junk:
            raise BrokenSettings("No folder of this mailbox is its Junk.", advice="Name it with --junk.")
        self._junk = junk[0].name
        others = [f.name for f in found if f.name != self._junk and not f.uses & NOT_READ]
        if asked:
            others = [f.name for f in found if f.shown in asked and f.name != self._junk]
        others.sort(key=lambda name: name.upper() != "INBOX")
        return [*others[: MOST_FOLDERS - 1], self._junk]

    async def _wait_in(self, folder: str) -> None:
        async with self._door.line(self._watch) as line:
            await line.examine(folder)
            while True:
                # First, too: nobody tells what came between the last look and the moment this line began to listen.
                self._stir.set()
                await line.idle()

    async def _look(self, line: Mailbox, folders: Sequence[str]) -> bool:
        """Looks into every folder once. Returns whether there is more to see soon."""
        self._stir.clear()
        more = False
        for name in folders:
            more |= await self._visit(line, name)
        more |= await self._settle(line)
        await self._seen.tidy()
        return more

    async def _visit(self, line: Mailbox, name: str) -> bool:
        known = await self._seen.folder(name)
        # STATUS is not for the folder that is open (RFC 3501 §6.3.10).
        opened = name == line.selected or name == self._junk
        now = await (line.examine(name) if opened else line.standing(name))
        if known is not None and (known.validity, known.next_uid, known.messages) == _numbers(now):
            return False
        if line.selected != name:
            now = await line.examine(name)
        if known is None or known.validity != now.validity:
            await self._begin(line, name, now)
            return False
        return await self._go_on(line, name, now, known)

    async def _begin(self, line: Mailbox, name: str, now: Standing) -> None:
        """A folder whose numbers are new here: what lies in it is remembered, and says nothing by itself."""
        span = REMEMBERED if name == self._junk else LOOK_BACK
        day = to_datetime(Instant(self._desk.clock.now() - span)).strftime("%d-%b-%Y")
        fresh = []
        for uid in sorted(await line.since(day))[-AT_FIRST:]:
            if uid < now.next_uid and (mail := await self._read(line, uid)) is not None:
                if name != self._junk:
                    await self._seen.tell(None, mail)
                await self._seen.prove(mail)
                fresh.append(self._sight(name, mail, settled=True))
        await self._seen.saw(
            WatchedFolder(self._watch.member, name, *_numbers(now)), [sight for sight in fresh if sight], None
        )
        self._door.news()

    async def _go_on(self, line: Mailbox, name: str, now: Standing, known: WatchedFolder) -> bool:
        """What is new in a folder since it was looked at."""
        sizes = await line.sizes(known.next_uid) if now.next_uid > known.next_uid else {}
        uids = sorted(sizes)[:AT_A_TIME]
        fresh = []
        for uid in uids:
            mail = await self._read(line, uid) if sizes[uid] <= MAIL_BYTES else None
            if mail is not None and mail.identity is not None:
                fresh.append(await self._came(name, mail, mail.identity))
        places = [sight.uid for sight in await self._seen.sights(folder=name)]
        there = await line.still_there(places)
        left = len(sizes) > len(uids)
        reached = uids[-1] + 1 if left else max([now.next_uid, *(uid + 1 for uid in uids)])
        await self._seen.saw(
            WatchedFolder(known.member, name, now.validity, reached, -1 if left else now.messages), fresh, there
        )
        if left:
            self._stir.set()
        self._door.news()
        return left

    async def _came(self, name: str, mail: Mail, identity: bytes) -> Sight:
        """A mail that was not there before: read for its keys, and asked what it means."""
        await self._seen.tell(None, mail)
        await self._seen.prove(mail)
        alone = not await self._seen.sights(identity=identity)
        if alone:
            await self._seen.tell(meaning(None, name == self._junk), mail)
        sight = self._sight(name, mail, settled=alone)
        assert sight is not None
        return sight

    async def _settle(self, line: Mailbox) -> bool:
        """Mail that stands where it was not before: has it left where it was? Returns whether some has not yet."""
        waiting = False
        for sight in await self._seen.sights(settled=False):
            others = [s for s in await self._seen.sights(identity=sight.identity) if s != sight]
            left = [other for other in others if other.gone_at is not None or not await self._stands(line, other)]
            if left:
                await self._moved(line, sight, left)
            elif not others or self._seen.waits_no_more(sight):
                await self._seen.settle(sight, [])
            else:
                waiting = True
        return waiting

    async def _moved(self, line: Mailbox, sight: Sight, left: Sequence[Sight]) -> None:
        into = sight.folder == self._junk
        came = [other.folder == self._junk for other in left]
        what = meaning(all(came) if into else any(came), into)
        if what is not Meaning.NOTHING and await self._stands(line, sight):
            mail = await self._read(line, sight.uid)
            if mail is not None:
                await self._seen.tell(what, mail)
        await self._seen.settle(sight, left)
        self._door.news()

    async def _stands(self, line: Mailbox, sight: Sight) -> bool:
        if line.selected != sight.folder:
            now, known = await line.examine(sight.folder), await self._seen.folder(sight.folder)
            if known is None or known.validity != now.validity:
                return True  # its number means another mail by now; the next look begins anew there
        return sight.uid in await line.still_there([sight.uid])

    async def _read(self, line: Mailbox, uid: int) -> Mail | None:
        found = await line.fetch(uid)
        return Mail(uid, found.raw, found.arrived_at, name_of(found.raw)) if found is not None else None

    def _sight(self, name: str, mail: Mail, *, settled: bool) -> Sight | None:
        if mail.identity is None:
            return None
        return Sight(self._watch.member, name, mail.uid, mail.identity, self._desk.clock.now(), settled, None)


def _numbers(now: Standing) -> tuple[int, int, int]:
    return now.validity, now.next_uid, now.messages


def _first(errors: ExceptionGroup[Exception]) -> Exception:
    """The one that says most: what we declare ourselves, before what Python raised."""
    found = [_first(error) if isinstance(error, ExceptionGroup) else error for error in errors.exceptions]
    return min(found, key=lambda error: not isinstance(error, AntiphonError))
