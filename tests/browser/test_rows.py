"""An originator in a real browser, without script: from the link in its notice to its rows, on a phone and a desk."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from playwright.sync_api import Page

from antiphon.optout.rows import HandedRow, RowStatus
from tests.browser.conftest import SCHEMES, SIZES, Served, Sight
from tests.browser.test_node_pages import VOICES, Node, busy
from tests.unit.desk.test_dispute import heard
from tests.unit.formats.dkim_vectors import SIGNER

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
Look = Callable[..., Sight]


@pytest.fixture
def node(served: Served) -> Iterator[Node]:
    """A node with one originator that five members reported."""
    made = Node(served, served.do(busy()))
    yield made
    made.close()


def proved(page: Page) -> None:
    """What a person does with the line that is shown, and with what comes out."""
    page.click("text=Show that I hold the key")
    found = re.search(r"printf %s '([^']+)'", page.inner_text("pre >> nth=0"))
    assert found is not None
    signature = SIGNER.sign(found[1].encode(), PKCS1v15(), SHA256())
    page.fill("textarea", base64.encodebytes(signature).decode())
    page.click("text=Show it")
    page.click("text=this link")


def picture(page: Page, name: str) -> None:
    """For the manual, where it is asked for."""
    if os.environ.get("ANTIPHON_WRITE_DOCS"):
        page.screenshot(path=PICTURES / name, full_page=True)


def test_from_the_notice_to_the_rows_and_what_became_of_one(node: Node, sight: Look) -> None:
    """Every step is a link or a button; the answer reaches the case."""
    seen = sight("desk")
    page = seen.open(node.desk())
    proved(page)
    page.click("text=Fetch and show")
    assert page.locator("tbody tr").count() == len(VOICES)
    picture(page, "sender-desk-rows.png")
    page.fill("input[name=row]", page.inner_text("tbody th >> nth=0"))
    page.select_option("select", "opted-in")
    page.fill("textarea", "3 May, web form")
    page.click("text=Say so")
    assert page.inner_text("h1") == "Thank you" and seen.strange == []
    kept = node.served.do(node.house.all(HandedRow))
    assert sorted(row.status for row in kept) == sorted([RowStatus.OPTED_IN, *[RowStatus.HANDED] * (len(VOICES) - 1)])


def test_a_brand_disputes_by_its_dns_and_reads_the_exchange(node: Node, sight: Look) -> None:
    """Without the notice's link: a record that is shown, published and looked up; then all that passed, in the room."""
    node.served.do(heard(node.house))
    seen = sight("desk")
    page = seen.open(f"{node.at}/desk/")
    page.fill("input[name=domain]", "news.shop.example")
    page.click("text=Show me the line")
    found = re.search(r'(\S+)\.  TXT  "([^"]+)"', page.inner_text("pre"))
    assert found is not None
    picture(page, "sender-desk-dispute.png")
    node.house.names.rows[found[1], "TXT"] = (found[2],)
    page.click("button")
    assert page.inner_text("h1") == "You hold the domain"
    page.goto(node.desk())
    proved(page)
    said = page.locator("tbody").last.inner_text()
    assert "disputed: everything paused" in said and "proved its key" in said and seen.strange == []
    picture(page, "sender-desk-exchange.png")


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("size", SIZES)
def test_axe_has_nothing_against_any_step_and_each_fits(node: Node, sight: Look, size: str, scheme: str) -> None:
    """The text to sign, the room, and the rows."""
    seen = sight(size, scheme, script=True)
    page = seen.open(node.desk())
    page.click("text=Show that I hold the key")
    for step in (lambda: seen.open(node.desk()), lambda: proved(page), lambda: page.click("text=Fetch and show"), None):
        assert seen.faults() == []
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        if step is not None:
            step()
