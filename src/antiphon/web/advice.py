"""What a person can do about each thing that waits for one: a sentence, and what to type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from antiphon.optout.originator import STANDING

DIGITS = 8
"""Of an identifier, as a person is shown it; commands take the beginning of one."""
Need = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Advice:
    """`sentence` says what waits, `commands` what to type, the first one to look."""

    kind: str
    sentence: str
    commands: tuple[str, ...]


def _case(need: Need) -> str:
    return str(need["case"])[:DIGITS]


def _notice(need: Need) -> Advice:
    look = f"antiphon case {_case(need)}"
    said = f"A notice to {need['originator']} is drafted. Read its exact bytes, then approve it or give the case up."
    return Advice("notice", said, (look, f"{look} approve --notice", f"{look} withdraw --why TEXT"))


def _standing(need: Need) -> Advice:
    look = f"antiphon case {_case(need)}"
    said = f"{need['originator']} writes on after the window. Requests wait for a standing approval."
    return Advice("standing approval", said, (look, f"{look} approve --max 20 --expires 30"))


def _vouch(need: Need) -> Advice:
    why = " ".join(rule.sentence for rule in STANDING if rule.name in need["reasons"])
    said = f"{need['originator']} is not accountable yet. {why} If you know it, vouch for it by name."
    return Advice("vouching", said, (f'antiphon originator {need["originator"]} vouch --why "how you know it"',))


def _pair(need: Need) -> Advice:
    said = (
        f"{need['domain']} at {need['prefix']} is new. The address {need['address']} is called "
        f"{need['ptr'] or 'nothing'} in DNS and held by {need['holder'] or 'nobody known'}. Is that the originator's?"
    )
    return Advice("network", said, _verdict(need))


def _host(need: Need) -> Advice:
    said = f"Mail signed by {need['signer']} points at {need['host']}. Are both of one house?"
    return Advice("host", said, _verdict(need))


def _verdict(need: Need) -> tuple[str, ...]:
    return tuple(f"antiphon pair {need['id']} {word} --why TEXT" for word in ("allow", "refuse"))


KINDS: Mapping[str, Callable[[Need], Advice]] = {
    "notice": _notice,
    "standing": _standing,
    "vouch": _vouch,
    "pair": _pair,
    "host": _host,
}


def advice_on(need: Need) -> Advice:
    """What to do about one line of `status`'s needs."""
    return KINDS[need["kind"]](need)
