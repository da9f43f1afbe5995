"""The made-up mail of the grouping bench: seeded, whole, different where it must be, and read back as it was meant."""

from __future__ import annotations

from functools import cache
from random import Random

import pytest

from antiphon.formats.message import parse_message
from bench.grouping.gold import mixed, stream
from bench.grouping.letter import write
from bench.grouping.negatives import NEGATIVES
from bench.grouping.operators import OPERATORS, STRENGTHS, Operator, foreign, mutant
from bench.grouping.reading import read
from bench.grouping.seeds import seeds

MAILS = cache(lambda: stream(3, copies=1, pairs=1))
OPERATOR = pytest.mark.parametrize("operator", OPERATORS, ids=lambda operator: operator.name)


def test_the_same_seed_gives_the_same_bytes() -> None:
    """A figure can be made again; another seed gives other mail."""
    first, again, other = MAILS(), stream(3, copies=1, pairs=1), stream(4, copies=1, pairs=1)
    assert first == again
    assert {mail.raw for mail in first}.isdisjoint(mail.raw for mail in other)


def test_the_stream_comes_in_order_and_knows_its_mailings() -> None:
    """Sorted by time; every operator, strength and kind of negative is in it."""
    mails = MAILS()
    assert [mail.at for mail in mails] == sorted(mail.at for mail in mails)
    made = {(mail.made, mail.strength) for mail in mails}
    assert made >= {(operator.name, strength) for operator in OPERATORS for strength in STRENGTHS}
    assert {name for name, _ in made} >= set(NEGATIVES)
    assert all(mail.truth for mail in mails)


def test_no_name_leads_to_a_real_place() -> None:
    """Every landing and sending domain ends in .example (RFC 6761)."""
    for mail in MAILS():
        assert all(domain.endswith(".example") for domain in read(mail.raw).links)
        author = parse_message(mail.raw).sole_address("from")
        assert author is not None
        assert str(author).endswith(".example")


@OPERATOR
@pytest.mark.parametrize("strength", STRENGTHS)
def test_an_operator_changes_the_message_and_keeps_it_readable(operator: Operator, strength: int) -> None:
    """A mutant of each operator and strength is another message, with a text and a subject."""
    for number, letter in enumerate(seeds(Random(1))[::5]):
        if not operator.applies(letter):
            continue
        changed = mutant(letter, operator, strength, Random(number))
        found = read(write(changed, Random(0)))
        assert write(changed, Random(0)) != write(letter, Random(0))
        assert len(found.text) > 100
        assert found.subject


@pytest.mark.parametrize("kind", NEGATIVES)
def test_a_negative_is_two_mailings(kind: str) -> None:
    """The two sides differ in what they say, however alike they look."""
    one, other = NEGATIVES[kind](Random(8))
    assert one.paragraphs != other.paragraphs


def test_a_translation_leaves_names_numbers_and_links() -> None:
    """Each common word becomes another, always the same one; the rest stays."""
    once = foreign("the parcel of Brandora costs 12.50 and the box waits", "north")
    assert once == foreign("the parcel of Brandora costs 12.50 and the box waits", "north")
    assert "Brandora" in once
    assert "12.50" in once
    assert not {"the", "parcel", "costs", "box"} & set(once.split())
    assert once.split()[0] == once.split()[7]


def test_mixed_counts_only_pairs_of_two_sides() -> None:
    """Everything in one heap puts all pairs of two sides together; everything apart puts none."""
    mails = MAILS()
    heap, apart = mixed(mails, ["one"] * len(mails)), mixed(mails, [mail.truth for mail in mails])
    assert all(share.hits == share.of == 16 for share in heap.values())
    assert all(share.hits == 0 and share.of == 16 for share in apart.values())
