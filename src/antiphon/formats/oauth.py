"""A member's standing consent that a mailbox elsewhere may be read: a refresh token, changed for short-lived ones.

Where it is changed is one of a closed list, or lies in the organisation of the mail server itself: no file and no
answer can point the node at anybody else (RFC 6749 §6, decision 0019).
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from antiphon.errors import AntiphonError, BrokenSettings, MalformedInput, Unreachable
from antiphon.formats.domain import Url, organisational_domain, parse_domain, parse_url

ANSWER_BYTES = 64 * 1024
SHORTEST_SECONDS, LONGEST_SECONDS = 60, 24 * 3600
"""An access token is thought to last so long at least and at most, whatever is said of it."""
GOOGLE = ("https://oauth2.googleapis.com/token", "")
MICROSOFT = (
    "https://login.microsoftonline.com/common/oauth2/v2.0/token",
    "https://outlook.office.com/IMAP.AccessAsUser.All offline_access",
)
ENDPOINTS: Mapping[str, tuple[str, str]] = {
    "imap.gmail.com": GOOGLE,
    "imap.googlemail.com": GOOGLE,
    "outlook.office365.com": MICROSOFT,
    "imap-mail.outlook.com": MICROSOFT,
}
"""By mail server: where its tokens are changed, and for what."""
KEYS = {"refresh_token", "client_id", "client_secret", "token_endpoint", "scope"}
_TOKEN = re.compile(r"[ -~]{1,8192}")
_REFRESH = re.compile(r"(?m)^([ \t]*refresh_token[ \t]*=[ \t]*).*$")
OURS_TO_MEND = {"invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_scope", "invalid_request"}


class ConsentEnded(Unreachable):
    """The member's consent was taken back, or is over: only a new one helps."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A consent: whom to ask, and with what."""

    endpoint: Url
    form: bytes


@dataclass(frozen=True, slots=True)
class Token:
    """What it was changed for. `refresh` is a new refresh token, empty where the old one stays."""

    access: str
    lasts_seconds: int
    refresh: str


def parse_grant(text: str, server: str) -> Grant:
    """A consent for this mail server as TOML: `client_id`, `refresh_token`, where there is one `client_secret`, and
    for a server that is not known here `token_endpoint` and perhaps `scope`. Raises BrokenSettings."""
    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _broken(f"it is no TOML: {error}" if "refresh" not in str(error) else "it is no TOML") from error
    if stray := sorted(set(said) - KEYS):
        raise _broken(f"{stray[0]!r} is not known")
    if bad := sorted(key for key, value in said.items() if not isinstance(value, str) or not _TOKEN.fullmatch(value)):
        raise _broken(f"{bad[0]} is no text of printable ASCII")
    if missing := [key for key in ("client_id", "refresh_token") if key not in said]:
        raise _broken(f"{missing[0]} is missing")
    known, scope = ENDPOINTS.get(server.lower(), ("", ""))
    endpoint, scope = said.get("token_endpoint", known), said.get("scope", scope)
    fields = {"grant_type": "refresh_token", "refresh_token": said["refresh_token"], "client_id": said["client_id"]}
    fields |= {name: value for name, value in (("client_secret", said.get("client_secret")), ("scope", scope)) if value}
    return Grant(_endpoint(endpoint, known, server), urlencode(fields).encode())


def _endpoint(text: str, known: str, server: str) -> Url:
    if not text:
        raise _broken(f"token_endpoint is missing, and none is known for {server}")
    try:
        url = parse_url(text)
        own = organisational_domain(url.host) == organisational_domain(parse_domain(server))
    except AntiphonError as error:
        raise _broken("token_endpoint can not be used") from error
    if text != known and not own:
        raise _broken(f"token_endpoint does not belong to the house of {server}")
    return url


def _broken(why: str) -> BrokenSettings:
    return BrokenSettings(f"The consent for this mailbox can not be read: {why}.",
                          advice="docs/how-to/watch-a-mailbox.md has its form.")  # fmt: skip


def parse_token(status: int, body: bytes) -> Token:
    """The answer to a change (RFC 6749 §5). Raises ConsentEnded, BrokenSettings where the client is not taken,
    Unreachable where it may be so later, and MalformedInput."""
    if status == 429 or status >= 500:
        raise Unreachable(f"The token endpoint answered {status}.")
    try:
        said = json.loads(body)
    except ValueError as error:
        raise MalformedInput("The token endpoint's answer can not be read.") from error
    if not isinstance(said, dict):
        raise MalformedInput("The token endpoint's answer can not be read.")
    if status != 200:
        raise _refusal(said.get("error"))
    access, lasts, refresh = said.get("access_token"), said.get("expires_in", 3600), said.get("refresh_token", "")
    # Microsoft's older endpoint says the seconds as a text.
    seconds = int(lasts) if isinstance(lasts, int) or (isinstance(lasts, str) and lasts.isdecimal()) else 3600
    if not all(isinstance(each, str) and _TOKEN.fullmatch(each) for each in (access, refresh or "x")):
        raise MalformedInput("The token endpoint gives no token.")
    return Token(str(access), min(max(seconds, SHORTEST_SECONDS), LONGEST_SECONDS), str(refresh))


def _refusal(word: object) -> AntiphonError:
    if word in ("invalid_grant", "interaction_required", "consent_required"):
        return ConsentEnded("The consent for this mailbox was taken back, or is over.",
                            advice="Consent again, and put the new refresh token in its place.")  # fmt: skip
    if word in OURS_TO_MEND:
        return BrokenSettings(f"The token endpoint does not take this client: {word}.")
    return Unreachable("The token endpoint gives no token now.")


def with_refresh(text: str, token: str) -> str:
    """The consent with another refresh token; everything else stays as it was written."""
    return _REFRESH.sub(lambda found: found[1] + json.dumps(token), text, count=1)
