"""Authorities and collectors that take reports of phishing or malware: a data file, each off until chosen (LAW §6)."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping

import msgspec

from antiphon.complaint.known import Harm
from antiphon.errors import MalformedInput
from antiphon.formats.domain import parse_address


class Authority(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry. `about` says for people who it is and what it does with a report; `source` where it says so itself,
    read on the day `date`."""

    name: str
    address: str
    takes: tuple[Harm, ...]
    about: str
    source: str
    date: str


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    authority: tuple[Authority, ...]


def load_authorities(text: str) -> Mapping[str, Authority]:
    """The entries of one file by name. Raises MalformedInput with what is wrong, and in which entry."""
    try:
        found = msgspec.convert(tomllib.loads(text), _File).authority
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise MalformedInput(f"The file of authorities can not be read: {error}.") from error
    for each in found:
        # A name is the object of a complaint about a case: it must never look like a network or a domain.
        if not each.name.isidentifier() or parse_address(each.address) is None or not (each.takes and each.source):
            raise MalformedInput(
                f"The authority {each.name!r} is not whole.",
                advice="It needs a name of letters and digits, one mail address, what it takes, and its source.",
            )
    return {each.name: each for each in found}


def chosen_authorities(names: Iterable[str], known: Mapping[str, Authority]) -> tuple[Authority, ...]:
    """Those that the operator opted in to, in that order. Raises MalformedInput for a name that is in no file."""
    if missing := [name for name in names if name not in known]:
        raise MalformedInput(f"No authority is called {missing[0]!r}.", advice=f"Known are {', '.join(sorted(known))}.")
    return tuple(known[name] for name in names)
