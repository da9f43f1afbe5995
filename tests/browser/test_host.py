"""A host that got a complaint, in a real browser without script: the signed link, the proof, three answers; and the
still copies of both kinds of page."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from antiphon.backends.shelf import FolderShelf
from antiphon.complaint.known import ContactState, Heard, KnownContact
from antiphon.complaint.routing import ASKED_FIRST
from antiphon.formats.dkim import KeyAnswer, KeyStatus, keys_needed, verify
from antiphon.formats.message import parse_message
from antiphon.ledger.allowance import Act
from antiphon.optout.attempt import Attempt
from antiphon.terms import DAY
from antiphon.web.still import Still
from tests.browser.conftest import SCHEMES, SIZES, Served, Sight
from tests.browser.test_node_pages import Node
from tests.browser.test_provider import download
from tests.browser.test_rows import picture
from tests.unit.desk.household import Household
from tests.unit.web.test_hostdesk import LINK
from tests.unit.web.test_hostdesk import told_of_a_deaf_one as deaf
from tests.unit.web.test_senderdesk import with_a_notice

Look = Callable[..., Sight]


@pytest.fixture
def node(served: Served) -> Iterator[Node]:
    """A node whose one complaint left, about somebody who was asked before."""
    made = Node(served, served.do(deaf()))
    yield made
    made.close()


def link(node: Node) -> str:
    """The link in the mail, at where the pages are in this test."""
    found = LINK.search(node.house.out.letters[0].message)
    assert found is not None
    return node.at + found[1].decode()


def test_the_link_is_under_our_signature(node: Node) -> None:
    """What the host follows, it has from us: the body is signed, and so are From and Reply-To."""
    house = node.house
    message = parse_message(house.out.letters[0].message)
    records = house.desk.mail_signer.records()
    keys = {name: KeyAnswer(name, records[name], KeyStatus.FOUND) for name in keys_needed(message)}
    signatures = verify(message, keys)
    assert signatures and all(s.passes and {"from", "reply-to"} <= set(s.covers) for s in signatures)


def test_from_the_complaint_to_the_proof_and_an_answer(node: Node, sight: Look) -> None:
    """It verifies two files alone, then says that it is resolved; each step is a link or a button."""
    seen = sight("desk")
    page = seen.open(link(node))
    assert page.inner_text("h1") == "Is this complaint really ours? Yes."
    picture(page, "host-desk.png")
    mail = node.house.out.letters[0].message
    digest = sha256(mail[mail.index(b"DKIM-Signature:") :]).digest()
    assert digest.hex() in page.inner_text("main")
    kinds = {}
    for place in page.locator("a[href$='.tlog-proof']").all():
        name = str(place.get_attribute("href"))
        proof = download(page, f"a[href='{name}']").decode()
        kinds[name.rpartition("/")[2]] = base64.b64decode(proof.split("\n")[1].removeprefix("extra "))
    assert b"\x0b\x00\x20" + digest in kinds["complaint.tlog-proof"]
    assert kinds["asked.tlog-proof"][1] in (0x08, 0x0A, 0x0D), "a notice or opt-out that was settled, or rows handed"
    page.get_by_role("button", name="It is resolved").click()
    assert "Noted: done" in page.inner_text("[role=status]") and seen.strange == []
    assert [heard.kind for heard in node.served.do(node.house.all(Heard))] == ["done"]


@pytest.mark.parametrize(("button", "word"), [("This is not ours", "not us"), ("Send no more", "stop")])
def test_the_two_other_answers(node: Node, sight: Look, button: str, word: str) -> None:
    """*Send no more* is for good."""
    page = sight("phone").open(link(node))
    page.get_by_role("button", name=button).click()
    assert f"Noted: {word}" in page.inner_text("[role=status]")
    (contact,) = node.served.do(node.house.all(KnownContact))
    assert (contact.state is ContactState.DECLINED) is (word == "stop")


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("size", SIZES)
def test_axe_has_nothing_against_the_page_its_answer_and_its_refusal(
    node: Node, sight: Look, size: str, scheme: str
) -> None:
    """And each fits."""
    seen = sight(size, scheme, script=True)
    page = seen.open(link(node))
    for step in (lambda: page.click("button >> nth=0"), lambda: seen.open(f"{node.at}/desk/complaint/none"), None):
        assert seen.faults() == []
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        if step is not None:
            step()


@pytest.fixture(scope="module")
def copies(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a web server shows while the nodes are away: one has sent a complaint, the other a notice."""
    folder = tmp_path_factory.mktemp("public")

    async def write(house: Household) -> None:
        await Still(house.desk, FolderShelf(folder)).keep_up()

    for make in (deaf, with_a_notice):
        served.do(write(served.do(make())))
    return folder


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("size", SIZES)
def test_axe_has_nothing_against_a_copy_that_stands_still(copies: Path, sight: Look, size: str, scheme: str) -> None:
    """Of a notice and a complaint, the page that requests name, and what hides the names of the others."""
    files = sorted(copies.rglob("*.html"))
    assert len(files) >= 5 and any("Is this complaint" in file.read_text("utf-8") for file in files)
    assert any("Is this mail" in file.read_text("utf-8") for file in files)
    for file in files:
        seen = sight(size, scheme, script=True)
        page = seen.open(file.as_uri())
        assert seen.faults() == [] and seen.strange == [], file
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_the_complaint_is_by_the_row_of_who_was_asked_first(node: Node) -> None:
    """The control: this walk is of row 3, and one complaint left."""
    attempts = [a for a in node.served.do(node.house.all(Attempt)) if a.act == Act.COMPLAINT]
    assert len(attempts) == 1 and ASKED_FIRST == 3 and node.house.time.now() - attempts[0].at < 30 * DAY
    assert re.search(rb"^Asked before   on ", node.house.out.letters[0].message, re.MULTILINE)
