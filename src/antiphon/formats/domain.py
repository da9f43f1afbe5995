"""Names: domains, the two rules for organisational domains, addresses, and the ONE parser of URLs.

Everything here is decided from text and from DNS answers that are passed in. The Public Suffix List
is the copy bundled with `publicsuffixlist`; nothing is fetched.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Generic, TypeVar

import ada_url
from publicsuffixlist import PublicSuffixList

from antiphon.errors import MalformedInput, RefusedByLaw
from antiphon.terms import Address, Domain

MAX_DOMAIN = 253
MAX_LABEL = 63
MAX_LOCAL = 256
MAX_URL = 4096
MAX_WALK = 8

Subject = TypeVar("Subject")

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PSD = re.compile(r"(?:^|;)\s*psd\s*=\s*([a-z]+)\s*(?:;|$)", re.IGNORECASE)
_DMARC = re.compile(r"\s*v\s*=\s*DMARC1\s*(?:;|$)")


@dataclass(frozen=True, slots=True)
class Rule(Generic[Subject]):
    """One question of the law: `check` answers True when all is well. Rules stand in tuples, as data."""

    name: str
    question: str
    check: Callable[[Subject], bool]


def failures(rules: Sequence[Rule[Subject]], subject: Subject) -> tuple[str, ...]:
    """The names of all rules that failed, in the order of the tuple: the deciding one first."""
    return tuple(rule.name for rule in rules if not rule.check(subject))


def parse_domain(text: str) -> Domain:
    """A host name in its one form: lower-case LDH A-labels without a final dot (RFC 5890 §2.3.1).

    U-labels are mapped by UTS 46 as the URL parser maps them. Raises MalformedInput for anything
    that is no host name: an address literal, an empty or over-long label, an underscore.
    """
    name = text.lower().removesuffix(".")
    if not name.isascii() and len(name) <= MAX_DOMAIN:
        try:
            name = ada_url.idna_to_ascii(name).decode("ascii")
        except ValueError as error:
            raise MalformedInput("This is no domain name.") from error
    labels = name.split(".")
    if not name or len(name) > MAX_DOMAIN or _NUMERIC.fullmatch(labels[-1]):
        raise MalformedInput("This is no domain name.")
    if not all(len(label) <= MAX_LABEL and _LABEL.fullmatch(label) for label in labels):
        raise MalformedInput("This is no domain name.")
    return Domain(name)


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


def is_public_suffix(domain: Domain) -> bool:
    """Whether strangers register below this name: by the list, its private section included."""
    return _suffixes().privatesuffix(domain) is None


@lru_cache(maxsize=4096)
def organisational_domain(domain: Domain) -> Domain:
    """The registrable name by the Public Suffix List with its private section; a suffix is its own."""
    return Domain(_suffixes().privatesuffix(domain) or domain)


def is_at_or_below(domain: str, parent: str) -> bool:
    """Whether `domain` is `parent` or one of its descendants."""
    return domain == parent or domain.endswith("." + parent)


def is_covered_by(host: Domain, parent: Domain) -> bool:
    """At or below `parent`, and of the same organisation: below a public suffix live strangers."""
    return is_at_or_below(host, parent) and organisational_domain(host) == organisational_domain(parent)


def walk_names(domain: Domain) -> tuple[Domain, ...]:
    """The names whose `_dmarc` TXT decides the organisational domain, at most eight (RFC 9989 §4.10)."""
    labels = domain.split(".")
    names = [domain]
    rest = labels[1:] if len(labels) < MAX_WALK else labels[-(MAX_WALK - 1) :]
    while rest:
        names.append(Domain(".".join(rest)))
        rest = rest[1:]
    return tuple(names)


def organisational_domain_by_walk(domain: Domain, records: Mapping[Domain, str | None]) -> Domain | None:
    """The organisational domain by the DNS tree walk (RFC 9989 §4.10.2).

    `records` maps each name of `walk_names` to the one DMARC record at its `_dmarc`, or None where
    there is none (several count as none). A name that is missing was not answered: the result is
    None unless the walk stops before it.
    """
    found: list[Domain] = []
    for name in walk_names(domain):
        if name not in records:
            return None
        record = records[name]
        if record is None or not _DMARC.match(record):
            continue
        psd = _PSD.search(record)
        flag = psd.group(1).lower() if psd else "u"
        if flag == "n":
            return name
        if flag == "y" and name != domain:
            return Domain(".".join(domain.split(".")[-(name.count(".") + 2) :]))
        found.append(name)
    return found[-1] if found else domain


def aligned(a: Domain, b: Domain, records: Mapping[Domain, str | None] | None) -> bool:
    """Whether two names belong to one organisation under BOTH rules (LAW §4).

    Equal names always do. `records` None means that no DNS was asked: the walk is assumed to agree
    with the list, which only a diagnostic may assume.
    """
    if a == b:
        return True
    if organisational_domain(a) != organisational_domain(b):
        return False
    if records is None:
        return True
    walked = organisational_domain_by_walk(a, records)
    return walked is not None and walked == organisational_domain_by_walk(b, records)


_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"?|\[[^\]\[]*\]?|\\.|[<>,;:()]|[^"\[\\<>,;:()]+|.', re.DOTALL)
_DOT_ATOM = re.compile(r'[^\s@<>()\[\],;:"\\\x00-\x1f\x7f]+')
_QUOTED = re.compile(r'"((?:[^"\\\x00-\x1f]|\\[^\x00-\x1f])*)"')


def parse_address(text: str) -> Address | None:
    """One addr-spec (RFC 5322 §3.4.1), or None. A quoted local part that needs no quotes loses them."""
    local, at, host = text.strip().rpartition("@")
    local = local.strip()
    if not at or not local or len(local) > MAX_LOCAL:
        return None
    if quoted := _QUOTED.fullmatch(local):
        local = quoted.group(1) if _DOT_ATOM.fullmatch(quoted.group(1)) else local
    elif not _DOT_ATOM.fullmatch(local):
        return None
    try:
        return Address(local, parse_domain(host.strip()))
    except MalformedInput:
        return None


class _Mailbox:
    """What was read of one element of an address list."""

    __slots__ = ("angle", "angles", "plain")

    def __init__(self) -> None:
        self.plain: list[str] = []
        self.angle: list[str] | None = None
        self.angles: list[str] = []

    def finish(self, into: list[Address | None]) -> None:
        """Append the address, None for what is none; nothing for an empty element."""
        if self.angle is not None:
            into.append(None)
        elif self.angles:
            route_free = self.angles[0].rpartition(":")[2] if self.angles[0].startswith("@") else self.angles[0]
            into.append(parse_address(route_free) if len(self.angles) == 1 else None)
        elif "".join(self.plain).strip():
            into.append(parse_address("".join(self.plain)))
        self.__init__()  # type: ignore[misc]  # starts this reader over


@lru_cache(maxsize=128)  # every rule that asks for From reads the same text
def parse_addresses(value: str) -> tuple[Address | None, ...]:
    """Every mailbox of an address list (RFC 5322 §3.4), groups opened; None for one that is no address.

    Linear in the length of `value`: 20,000 mailboxes take a fraction of a second. Never raises.
    """
    found: list[Address | None] = []
    mailbox, comment = _Mailbox(), 0
    for token in _TOKEN.findall(value):
        if token == "(":
            comment += 1
        elif token == ")" and comment:
            comment -= 1
        elif comment:
            continue
        elif mailbox.angle is not None and token != ">":
            mailbox.angle.append(token)
        elif token == "<":
            mailbox.angle = []
        elif token == ">" and mailbox.angle is not None:
            mailbox.angles.append("".join(mailbox.angle).strip())
            mailbox.angle = None
        elif token in (",", ";"):
            mailbox.finish(found)
        elif token == ":":
            mailbox = _Mailbox()
        else:
            mailbox.plain.append(token)
    mailbox.finish(found)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Url:
    """An https URL that means the same to everybody: `text` equals its own serialisation."""

    text: str
    host: Domain
    path: str
    query: str


@dataclass(frozen=True, slots=True)
class _Candidate:
    text: str
    parsed: ada_url.URL | None


def _is_name(text: str) -> bool:
    try:
        return parse_domain(text) == text and "." in text
    except MalformedInput:
        return False


URL_RULES: tuple[Rule[_Candidate], ...] = (
    Rule("url-parses", "Does the URL parse at all, within its length?", lambda c: c.parsed is not None),
    Rule("url-https", "Is it https?", lambda c: c.parsed is None or c.parsed.protocol == "https:"),
    Rule("url-port", "Is it on port 443, without saying so?", lambda c: c.parsed is None or not c.parsed.port),
    Rule(
        "url-no-userinfo",
        "Is there no user information?",
        lambda c: c.parsed is None or not (c.parsed.username or c.parsed.password),
    ),
    Rule(
        "url-host-name",
        "Is the host a lower-case LDH name, no address literal?",
        lambda c: c.parsed is None or _is_name(str(c.parsed.hostname)),
    ),
    Rule("url-no-fragment", "Is there no fragment?", lambda c: "#" not in c.text),
    Rule(
        "url-canonical",
        "Does the URL equal its own serialisation?",
        lambda c: c.parsed is None or c.parsed.href == c.text,
    ),
)


@lru_cache(maxsize=4096)  # the links of a case's newest mails are compared with each other at every look
def parse_url(text: str) -> Url:
    """The one parser of URLs, also the client's. Raises RefusedByLaw with every rule that failed."""
    parsed: ada_url.URL | None = None
    if len(text) <= MAX_URL:
        try:
            parsed = ada_url.URL(text)
        except (ValueError, UnicodeError):
            parsed = None
    failed = failures(URL_RULES, _Candidate(text, parsed))
    if failed or parsed is None:
        raise RefusedByLaw("This URL can not be used.", failed or ("url-parses",))
    return Url(text, Domain(parsed.hostname), parsed.pathname, parsed.search.removeprefix("?"))
