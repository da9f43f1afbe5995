"""A mailbox whose house takes no password: Dovecot asks its own token service, and the watcher has a consent."""

from __future__ import annotations

import asyncio
import json
import shutil
import ssl
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from antiphon.backends.dialer import WorldDialer
from antiphon.backends.https import RdapFetcher
from antiphon.backends.vault import read_secret, replace_secret
from antiphon.desk.watch import add_watch
from antiphon.formats.domain import Url
from antiphon.intake import watching
from antiphon.intake.granting import Grants
from antiphon.intake.watching import WatchDoor
from antiphon.registry.watch import SecretKind, Watch, WatchState
from antiphon.terms import HOUR, Identifier, Instant
from antiphon.world.authority import Authority
from tests.door import syntax
from tests.door.conftest import missing_servers
from tests.door.servers import HERE, Dovecot
from tests.unit.desk.household import MEMBER, Household

ENDPOINT, ADDRESS = "login.house.example", "5.5.5.5"
pytestmark = pytest.mark.timeout(300)


class Service:
    """Of one house: gives tokens for its consent, and tells its mail server which are good."""

    def __init__(self, authority: Authority) -> None:
        self.good, self.changed, self.consent, self.authority = set[str](), 0, "r1", authority

    async def open(self) -> None:
        tls = self.authority.context(ENDPOINT)
        self.servers = [
            await asyncio.start_server(self.change, HERE, 0, ssl=tls),
            await asyncio.start_server(self.introspect, HERE, 0),
        ]
        self.tokens, self.tells = (server.sockets[0].getsockname()[1] for server in self.servers)

    async def change(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        shown = await self._form(reader)
        if shown.get("refresh_token") != [self.consent]:
            await self._answer(writer, 400, {"error": "invalid_grant"})
            return
        self.changed += 1
        self.consent, token = f"r{self.changed + 1}", f"access-{self.changed}"
        self.good.add(token)
        said = {"access_token": token, "expires_in": 3600, "refresh_token": self.consent, "token_type": "Bearer"}
        await self._answer(writer, 200, said)

    async def introspect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        shown = await self._form(reader)
        good = shown.get("token", [""])[0] in self.good
        await self._answer(writer, 200, {"active": good, "username": MEMBER, "email": MEMBER})

    async def _form(self, reader: asyncio.StreamReader) -> dict[str, list[str]]:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        size = int(head.partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
        return parse_qs((await reader.readexactly(size)).decode())

    async def _answer(self, writer: asyncio.StreamWriter, status: int, said: object) -> None:
        body = json.dumps(said).encode()
        head = f"HTTP/1.1 {status} OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        writer.write(f"{head}Connection: close\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    async def close(self) -> None:
        for server in self.servers:
            server.close()


class Scene:
    """That house, a node that looks into it, and where the member's consent stands."""

    def __init__(self, folder: Path, mechanism: str) -> None:
        self.folder, self.mechanism, self.authority = folder, mechanism, Authority()
        self.service = Service(self.authority)
        self.consent = folder / "consent"

    async def open(self) -> None:
        await self.service.open()
        (self.folder / "dovecot").mkdir()
        self.dovecot = Dovecot(self.folder / "dovecot", None)
        text, password = self.dovecot.config.read_text("utf-8"), syntax.password("secret")
        assert password in text
        asks = syntax.asks_a_service(f"http://{HERE}:{self.service.tells}/", str(self.folder / "oauth2"))
        ours = f"auth_mechanisms = {self.mechanism}\n{asks}"
        self.dovecot.config.write_text(text.replace(password, ours), "utf-8")
        self.dovecot.start()
        self.home = await Household().open()
        self.put("r1")
        trusted = ssl.create_default_context(cadata=self.authority.certificate.decode())
        fetcher = RdapFetcher(WorldDialer({(ADDRESS, 443): self.service.tokens}), trusted, "Antiphon/0")

        async def change(url: Url, form: bytes) -> tuple[int, bytes]:
            found = await fetcher.fetch(url, ADDRESS, max_bytes=10_000, form=form)
            return found.status, found.body

        grants = Grants(self.home.desk.clock, change, replace_secret)
        self.door = WatchDoor(
            self.home.desk, asyncio.Event(), trusted, lambda path: read_secret(path, 0), grants=grants
        )

    def put(self, token: str) -> None:
        """A member consents."""
        self.consent.write_text(
            f'client_id = "us"\nrefresh_token = "{token}"\ntoken_endpoint = "https://{ENDPOINT}/token"\n', "utf-8"
        )
        self.consent.chmod(0o600)

    async def watch(self) -> None:
        asked = Watch(
            Identifier(b""), "localhost", self.dovecot.imap, MEMBER, SecretKind.OAUTH_FILE, str(self.consent), True,
            True, "", "", "", Instant(0), WatchState.WAITING, "", Instant(0),
        )  # fmt: skip
        await add_watch(self.home.desk, MEMBER, asked)
        await self.door.keep_up()

    async def state(self) -> tuple[WatchState, str]:
        (found,) = await self.home.all(Watch)
        return found.state, found.why

    async def becomes(self, state: WatchState) -> str:
        for _ in range(1500):
            found, why = await self.state()
            if found is state:
                return why
            await asyncio.sleep(0.02)
        raise AssertionError(await self.state())

    async def again(self) -> None:
        """The mail server hangs up and comes back."""
        await asyncio.to_thread(self.dovecot.kill)
        await self.becomes(WatchState.FAILING)
        await asyncio.to_thread(self.dovecot.start)

    async def close(self) -> None:
        await self.door.close()
        await asyncio.to_thread(self.dovecot.stop)
        await self.service.close()


@pytest.fixture(params=["xoauth2", "oauthbearer"])
async def scene(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    if reason := missing_servers():
        pytest.skip(reason)
    for name in ("FIRST_PAUSE", "LONGEST_PAUSE", "REFUSED_PAUSE"):
        monkeypatch.setattr(watching, f"{name}_SECONDS", 0.2)
    # Of a house that is known by its name; this one is on this machine.
    monkeypatch.setattr("antiphon.formats.oauth.ENDPOINTS", {"localhost": (f"https://{ENDPOINT}/token", "")})
    folder = Path(tempfile.mkdtemp(prefix="antiphon-oauth-"))
    folder.chmod(0o755)  # noqa: ASYNC240 - nobody waits
    found = Scene(folder, request.param)
    await found.open()
    yield found
    await found.close()
    shutil.rmtree(folder)


async def test_a_consent_opens_the_mailbox_and_its_end_is_told(scene: Scene) -> None:
    """Signed in with a token; a new one when it is over or refused; taken back it says so; given again it goes on."""
    await scene.watch()
    await scene.becomes(WatchState.WATCHING)
    assert scene.service.changed == 1, "three lines share one token"
    assert 'refresh_token = "r2"' in scene.consent.read_text("utf-8")
    scene.home.time.at = Instant(scene.home.time.at + 2 * HOUR)
    await scene.again()
    await scene.becomes(WatchState.WATCHING)
    assert scene.service.changed == 2
    scene.service.good.clear()  # the house ended the token before its time
    await scene.again()
    await scene.becomes(WatchState.WATCHING)
    assert scene.service.changed == 3
    scene.service.good.clear()
    scene.service.consent = "another"
    await asyncio.to_thread(scene.dovecot.kill)
    await asyncio.to_thread(scene.dovecot.start)
    for _ in range(500):
        if "consent" in (await scene.state())[1]:
            break
        await asyncio.sleep(0.02)
    assert (await scene.state()) == (WatchState.FAILING, "The consent for this mailbox was taken back, or is over.")
    scene.put("another")
    await scene.becomes(WatchState.WATCHING)
