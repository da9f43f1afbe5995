"""Who answers is told from who mails: what is looked for first never decides otherwise than the whole search."""

from __future__ import annotations

import pytest

from antiphon.campaign.build import converses, text_of
from antiphon.formats.message import parse_message

ANSWER = "Subject: Re: the harbour\nIn-Reply-To: <1@a.example>\nContent-Type: text/{}; charset=utf-8\n\n"
QUOTED = (
    "> as was said\n",
    "----- Original message -----\n",
    "On Monday Anna WROTE:\nyes\n",
    "Anna schrieb am Montag:\nja\n",
    "Anna escribi\u00f3:\nsi\n",
    "Am Dienstag hat J\u00f6rg \u017fchrieb:\nja\n",
    "a \u00c9CRIT :\noui\n",
)
"""The long s is an s in any case: a quick look in lower case would not see it."""
PAGES = ('<blockquote TYPE="Cite">a</blockquote>', "<div class=Gmail_Quote>a</div>", "<p>--- ORIGINAL Message</p>")


def _converses(kind: str, text: str) -> bool:
    message = parse_message((ANSWER.format(kind) + text).encode())
    return converses(message, "Re: the harbour", [(part, text_of(part)) for part in message.parts()])


@pytest.mark.parametrize("text", QUOTED)
def test_a_text_that_quotes_is_an_answer(text: str) -> None:
    """By a mark, or by who wrote, in any case and language."""
    assert _converses("plain", f"Good day\n{text}")


@pytest.mark.parametrize("page", PAGES)
def test_a_page_that_quotes_is_an_answer(page: str) -> None:
    """As mail programs mark it, in any case."""
    assert _converses("html", f"<p>Good day</p>{page}")


@pytest.mark.parametrize("text", ["He wrote well.\n", "We recited it.\n", "Writes: to be had\n in every shop\n"])
def test_words_of_quoting_alone_are_no_quotation(text: str) -> None:
    """The header says that it answers, but nothing is quoted."""
    assert not _converses("plain", text)
    assert not _converses("html", text)
