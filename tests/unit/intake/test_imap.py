"""Our IMAP client against servers that say what they like: it signs in, reads, never touches, and has limits."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
import ssl
from collections.abc import AsyncIterator, Callable

import pytest

from antiphon.errors import MalformedInput, Unreachable
from antiphon.formats.imap import DEPTH
from antiphon.intake.imap import LINE_BYTES, Folder, Mailbox, SignInRefused, Standing, connected
from antiphon.terms import show_instant
from antiphon.world.authority import Authority

Answer = Callable[[str], str | bytes]
TOKEN = "auth=Bearer t\x01\x01"
MAIL = b'From: a@b.example\r\n\r\nHello ("{3}\r\n'


class Script:
    """A server that answers by the first word, or the first two, of a command; what is not scripted is OK."""

    def __init__(self, **answers: str | bytes) -> None:
        self.answers = {name.replace("_", " "): answer for name, answer in answers.items()}
        self.answers.setdefault("CAPABILITY", "* CAPABILITY IMAP4rev1 AUTH=PLAIN IDLE\r\n")
        self.greeting = b"* OK ready\r\n"
        self.heard: list[str] = []
        self.visits: list[asyncio.Task[None] | None] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.visits.append(asyncio.current_task())
        with contextlib.suppress(ConnectionError):
            writer.write(self.greeting)
            while line := (await reader.readline()).decode():
                self.heard.append(line.strip())
                tag, _, said = line.strip().partition(" ")
                writer.write(self.answer(tag, said))
                await writer.drain()
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    def answer(self, tag: str, said: str) -> bytes:
        if not re.fullmatch(r"A\d+", tag):
            return self.after(tag)
        self.tag, words = tag, said.split(" ")
        if words[0] in ("AUTHENTICATE", "IDLE"):
            before, news = (self.answers.get(name, b"") if words[0] == "IDLE" else b"" for name in ("before", "news"))
            return before + b"+ \r\n" + news  # type: ignore[operator]  # bytes where it is scripted
        found = self.answers.get(" ".join(words[:2]), self.answers.get(words[0], ""))
        text = found.encode() if isinstance(found, str) else found
        return text if b"%s" % tag.encode() in text else text + f"{tag} OK done\r\n".encode()

    def after(self, line: str) -> bytes:
        """After `+`: a secret, `DONE`, or the answer to a refusal."""
        refused = self.answers.get("refuse")
        if refused is not None and line not in ("", "AQ==", "*", "DONE"):
            return b"+ e30=\r\n" if refused == "first" else f"{self.tag} NO {refused}\r\n".encode()
        return f"{self.tag} {'NO' if refused == 'first' else 'OK'} done\r\n".encode()


@contextlib.asynccontextmanager
async def line_to(script: Script, *, signed_in: bool = True) -> AsyncIterator[Mailbox]:
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        async with connected("127.0.0.1", port, None) as line:
            if signed_in:
                await line.sign_in("ann", "geheim", bearer=False, host="h.example", port=993)
            yield line
    finally:
        server.close()
        await asyncio.gather(*filter(None, script.visits))


async def test_a_password_is_said_after_the_server_asked_for_it() -> None:
    """SASL PLAIN, and what the server can do is asked again for the user (RFC 4616 §2)."""
    script = Script()
    async with line_to(script) as line:
        assert b"IDLE" in line.able
    assert script.heard[:3] == ["A1 CAPABILITY", "A2 AUTHENTICATE PLAIN", base64.b64encode(b"\0ann\0geheim").decode()]


@pytest.mark.parametrize(
    ("able", "command", "said"),
    [
        ("AUTH=OAUTHBEARER AUTH=XOAUTH2", "OAUTHBEARER", f"n,a=ann,\x01host=h.example\x01port=993\x01{TOKEN}"),
        ("AUTH=XOAUTH2", "XOAUTH2", f"user=ann\x01{TOKEN}"),
    ],
)  # fmt: skip
async def test_a_bearer_token_is_said_as_the_server_knows_it(able: str, command: str, said: str) -> None:
    """RFC 7628 §3.1 where it is offered, else the older form of it."""
    script = Script(CAPABILITY=f"* CAPABILITY IMAP4rev1 AUTH=PLAIN {able}\r\n")
    async with line_to(script, signed_in=False) as line:
        await line.sign_in("ann", "t", bearer=True, host="h.example", port=993)
    assert script.heard[1:3] == [f"A2 AUTHENTICATE {command}", base64.b64encode(said.encode()).decode()]


async def test_login_quotes_and_is_not_used_where_it_is_forbidden() -> None:
    """The last way for a password; a token never goes where a password is wanted."""
    script = Script(CAPABILITY="* CAPABILITY IMAP4rev1\r\n")
    async with line_to(script, signed_in=False) as line:
        await line.sign_in('a"n\\n', "geheim", bearer=False, host="h", port=993)
    assert script.heard[1] == 'A2 LOGIN "a\\"n\\\\n" "geheim"'
    for able, bearer in (("LOGINDISABLED", False), ("AUTH=PLAIN", True)):
        async with line_to(Script(CAPABILITY=f"* CAPABILITY {able}\r\n"), signed_in=False) as line:
            with pytest.raises(SignInRefused, match="no way to sign in"):
                await line.sign_in("ann", "geheim", bearer=bearer, host="h", port=993)


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        ("[AUTHENTICATIONFAILED] geheim is wrong", SignInRefused),
        ("[UNAVAILABLE] later", Unreachable),
        ("first", SignInRefused),
    ],
)
async def test_a_refused_sign_in_says_nothing_of_what_the_server_said(refusal: str, kind: type[Unreachable]) -> None:
    """Its text may repeat the secret; only its code is read (RFC 5530 §3)."""
    able = "* CAPABILITY AUTH=OAUTHBEARER\r\n" if refusal == "first" else "* CAPABILITY AUTH=PLAIN\r\n"
    async with line_to(Script(CAPABILITY=able, refuse=refusal), signed_in=False) as line:
        with pytest.raises(kind) as raised:
            await line.sign_in("ann", "geheim", bearer=refusal == "first", host="h", port=993)
    assert "geheim" not in str(raised.value)
    assert type(raised.value) is kind


async def test_folders_come_with_their_uses_and_without_what_can_not_be_opened() -> None:
    """Special uses as RFC 6154 §2 has them; names as people read them."""
    script = Script(
        LIST='* LIST (\\HasNoChildren \\Junk) "/" "Spam"\r\n* LIST (\\Noselect) "/" dir\r\n'
        '* LIST () NIL {4}\r\nA (b\r\n* LIST () "/" "Entw&APw-rfe &- mehr"\r\n'
    )
    async with line_to(script) as line:
        found = await line.folders()
    assert found[0] == Folder("Spam", frozenset({"hasnochildren", "junk"}))
    assert [folder.shown for folder in found] == ["Spam", "A (b", "Entwürfe & mehr"]


async def test_a_folder_is_only_ever_examined() -> None:
    """Every command that this client can say, and none that changes a mailbox."""
    examined = "* 7 EXISTS\r\n* OK [UIDVALIDITY 3] x\r\n* OK [UIDNEXT 12] x\r\n"
    fetched = b'* 7 FETCH (UID 11 INTERNALDATE " 1-Jan-2026 10:00:00 +0100" BODY[] {%d}\r\n%s)\r\n' % (len(MAIL), MAIL)
    script = Script(
        EXAMINE=examined, STATUS='* STATUS "x" (UIDNEXT 12 MESSAGES 7 UIDVALIDITY 3)\r\n',
        UID_SEARCH="* SEARCH 4 11\r\n", UID_FETCH=fetched,
    )  # fmt: skip
    async with line_to(script) as line:
        assert await line.standing("x") == await line.examine("x") == Standing(3, 12, 7)
        assert await line.since("1-Jan-2026") == [4, 11]
        assert await line.still_there([11, 4]) == {4, 11}
        assert await line.still_there([]) == frozenset()
        mail = await line.fetch(11)
        assert mail is not None and mail.raw == MAIL
        assert show_instant(mail.arrived_at) == "2026-01-01T09:00:00Z"
        assert await line.fetch(12) is None
        await line.folders()
    said = {line.split(" ")[1] for line in script.heard if line.startswith("A") and " " in line}
    assert said == {"CAPABILITY", "AUTHENTICATE", "STATUS", "EXAMINE", "UID", "LIST"}
    assert all("BODY[" not in line for line in script.heard)


async def test_the_last_mail_is_not_new_again() -> None:
    """`n:*` names it also where its number is smaller (RFC 3501 §6.4.8)."""
    async with line_to(Script(UID_FETCH="* 7 FETCH (UID 11 RFC822.SIZE 500)\r\n")) as line:
        assert await line.sizes(12) == {}
        assert await line.sizes(11) == {11: 500}


async def test_waiting_ends_with_news_and_not_with_chatter() -> None:
    """New mail, and a mail that is gone or marked; not `still here` (RFC 2177 §3)."""
    script = Script(news=b"* OK Still here\r\n* 8 EXISTS\r\n")
    async with line_to(script) as line:
        await asyncio.wait_for(line.idle(), 10)
    assert script.heard[-1] == "DONE"


async def test_news_from_before_the_wait_begins_ends_it_too() -> None:
    """A server may tell what came since the last command before it says that it waits (RFC 3501 §7)."""
    script = Script(before=b"* 8 EXISTS\r\n* 0 RECENT\r\n")
    async with line_to(script) as line:
        await asyncio.wait_for(line.idle(), 10)
    assert script.heard[-1] == "DONE"


LIST = "* LIST "


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("* LIST (\r\n", "cut off"),
        ("* LIST )\r\n", "did not open"),
        (LIST + "(" * (DEPTH + 1) + ")" * (DEPTH + 1) + "\r\n", "too deeply"),
        ("nonsense\r\n", "does not speak IMAP"),
        ("* LIST {99999999}\r\n", "answers with more"),
        ("* LIST " + "x" * LINE_BYTES + "\r\n", "a line of more than"),
        (('* LIST () "/" ' + "x" * 900_000 + "\r\n") * 14, "answers with more"),
    ],
    ids=["open", "closed", "deep", "other", "literal", "line", "all of it"],
)
async def test_an_answer_past_a_limit_ends_the_line(answer: str, why: str) -> None:
    """Nothing that a server says takes more memory than is stated, or is guessed at."""
    async with line_to(Script(LIST=answer)) as line:
        with pytest.raises(MalformedInput, match=why):
            await line.folders()


async def test_an_answer_at_the_limits_is_read() -> None:
    """One step before what is refused."""
    deep = LIST + '() "/" inbox ' + "(" * (DEPTH - 1) + ")" * (DEPTH - 1) + "\r\n"
    async with line_to(Script(LIST=deep)) as line:
        assert await line.folders() == []
    long = f'* LIST () "/" INBOX\r\n* X {"x" * (LINE_BYTES - 10)}\r\n'
    async with line_to(Script(LIST=long)) as line:
        assert [folder.name for folder in await line.folders()] == ["INBOX"]


@pytest.mark.parametrize("said", ["* OK [UIDNEXT 4] x\r\n* 1 EXISTS\r\n", "* x EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n"])
async def test_a_folder_without_its_numbers_is_not_looked_at(said: str) -> None:
    """Where nothing says what a mail's number means, nothing may be concluded from it."""
    async with line_to(Script(EXAMINE=said)) as line:
        with pytest.raises(MalformedInput):
            await line.examine("INBOX")


async def test_a_server_that_is_busy_refuses_or_hangs_up_is_asked_later() -> None:
    """All of these may pass."""
    script = Script()
    script.greeting = b"* BYE too many\r\n"
    async with line_to(script, signed_in=False) as line:
        with pytest.raises(Unreachable, match="does not want to talk"):
            await line.sign_in("a", "b", bearer=False, host="h", port=1)
    async with line_to(Script(LIST="A4 NO not now\r\n")) as line:
        with pytest.raises(Unreachable, match="refuses LIST"):
            await line.folders()
    with pytest.raises(Unreachable, match="could not be reached"):
        async with connected("127.0.0.1", 1, None):
            pass


async def test_another_machine_is_asked_over_tls_only() -> None:
    """Whatever was asked for."""
    with pytest.raises(Unreachable, match="over TLS only"):
        async with connected("imap.big.example", 143, None):
            pass


async def test_a_server_must_be_who_it_says() -> None:
    """A certificate of an authority that is trusted, for the name that was asked for; else nothing is said."""
    authority = Authority()
    script = Script()
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0, ssl=authority.context("localhost"))
    port = server.sockets[0].getsockname()[1]
    trusting = ssl.create_default_context(cadata=authority.certificate.decode())
    async with connected("localhost", port, trusting) as line:
        await line.sign_in("ann", "geheim", bearer=False, host="localhost", port=port)
    heard = len(script.heard)
    for host, context in (("127.0.0.1", trusting), ("localhost", ssl.create_default_context())):
        with pytest.raises(Unreachable, match="could not be reached: SSLCertVerificationError"):
            async with connected(host, port, context):
                pass
    assert heard and len(script.heard) == heard
    server.close()
    await asyncio.gather(*filter(None, script.visits))
