"""A watcher and a small server whose clock and folders are set by hand: what it concludes, and what it does not."""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from antiphon.campaign.report import Report, ReportState
from antiphon.desk.watch import add_watch, remove_watch
from antiphon.desk.work_off import work_off
from antiphon.errors import HomeUnusable
from antiphon.intake import watching
from antiphon.intake.watching import WatchDoor
from antiphon.registry.watch import GONE_LATELY, UNSETTLED, SecretKind, Sight, Watch, WatchedFolder, WatchState
from antiphon.terms import Identifier, Instant, to_datetime
from tests.unit.desk.household import MEMBER, Household


class House:
    """Somebody else's IMAP server: folders of mail by number, with their uses."""

    def __init__(self) -> None:
        self.folders: dict[str, dict[int, bytes]] = {"INBOX": {}, "Junk": {}, "Trash": {}}
        self.uses = {"Junk": "\\Junk", "Trash": "\\Trash"}
        self.validity, self.deleted = 1, set[tuple[str, bytes]]()
        self.next = {"INBOX": 10, "Junk": 10, "Trash": 10}
        self.visits: list[asyncio.Task[None] | None] = []
        self.signed_in = 0
        self.refuses = False
        self.now: Callable[[], Instant] = lambda: Instant(0)
        self.able, self.slow = "AUTH=PLAIN", asyncio.Event()

    def put(self, folder: str, raw: bytes) -> None:
        """A mail comes."""
        self.folders[folder][self.next[folder]] = raw
        self.next[folder] += 1

    def take(self, folder: str, raw: bytes) -> None:
        """A mail goes."""
        self.folders[folder] = {uid: each for uid, each in self.folders[folder].items() if each != raw}

    def move(self, raw: bytes, source: str, target: str) -> None:
        """At once, as MOVE does."""
        self.take(source, raw)
        self.put(target, raw)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.visits.append(asyncio.current_task())
        opened = ""
        with contextlib.suppress(ConnectionError):
            writer.write(b"* OK\r\n")
            while line := (await reader.readline()).decode().strip():
                tag, _, said = line.partition(" ")
                if found := re.match(r'EXAMINE "(.*)"', said):
                    opened = found[1]
                    if "IDLE" in self.able and asyncio.current_task() is not self.visits[0]:
                        await self.slow.wait()
                word = "OK"
                if said == "IDLE":
                    writer.write(b"+ \r\n")
                    await reader.readline()
                if said.startswith("AUTHENTICATE"):
                    writer.write(b"+ \r\n")
                    await reader.readline()
                    self.signed_in += 1
                    word = "NO" if self.refuses else "OK"
                writer.write(self.answer(said, opened) + f"{tag} {word}\r\n".encode())
                await writer.drain()
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    def answer(self, said: str, opened: str) -> bytes:
        mails = self.folders.get(opened, {})
        if said == "CAPABILITY":
            return f"* CAPABILITY {self.able}\r\n".encode()
        if said.startswith("LIST"):
            rows = (f'* LIST ({self.uses.get(name, "")}) "/" "{name}"\r\n' for name in self.folders)
            return "".join(rows).encode()
        if found := re.match(r'(STATUS|EXAMINE) "(.*?)"', said):
            count, following = len(self.folders[found[2]]), self.next[found[2]]
            if found[1] == "STATUS":
                return f'* STATUS "" (MESSAGES {count} UIDNEXT {following} UIDVALIDITY {self.validity})\r\n'.encode()
            codes = f"* OK [UIDVALIDITY {self.validity}]\r\n* OK [UIDNEXT {following}]\r\n"
            return f"* {count} EXISTS\r\n{codes}".encode()
        if said.startswith("UID SEARCH"):
            there = (str(uid) for uid, raw in mails.items() if (opened, raw) not in self.deleted)
            return f"* SEARCH {' '.join(there)}\r\n".encode()
        if found := re.match(r"UID FETCH (\d+):\*", said):
            rows = (f"* 1 FETCH (UID {u} RFC822.SIZE {len(m)})\r\n" for u, m in mails.items() if u >= int(found[1]))
            return "".join(rows).encode()
        if (found := re.match(r"UID FETCH (\d+) ", said)) and int(found[1]) in mails:
            raw, date = mails[int(found[1])], to_datetime(self.now()).strftime("%d-%b-%Y %H:%M:%S +0000")
            head = f'* 1 FETCH (UID {found[1]} INTERNALDATE "{date}" BODY[] {{{len(raw)}}}\r\n'
            return head.encode() + raw + b")\r\n"
        return b""


class Scene:
    """A node that looks into that house every few hundredths of a second."""

    def __init__(self, home: Household, house: House, port: int, door: WatchDoor) -> None:
        self.home, self.house, self.port, self.door = home, house, port, door
        self.stopped = False

    async def watch(self, **more: str) -> None:
        asked = Watch(
            Identifier(b""), "127.0.0.1", self.port, "ann", SecretKind.FILE, "/secret", False, True,
            more.get("junk", ""), more.get("folders", ""), "", Instant(0), WatchState.WAITING, "", Instant(0),
        )  # fmt: skip
        await add_watch(self.home.desk, MEMBER, asked)
        await self.door.keep_up()

    async def state(self) -> tuple[WatchState, str]:
        (found,) = await self.home.all(Watch)
        return found.state, found.why

    async def looks(self, times: int = 3) -> None:
        """So many times more, as its own word on the folders shows; then the spool is worked off."""
        for _ in range(times):
            mark = f"mark {len(self.house.folders['INBOX'])} {self.house.next['INBOX']}"
            self.house.put("INBOX", f"From: a@b.example\r\nSubject: {mark}\r\n\r\n.\r\n".encode())
            wanted = self.house.next["INBOX"]
            await until(lambda n=wanted: self.reached(n))
        await work_off(self.home.desk)

    async def reached(self, number: int) -> bool:
        return any(f.folder == "INBOX" and f.next_uid == number for f in await self.home.all(WatchedFolder))

    async def states(self) -> list[ReportState]:
        return sorted(report.state for report in await self.home.all(Report))


async def until(look: Callable[[], object]) -> None:
    """At last."""
    for _ in range(1000):
        found = look()
        if await found if asyncio.iscoroutine(found) else found:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it never came")


@pytest.fixture
async def scene(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    for name, seconds in {"POLL": 0.02, "CALM": 0.01, "UNSETTLED": 0.02, "FIRST_PAUSE": 0.01}.items():
        monkeypatch.setattr(watching, f"{name}_SECONDS", seconds)
    home, house = await Household().open(), House()
    house.now = home.time.now
    server = await asyncio.start_server(house.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    door = WatchDoor(home.desk, asyncio.Event(), ssl.create_default_context(), lambda _: b"geheim\n")
    yield Scene(home, house, port, door)
    await door.close()
    server.close()
    await asyncio.gather(*filter(None, house.visits))


async def began(scene: Scene, **more: str) -> None:
    """Everything was looked at once."""
    await scene.watch(**more)
    await until(lambda: _is(scene, WatchState.WATCHING))


async def _is(scene: Scene, state: WatchState) -> bool:
    return (await scene.state())[0] is state


@pytest.mark.parametrize(("gone", "found"), [(GONE_LATELY - 1, "accepted"), (GONE_LATELY + 1, "evidence-only")])
async def test_a_mail_that_disappeared_long_ago_did_not_move_to_junk(scene: Scene, gone: int, found: str) -> None:
    """Deleted, and the same one sent again and filed: another copy, and no person's word."""
    await began(scene)
    raw = scene.home.mail()
    scene.house.put("INBOX", raw)
    await scene.looks()
    scene.house.take("INBOX", raw)
    await scene.looks()
    scene.home.time.at = Instant(scene.home.time.at + gone)
    await scene.looks()
    scene.house.put("Junk", raw)
    await scene.looks()
    assert await scene.states() == [found]


async def test_what_comes_before_anybody_listens_for_it_is_seen(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the last look and the moment a line listens the server tells nobody; so there is one look more."""
    monkeypatch.setattr(watching, "POLL_SECONDS", 300.0)
    scene.house.able = "AUTH=PLAIN IDLE"
    await began(scene)
    scene.house.put("INBOX", scene.home.mail())
    scene.house.slow.set()
    await until(lambda: scene.reached(scene.house.next["INBOX"]))


async def test_what_lies_in_junk_at_first_is_remembered_and_not_reported(scene: Scene) -> None:
    """Its key is not asked for either; out of Junk it takes nothing back, since nothing was said."""
    raw = scene.home.mail()
    scene.house.put("Junk", raw)
    await began(scene)
    await scene.looks()
    assert await scene.states() == []
    assert not [name for name in scene.home.names.asked if "_domainkey" in name]
    scene.house.move(raw, "Junk", "INBOX")
    await scene.looks()
    scene.house.move(raw, "INBOX", "Junk")
    await scene.looks()
    assert await scene.states() == ["accepted"]


async def test_other_numbers_make_no_report_and_lose_none(scene: Scene) -> None:
    """Another UIDVALIDITY: all is remembered anew; what was reported stands, and out of Junk it is taken back."""
    await began(scene)
    reported, other = scene.home.mail(), scene.home.mail()
    scene.house.put("INBOX", reported)
    scene.house.put("INBOX", other)
    await scene.looks()
    scene.house.move(reported, "INBOX", "Junk")
    await scene.looks()
    scene.house.validity += 1
    for name, mails in scene.house.folders.items():
        # Each number means another mail now.
        scene.house.folders[name] = dict(zip(mails, [*mails.values()][::-1], strict=True))
    await scene.looks()
    assert await scene.states() == ["accepted"]
    scene.home.time.at = Instant(scene.home.time.at + GONE_LATELY + 1)
    await scene.looks()
    scene.house.move(reported, "Junk", "INBOX")
    scene.house.move(other, "INBOX", "Junk")
    await scene.looks()
    assert await scene.states() == ["accepted", "retracted"]


async def test_a_copy_is_a_copy_after_an_hour(scene: Scene) -> None:
    """Deleted within the hour where it was, it was moved; later, it was not."""
    await began(scene)
    for after, count in ((UNSETTLED - 1, 1), (UNSETTLED + 1, 1)):
        raw = scene.home.mail()
        scene.house.put("INBOX", raw)
        await scene.looks()
        scene.house.put("Junk", raw)
        await scene.looks()
        scene.home.time.at = Instant(scene.home.time.at + after)
        await scene.looks()
        scene.house.deleted.add(("INBOX", raw))
        await scene.looks()
        assert len(await scene.states()) == count


async def test_trash_is_not_looked_at_and_a_mail_from_there_is_no_report(scene: Scene) -> None:
    """It was gone long before; and what a mail in Trash says is nobody's business."""
    await began(scene)
    scene.house.put("Trash", scene.home.mail())
    await scene.looks()
    assert {row.folder for row in await scene.home.all(WatchedFolder)} == {"INBOX", "Junk"}


async def test_a_mail_past_our_limits_is_passed_over(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """One byte more than the limit, and one that can not be read: what comes after them is seen."""
    await began(scene)
    raw = scene.home.mail()
    monkeypatch.setattr(watching, "MAIL_BYTES", len(raw))
    scene.house.put("INBOX", raw)
    scene.house.put("INBOX", scene.home.mail() + b"x" * 100)
    scene.house.put("INBOX", b"")
    await scene.looks(1)
    seen = [sight.uid for sight in await scene.home.all(Sight)]
    assert 10 in seen and 11 not in seen


@pytest.mark.parametrize(
    ("more", "why"),
    [({"junk": "Spam"}, "No folder of this mailbox is its Junk."), ({"folders": "Post"}, "has no folder 'Post'.")],
)
async def test_a_mailbox_that_is_not_as_was_said_is_told_so(scene: Scene, more: dict[str, str], why: str) -> None:
    """In a sentence that `watch list` shows."""
    await scene.watch(**more)
    await until(lambda: _is(scene, WatchState.FAILING))
    assert why in (await scene.state())[1]


async def test_only_the_folders_that_were_named_are_looked_at(scene: Scene) -> None:
    """And Junk, by the name that was said for it."""
    scene.house.folders |= {"Spam": {}, "Other": {}}
    scene.house.next |= {"Spam": 10, "Other": 10}
    await began(scene, junk="Spam", folders="INBOX")
    assert {row.folder for row in await scene.home.all(WatchedFolder)} == {"INBOX", "Spam"}


async def test_a_refused_sign_in_is_not_tried_again_at_once(scene: Scene) -> None:
    """A mailbox must not be locked by us: once, and then not for a quarter of an hour."""
    scene.house.refuses = True
    await scene.watch()
    await until(lambda: _is(scene, WatchState.FAILING))
    await asyncio.sleep(0.5)
    assert scene.house.signed_in == 1
    assert (await scene.state())[1] == "The server refuses this user and secret."


async def test_a_file_stop_or_an_open_secret_keeps_the_line_shut(scene: Scene) -> None:
    """Looked at before each socket; a secret that others can read is not used."""

    def open_to_all(path: Path) -> bytes:
        raise HomeUnusable(f"{path} can be read by others.")

    scene.door._read_secret = open_to_all
    await scene.watch()
    await until(lambda: _is(scene, WatchState.FAILING))
    assert "can be read by others" in (await scene.state())[1]
    scene.door._read_secret = lambda _: b"geheim"
    object.__setattr__(scene.home.desk, "stopped", lambda: True)
    await until(lambda: _says(scene, "The file STOP lies in the home."))
    assert scene.house.signed_in == 0
    object.__setattr__(scene.home.desk, "stopped", lambda: False)
    await until(lambda: _is(scene, WatchState.WATCHING))


async def _says(scene: Scene, why: str) -> bool:
    return (await scene.state())[1] == why


async def test_a_watch_that_is_removed_hangs_up(scene: Scene) -> None:
    """And a node that ends does; nobody is asked any more."""
    await began(scene)
    assert scene.door.listens()
    await remove_watch(scene.home.desk, MEMBER)
    await scene.door.keep_up()
    before = scene.house.signed_in
    await asyncio.sleep(0.3)
    assert scene.house.signed_in == before
    assert all(visit is None or visit.done() for visit in scene.house.visits)
