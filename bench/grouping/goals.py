"""The goals, each with the figure that this run measured and a yes or no that follows from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.grouping.pairs import Share

Found = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Goal:
    """What is asked, the figure as measured and whether it is met; None for both where it was not measured."""

    name: str
    asked: str
    measured: str
    met: bool | None


def _figure(share: Share) -> str:
    if share.value is None:
        return "no pairs"
    low, high = share.bounds
    return f"{share.value:.4f} ({low:.4f} to {high:.4f}; {share.hits:,} of {share.of:,})"


def _least(share: Share, least: float) -> bool | None:
    return None if share.value is None else share.value >= least


def goals(found: Found) -> list[Goal]:
    """All of them, in the order of the page."""
    made: list[Goal] = []

    def goal(name: str, asked: str, section: str, judge: Callable[[Any], tuple[str, bool | None]]) -> None:
        measured, met = judge(found[section]) if section in found else ("not measured in this run", None)
        made.append(Goal(name, asked, measured, met))

    goal(
        "precision, gold",
        ">= .995",
        "gold",
        lambda it: (_figure(it["scores"]["ours"].precision), _least(it["scores"]["ours"].precision, 0.995)),
    )
    goal(
        "precision, blind sample of joined pairs",
        ">= .99 on >= 800",
        "judged",
        lambda it: (
            f"{_figure(it['right'])}, {it['drawn']:,} drawn",
            bool(_least(it["right"], 0.99)) and it["right"].of >= 800,
        ),
    )
    goal(
        "hard recall, one kind of evidence hidden",
        ">= .50 on silver",
        "left_out",
        lambda it: (_figure(it), _least(it, 0.5)),
    )
    goal("ham in campaigns with unwanted mail", "0", "streams", _ham)
    goal("wrong addressees", "0", "addressees", _addressed)
    goal("order: lowest ARI of the shuffles, real mail", ">= .98", "streams", lambda it: _order(it["order"]))
    goal("order: lowest ARI of the shuffles, gold", ">= .98", "gold", lambda it: _order(it["order"]))
    goal(
        "evidence, one core",
        ">= 2,500 messages/s of processor time",
        "cost",
        lambda it: _speed(it, "ours: evidence", 2_500),
    )
    goal(
        "evidence and joining, one core",
        ">= 2,000 messages/s of processor time",
        "cost",
        lambda it: _speed(it, "ours: evidence and joining", 2_000),
    )
    goal("evidence and joining against rspamd, local only", ">= 3 times", "cost", _against_rspamd)
    goal("two processes against one, by the clock", ">= 1.7 times", "cost", _two)
    goal("a message at the most campaigns against the fewest", "<= 2 times", "scale", _flat)
    goal("the same, in the node's store", "<= 2 times", "kept", _flat)
    return made


def _ham(it: Found) -> tuple[str, bool]:
    among, disputed = (sum(getattr(ham, name) for ham in it["ham"]) for name in ("with_spam", "disputed"))
    told = f"{among} of {sum(ham.messages for ham in it['ham']):,}"
    return told + (f" ({disputed} of which a copy is labelled unwanted)" if disputed else ""), among == 0


def _addressed(it: list[Any]) -> tuple[str, bool]:
    reached = sum(kind.reached for kind in it)
    return f"{reached} of {sum(kind.messages for kind in it):,}", reached == 0


def _order(indices: list[float]) -> tuple[str, bool]:
    return f"{min(indices):.4f}", min(indices) >= 0.98


def _named(speeds: list[Any], name: str) -> float | None:
    return next((speed.each_core_second for speed in speeds if speed.name == name), None)


def _speed(speeds: list[Any], name: str, least: float) -> tuple[str, bool | None]:
    each = _named(speeds, name)
    return ("not measured", None) if each is None else (f"{each:,.0f} messages/s", each >= least)


def _ratio(one: float | None, other: float | None, least: float) -> tuple[str, bool | None]:
    if one is None or other is None:
        return "not measured in this run", None
    return f"{one / other:.2f} times", one / other >= least


def _against_rspamd(speeds: list[Any]) -> tuple[str, bool | None]:
    return _ratio(_named(speeds, "ours: evidence and joining"), _named(speeds, "rspamd: local only"), 3)


def _two(speeds: list[Any]) -> tuple[str, bool | None]:
    one, two = (
        next((speed.each_second for speed in speeds if speed.name == f"ours: evidence, worker processes: {n}"), None)
        for n in (1, 2)
    )
    return _ratio(two, one, 1.7)


def _flat(levels: list[Any]) -> tuple[str, bool | None]:
    measured = [level for level in levels if level.joining_us is not None]
    if len(measured) < 2:
        return "one level only", None
    first, last = measured[0], measured[-1]
    ratio = max(last.joining_us / first.joining_us, last.opening_us / first.opening_us)
    told = f"{ratio:.2f} times, at {last.campaigns:,} against {first.campaigns:,}"
    return told, ratio <= 2 if last.campaigns >= levels[-1].campaigns else None
