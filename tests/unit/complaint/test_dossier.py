"""The text for people: complete in three languages, with few facts and no pressure."""

from __future__ import annotations

from dataclasses import replace

import pytest

from antiphon.complaint.dossier import FEWEST_SHOWN, LANGUAGES, READERS, WAYS, WORDS, Facts, print_dossier

FACTS = Facts(
    node="Home", legal_name="Home e.V.", postal_address="Way 1, 12345 Town", address="9.8.7.6",
    originator="shop.example", mails=417, mailboxes=96, first_day="2026-03-01", last_day="2026-05-30",
    asked_on="2026-03-03", asked_by="notice", window_days=16, done_on="2026-03-09", entry=77, ledger_url="https://node.example/ledger/",
    answer_url="https://node.example/desk/complaint/a", reply_to="complaint+a@node.example",
)  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_facts_stand_in_it(language: str) -> None:
    """In lines that a terminal shows whole, with the way to get no more."""
    subject, text = print_dossier(FACTS, language)
    days = ("2026-03-01", "2026-05-30", "2026-03-03", "2026-03-09", " 16 ")
    for fact in ("417", "96", *days, "77", FACTS.reply_to, FACTS.answer_url, "stop", "not us", "Home e.V.", "Way 1"):
        assert fact in text
    assert "shop.example" in subject and "9.8.7.6" in subject
    assert text.startswith("This is an email abuse report.\r\n")
    assert max(map(len, text.split("\r\n"))) <= 100 and "{" not in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_few_mailboxes_have_no_number(language: str) -> None:
    """Below five nobody is countable."""
    _, text = print_dossier(replace(FACTS, mails=FEWEST_SHOWN + 1, mailboxes=FEWEST_SHOWN - 1), language)
    assert WORDS[language]["few"] in text and f" {FEWEST_SHOWN + 1} " not in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_who_could_not_be_asked_is_not_said_to_have_been(language: str) -> None:
    """No date, no proof."""
    _, text = print_dossier(replace(FACTS, asked_on="", entry=None), language)
    assert "2026-03-03" not in text and FACTS.ledger_url not in text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("reader", READERS[1:])
def test_whoever_comes_after_the_host_reads_what_was_found_and_who_was_told(language: str, reader: str) -> None:
    """In lines that a terminal shows whole; it is not asked to look for a customer."""
    found = replace(FACTS, reader=reader, harm="phishing", found_on="2026-04-01", finding=20 * "a bank?? ")
    subject, text = print_dossier(replace(found, told_on="2026-04-09", told=1313), language)
    for fact in ("phishing", "2026-04-01", 7 * "a bank?? ", "2026-04-09", "1313", WORDS[language][reader]):
        assert fact in text
    assert subject.startswith("phishing") and WORDS[language]["network"] not in text
    assert max(map(len, text.split("\r\n"))) <= 100 and "{" not in text


def test_every_language_has_every_text() -> None:
    """And the same places for facts."""
    assert all(set(words) == set(WORDS["en"]) for words in WORDS.values())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("way", WAYS)
def test_it_says_how_the_originator_was_asked_and_what_it_answered(language: str, way: str) -> None:
    """In the words of that way, and that there was no answer where there was none."""
    _, text = print_dossier(replace(FACTS, asked_by=way, done_on=""), language)
    words = WORDS[language]
    assert words[way] in text and words["silent"] in text and "2026-03-09" not in text
    assert max(map(len, text.split("\r\n"))) <= 100
