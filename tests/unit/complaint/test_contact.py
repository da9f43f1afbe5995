"""Contacts: who is believed, and everybody who gets nothing."""

from __future__ import annotations

import pytest

from antiphon.complaint.contact import RULES, Candidate, Findings, Remembered, Scope, Source, best, candidates, failed

NET = "198.18.0.7"


def found(
    *named: tuple[Source, str], names: tuple[str, ...] = ("net.example",), shown: tuple[str, ...] = ()
) -> Findings:
    """What sources said of one address."""
    return Findings(NET, Scope.NETWORK, "Net Ltd", named, names, shown)


def judged(findings: Findings, **more: object) -> tuple[Candidate, ...]:
    """All candidates; every domain takes mail."""
    return candidates(findings, **{"takes_mail": lambda domain: True, **more})  # type: ignore[arg-type]  # given by name, checked when called


def test_two_sources_make_a_contact() -> None:
    """The registry names it, and the PTR of the address lies in the same organisation."""
    chosen = best(judged(found((Source.RDAP, "abuse@desk.net.example"))))
    assert chosen is not None and str(chosen.address) == "abuse@desk.net.example"
    assert chosen.ties == {"rdap", "name"}


def test_one_source_alone_gets_nothing() -> None:
    """A registry's entry that nobody else ties to the holder may be anybody's, a victim's too."""
    lone = judged(found((Source.RDAP, "abuse@victim.example")))
    assert [failed(c) for c in lone] == [("two-sources",)] and best(lone) is None


def test_two_directories_agree_without_a_ptr() -> None:
    """Registry and Abusix."""
    both = found((Source.ABUSIX, "abuse@net.example"), (Source.RDAP, "abuse@net.example"), names=())
    chosen = best(judged(both))
    assert chosen is not None and chosen.sources == (Source.RDAP, Source.ABUSIX)


def test_the_convention_comes_last_and_ties_nobody() -> None:
    """It was made from the name: it can not be its own second source."""
    lone = judged(found((Source.CONVENTION, "abuse@net.example")))
    assert failed(lone[0]) == ("two-sources",)
    shown = judged(found((Source.CONVENTION, "abuse@net.example"), shown=("noc@net.example",)))
    assert best(shown) is not None
    order = judged(found((Source.CONVENTION, "abuse@net.example"), (Source.RDAP, "desk@net.example")))
    assert [str(c.address) for c in order] == ["desk@net.example", "abuse@net.example"]


BREACHES: dict[str, dict[str, object]] = {
    "not-ours": {"kept": Remembered(own=frozenset({"net.example"}))},
    "wants-it": {"kept": Remembered(declined=frozenset({"abuse@net.example"}))},
    "alive": {"kept": Remembered(dead=frozenset({"@net.example"}))},
    "not-itself": {"kept": Remembered(about=frozenset({"shop.net.example"}))},
    "takes-mail": {"takes_mail": lambda domain: False},
    "two-sources": {},
}


@pytest.mark.parametrize("rule", [rule.name for rule in RULES])
def test_each_rule_refuses_what_it_is_for(rule: str) -> None:
    """And nothing else speaks against that contact."""
    names = () if rule == "two-sources" else ("net.example",)
    (candidate,) = judged(found((Source.RDAP, "abuse@net.example"), names=names), **BREACHES[rule])
    assert failed(candidate) == (rule,)


def test_what_is_no_address_is_left_out() -> None:
    """Sources are strangers too."""
    assert judged(found((Source.RDAP, "abuse at net.example"), (Source.ABUSIX, ""))) == ()
