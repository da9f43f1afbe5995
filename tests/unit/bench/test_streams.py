"""Ham in one campaign with unwanted mail is counted, and told apart where the corpus contradicts itself."""

from __future__ import annotations

from bench.grouping.corpora import HAM
from bench.grouping.goals import goals
from bench.grouping.gold import Mail
from bench.grouping.streams import ham_among
from tests.unit.campaign.mail import OFFER, STRANGER, mail

DAY = 86_400


def of(text: str, truth: str, *, day: int = 0) -> Mail:
    """One mail of the stream."""
    return Mail(mail(text), 1_000_000 + day * DAY, truth)


def test_ham_beside_other_unwanted_mail_is_an_error() -> None:
    """Another text under one label: nothing excuses it, and the goal is not met."""
    found = ham_among([of(OFFER, HAM[0]), of(STRANGER, "spam")], ["one", "one"])
    assert (found[0].with_spam, found[0].disputed) == (1, 0)
    assert next(g.met for g in goals({"streams": {"ham": found, "order": [1.0]}}) if g.name.startswith("ham")) is False


def test_ham_whose_copy_is_labelled_unwanted_is_told_apart() -> None:
    """The same words under both labels within a wave; without the wave they are none."""
    mails = [of(OFFER, HAM[0]), of(OFFER, "spam"), of(OFFER, HAM[1], day=20)]
    found = ham_among(mails, ["one", "one", "one"])
    assert [(ham.with_spam, ham.disputed) for ham in found] == [(1, 1), (1, 0), (0, 0)]


def test_who_is_in_no_campaign_is_with_nobody() -> None:
    """A copy that was grouped with nothing is no error and no contradiction."""
    assert ham_among([of(OFFER, HAM[0]), of(OFFER, "spam")], [None, None])[0].disputed == 0
