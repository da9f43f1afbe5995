"""The guarded one-click client (RFC 8058), and a separate fetcher for registries.

One POST to one judged address, and then the line is closed: no redirect, cookie, authentication, proxy, decompression,
second try, or GET. The client's own HTTP is that of h11; its TLS runs in `wire`, where every byte is counted.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import StrEnum

import h11

from antiphon.backends.wire import Dialer, Line, ReserveSpent, open_line
from antiphon.errors import AntiphonError, MalformedInput, RefusedByLaw, Unreachable
from antiphon.formats.domain import Url, parse_url
from antiphon.formats.publicness import is_public
from antiphon.ledger.allowance import Permit
from antiphon.ports import Exchange

HTTPS_PORT = 443
ONE_CLICK_BODY = b"List-Unsubscribe=One-Click"
"""RFC 8058 §3.2, to the byte."""

TIMEOUT_SECONDS = 10.0
FETCH_OVERHEAD_BYTES = 24 * 1024
"""TLS handshake and header fields of a registry, beside the body that the caller allows."""

FETCH_UNASKED_BYTES = 64 * 1024
"""A registry's answer is long and solicited: a real receive window."""

FORM = (("Content-Type", "application/x-www-form-urlencoded"),)
RETRY_UNREADABLE_SECONDS = 86_400
"""A Retry-After that nobody can read is still a wish to be left alone: one day."""

RETRY_MOST_SECONDS = 366 * 86_400

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([2-5][0-9][0-9])[ \r]?[^\n]*\n")
_FIELD_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,254}[\x21-\x7e])?")


class Outcome(StrEnum):
    """What a one-click attempt came to. Whatever it is, the attempt is spent."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    REDIRECTED = "redirected"
    TOO_MANY = "too-many"
    FAILED = "failed"
    UNKNOWN = "unknown"
    CERTIFICATE = "certificate"


BY_STATUS = {403: Outcome.REFUSED, 429: Outcome.TOO_MANY}
BY_CLASS = {2: Outcome.ACCEPTED, 3: Outcome.REDIRECTED, 4: Outcome.FAILED, 5: Outcome.FAILED}


@dataclass(frozen=True, slots=True)
class Fetched:
    """A registry's answer. Header names are lower case."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """The first value of a header field, empty if there is none."""
        return next((value for key, value in self.headers if key == name.lower()), "")


class OneClickClient:
    """Makes one-click requests, each exactly once.

    `context` must verify certificates and host names and begin at TLS 1.2; ValueError otherwise, since no setting may
    turn that off.
    """

    def __init__(
        self,
        dialer: Dialer,
        context: ssl.SSLContext,
        user_agent: str,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._dialer = dialer
        self._context = _strict(context)
        self._user_agent = _printable(user_agent)
        self._timeout_seconds = timeout_seconds

    async def post(self, permit: Permit, url: str, address: str, *, position: str) -> Exchange:
        """POSTs the RFC 8058 pair to `url` at the pinned `address`, port 443, and reads no further than the head.

        Bytes on the wire, both ways, never pass the permit's reserve; the time limit covers everything. `position`, the
        permit's place in the ledger, stands in the User-Agent. Never raises for what the other side does.
        """
        try:
            target = parse_url(url)
        except RefusedByLaw as error:
            return Exchange(Outcome.FAILED, "", None, 0, 0, error.what, False)
        talk = _Talk(_post_request(target, _printable(f"{self._user_agent} entry/{position}")))
        if not is_public(address):
            return talk.exchange(Outcome.FAILED, "The address is not a public one.")

        async def converse() -> None:
            talk.line = await open_line(
                self._dialer,
                address,
                HTTPS_PORT,
                reserve_bytes=permit.reserve,
                timeout_seconds=self._timeout_seconds,
            )
            await talk.line.secure(self._context, target.host)
            await talk.ask()

        try:
            problem = await _limited(converse, self._timeout_seconds)
            return talk.judged(problem)
        finally:
            talk.close()


class RdapFetcher:
    """Asks registries, our own public pages, token endpoints; never given a URL that came out of a reported message."""

    def __init__(self, dialer: Dialer, context: ssl.SSLContext, user_agent: str) -> None:
        self._dialer = dialer
        self._context = _strict(context)
        self._user_agent = _printable(user_agent)

    async def fetch(
        self,
        url: Url,
        address: str,
        *,
        max_bytes: int,
        timeout_seconds: float = TIMEOUT_SECONDS,
        accept: str = "application/rdap+json, application/json",
        form: bytes = b"",
    ) -> Fetched:
        """The answer with its whole body; redirects are returned, not followed. One GET, or one POST of a form.

        Raises Unreachable, MalformedInput (no HTTP, or more than `max_bytes`), RefusedByLaw (address not public).
        """
        if not is_public(address):
            raise RefusedByLaw(f"{address} is not a public address.", ("public-address",))
        sent = (*FORM, ("Content-Length", str(len(form)))) if form else ()
        fields = (("User-Agent", self._user_agent), ("Accept", accept), *sent)
        talk = _Talk((_request("POST" if form else "GET", url, fields), form))
        body: list[bytes] = []

        async def converse() -> None:
            talk.line = await open_line(
                self._dialer,
                address,
                HTTPS_PORT,
                reserve_bytes=max_bytes + FETCH_OVERHEAD_BYTES + FETCH_UNASKED_BYTES,
                timeout_seconds=timeout_seconds,
                unasked_bytes=FETCH_UNASKED_BYTES,
            )
            await talk.line.secure(self._context, url.host)
            await talk.ask()
            body.append(await talk.body(max_bytes))

        try:
            problem = await _limited(converse, timeout_seconds)
        finally:
            talk.close()
        if problem is not None:
            raise _fetch_error(url, problem) from problem
        return Fetched(talk.status or 0, talk.headers, body[0])


class HookClient:
    """POSTs to the operator's own on-call (decision 0026); never given a URL that came out of a reported message."""

    def __init__(self, dialer: Dialer, context: ssl.SSLContext, user_agent: str) -> None:
        self._dialer, self._context, self._user_agent = dialer, _strict(context), _printable(user_agent)

    async def post(self, url: Url, address: str, body: bytes, fields: Mapping[str, str]) -> str:
        """One POST to the pinned address, read no further than the head: why it was not taken, empty where it was. A
        redirect is an answer like any other that is not 2xx."""
        if not is_public(address):
            return "The address is not a public one."
        every = (("User-Agent", self._user_agent), *fields.items(), ("Content-Length", str(len(body))))
        talk = _Talk((_request("POST", url, every), body))

        async def converse() -> None:
            reserve_bytes = len(body) + FETCH_OVERHEAD_BYTES
            talk.line = await open_line(
                self._dialer, address, HTTPS_PORT, reserve_bytes=reserve_bytes, timeout_seconds=TIMEOUT_SECONDS
            )
            await talk.line.secure(self._context, url.host)
            await talk.ask()

        try:
            problem = await _limited(converse, TIMEOUT_SECONDS)
        finally:
            talk.close()
        if talk.status is None:
            return _reason(problem)
        return "" if talk.status // 100 == 2 else f"It answered {talk.status}."


class _Talk:
    """One request and its answer; keeps what is known when something cuts it short."""

    def __init__(self, request: tuple[h11.Request, bytes]) -> None:
        self._http = h11.Connection(h11.CLIENT)
        head, body = request
        parts = [self._http.send(head)]
        if body:
            parts.append(self._http.send(h11.Data(data=body)))
        parts.append(self._http.send(h11.EndOfMessage()))
        self._request = b"".join(part for part in parts if part is not None)
        self.line: Line | None = None
        self.wrote = False
        self.status: int | None = None
        self.headers: tuple[tuple[str, str], ...] = ()
        self._asked_at: float | None = None
        self._answered_at: float | None = None

    async def ask(self) -> None:
        """Sends the request, reads the head of the final answer."""
        assert self.line is not None
        handshake_bytes = self.line.bytes_out
        try:
            await self.line.send(self._request)
        finally:
            self.wrote = self.line.bytes_out > handshake_bytes
        self._asked_at = _monotonic()
        while not isinstance(event := await self._event(), h11.Response):
            if not isinstance(event, h11.InformationalResponse):
                raise Unreachable("The other side hung up without an answer.")
        self._answered_at = _monotonic()
        self.status = event.status_code
        self.headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in event.headers)

    async def body(self, max_bytes: int) -> bytes:
        """The content after the head. Raises MalformedInput beyond `max_bytes`."""
        content = bytearray()
        while isinstance(event := await self._event(), h11.Data):
            content += event.data
            if len(content) > max_bytes:
                raise MalformedInput(f"The answer is larger than {max_bytes} bytes.")
        return bytes(content)

    async def _event(self) -> object:
        assert self.line is not None
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(await self.line.receive())
        return event

    def judged(self, problem: Exception | None) -> Exchange:
        """The outcome. A status line that arrived is enough, even if the rest did not; one inside a TLS record that
        is larger than the reserve has not arrived (LAW §2: a bigger answer is unknown)."""
        if self.status is None and (found := _STATUS_LINE.match(self._http.trailing_data[0])):
            self.status = int(found[1])
        if self.status is not None:
            outcome = BY_STATUS.get(self.status) or BY_CLASS.get(self.status // 100, Outcome.FAILED)
            return self.exchange(outcome, "")
        reason = _reason(problem)
        if isinstance(problem, ssl.SSLCertVerificationError):
            return self.exchange(Outcome.CERTIFICATE, reason)
        return self.exchange(Outcome.UNKNOWN if self.wrote else Outcome.FAILED, reason)

    def exchange(self, outcome: Outcome, reason: str) -> Exchange:
        """The attempt with the counts of its line."""
        sent, received = (self.line.bytes_out, self.line.bytes_in) if self.line else (0, 0)
        return Exchange(
            outcome,
            str(self.status or ""),
            retry_after_seconds(self.headers),
            sent,
            received,
            reason,
            self.wrote,
            self._took_seconds(),
        )

    def _took_seconds(self) -> float:
        """From the request to the answer, or to the moment when we gave up."""
        if self._asked_at is None:
            return 0.0
        return (_monotonic() if self._answered_at is None else self._answered_at) - self._asked_at

    def close(self) -> None:
        """Hangs up."""
        if self.line is not None:
            self.line.close()


def retry_after_seconds(headers: tuple[tuple[str, str], ...]) -> int | None:
    """The pause that an answer asks for (RFC 9110 §10.2.3), None without the field; the longest if several.

    A date is read against the answer's own Date, so that clocks need not agree. What can not be read is one day.
    """
    dates = [value for name, value in headers if name == "date"]
    pauses = [_pause(value.strip(), dates[0] if dates else "") for name, value in headers if name == "retry-after"]
    return max(pauses, default=None)


def _pause(value: str, date: str) -> int:
    if value.isascii() and value.isdigit():
        return min(int(value[:9]), RETRY_MOST_SECONDS)
    try:
        seconds = (parsedate_to_datetime(value) - parsedate_to_datetime(date)).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return RETRY_UNREADABLE_SECONDS
    return int(min(max(seconds, 0), RETRY_MOST_SECONDS))


async def _limited(converse: Callable[[], Awaitable[None]], timeout_seconds: float) -> Exception | None:
    """Runs the conversation; whatever the other side did to it comes back as a value."""
    try:
        async with asyncio.timeout(timeout_seconds):
            await converse()
    except (AntiphonError, OSError, TimeoutError, ReserveSpent, h11.RemoteProtocolError) as problem:
        return problem
    return None


def _monotonic() -> float:
    return asyncio.get_running_loop().time()


def _reason(problem: Exception | None) -> str:
    match problem:
        case ssl.SSLCertVerificationError():
            return f"The certificate does not pass: {problem.verify_message}."
        case ReserveSpent():
            return "The byte reserve was used up before a status line came."
        case TimeoutError():
            return "The time limit passed before a status line came."
        case AntiphonError():
            return problem.what
        case _:
            return f"The conversation failed: {type(problem).__name__}."


def _fetch_error(url: Url, problem: Exception) -> AntiphonError:
    if isinstance(problem, ReserveSpent):
        return MalformedInput(f"The answer of {url.host} is larger than allowed.")
    if isinstance(problem, MalformedInput):
        return problem
    if isinstance(problem, h11.RemoteProtocolError):
        return MalformedInput(f"The answer of {url.host} is not HTTP.")
    return Unreachable(f"{url.host} could not be asked. {_reason(problem)}")


def _post_request(url: Url, user_agent: str) -> tuple[h11.Request, bytes]:
    fields = (
        ("User-Agent", user_agent),
        ("Content-Type", "application/x-www-form-urlencoded"),
        ("Content-Length", str(len(ONE_CLICK_BODY))),
    )
    return _request("POST", url, fields), ONE_CLICK_BODY


def _request(method: str, url: Url, headers: tuple[tuple[str, str], ...]) -> h11.Request:
    # From the text, not from path and query: RFC 8058 §3.2 asks for the very URI, a bare "?" at its end included.
    target = url.text.removeprefix(f"https://{url.host}")
    fields = [("Host", str(url.host)), *headers, ("Connection", "close")]
    return h11.Request(method=method, target=target, headers=fields)


def _strict(context: ssl.SSLContext) -> ssl.SSLContext:
    """The same, from TLS 1.2 on: Debian's Python begins wherever the system's OpenSSL does."""
    if context.verify_mode != ssl.CERT_REQUIRED or not context.check_hostname:
        raise ValueError("the TLS context must verify certificates and host names")
    context.minimum_version = max(context.minimum_version, ssl.TLSVersion.TLSv1_2)
    return context


def _printable(user_agent: str) -> str:
    if not _FIELD_VALUE.fullmatch(user_agent):
        raise ValueError("the User-Agent must be one line of printable ASCII")
    return user_agent
