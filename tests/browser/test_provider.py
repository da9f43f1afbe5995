"""A provider that mails for others, in a real browser without script: which of its keys opens what."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from email import message_from_bytes
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from playwright.sync_api import Page

from antiphon.campaign.report import Report
from antiphon.ledger.allowance import Armed
from antiphon.optout.evidence import parse_evidence
from antiphon.optout.rows import HandedRow, RowStatus
from antiphon.terms import DAY, HOUR
from tests.browser.conftest import SCHEMES, SIZES, Served, Sight
from tests.browser.test_node_pages import VOICES, Node
from tests.browser.test_rows import picture
from tests.unit.desk.household import Household
from tests.unit.formats.dkim_vectors import EDWARDS, NEWSLETTER, SIGNER, record_of, sign

Look = Callable[..., Sight]
OURS, THEIRS = "mailworks.example", "shop.example"
Key = rsa.RSAPrivateKey | Ed25519PrivateKey


async def two_signatures() -> Household:
    """Mail of a provider's customer: signed by the customer's domain, whose key the provider holds, and by itself."""
    house = await Household().open(armed=Armed.COMMUNITY)
    house.names.rows[f"p1._domainkey.{OURS}", "TXT"] = (record_of(EDWARDS),)
    await house.knows(THEIRS)
    for voice in VOICES:
        await house.enrol(voice)
        inner = house.mail(to=voice)
        head, _, body = inner.partition(b"\r\n\r\n")
        fields = {
            n: v for line in head.split(b"\r\n") for n, _, v in [line.decode().partition(": ")] if n in NEWSLETTER
        }
        outer = sign(fields, body, domain=OURS, selector="p1", key=EDWARDS)
        both = outer[: outer.index(b"From: ")] + inner
        await house.delivered(both, voice)
    await house.wait(4 * DAY + HOUR)
    return house


@pytest.fixture(scope="module")
def node(served: Served) -> Iterator[Node]:
    """A node with one originator that mails through a provider."""
    made = Node(served, served.do(two_signatures()))
    yield made
    made.close()


def signed(key: Key, text: str) -> str:
    """As `openssl` prints it."""
    made = key.sign(text.encode()) if isinstance(key, Ed25519PrivateKey) else key.sign(
        text.encode(), PKCS1v15(), SHA256()
    )  # fmt: skip
    return base64.encodebytes(made).decode()


def shown(page: Page, key: Key) -> None:
    """From the notice's page to the answer, with this key."""
    page.click("text=Show that I hold the key")
    found = re.search(r"printf %s '([^']+)'", page.inner_text("pre >> nth=0"))
    assert found is not None
    page.fill("textarea", signed(key, found[1]))
    page.click("text=Show it")


def download(page: Page, button: str) -> bytes:
    """What a press gives as a file."""
    with page.expect_download() as got:
        page.click(button)
    return Path(got.value.path()).read_bytes()


def test_its_own_key_opens_nothing_and_the_page_says_so_before(node: Node, sight: Look) -> None:
    """The answer is that of everybody who proves nothing; which key would do is said on the page that asks."""
    seen = sight("desk")
    page = seen.open(node.desk())
    page.click("text=Show that I hold the key")
    said = page.inner_text("main")
    assert "You are a provider?" in said and "The key of your own domain opens nothing here" in said
    picture(page, "sender-desk-provider.png")
    page.goto(node.desk())
    shown(page, EDWARDS)
    assert page.inner_text("h1") == "This does not show it" and seen.strange == []


def test_with_its_customer_s_key_it_fetches_answers_and_checks(node: Node, sight: Look) -> None:
    """Rows as CSV and JSON, a status for each, the exchange, a test notice and the audit's line, all without script."""
    seen = sight("desk")
    page = seen.open(node.desk())
    assert "Yes" in page.inner_text("h1")
    shown(page, SIGNER)
    page.click("text=this link")
    room = page.url
    table = list(csv.DictReader(io.StringIO(download(page, "text=Fetch as CSV").decode())))
    page.click("text=Fetch as JSON")
    found = json.loads(page.inner_text("pre"))
    assert [str(row["row"]) for row in found["rows"]] == [row["row"] for row in table] and len(table) == len(VOICES)
    for row, word in zip(table, ("removed", "not-found", "opted-in"), strict=False):
        page.goto(room)
        page.click("text=Fetch and show")
        page.fill("input[name=row]", row["row"])
        page.select_option("select", word)
        page.fill("textarea", "3 May, web form")
        page.click("text=Say so")
        assert page.inner_text("h1") == "Thank you"
    kept = node.served.do(node.house.all(HandedRow))
    assert {row.status for row in kept} == set(RowStatus)
    page.goto(room)
    said = page.inner_text("main")
    assert "--openings" in said and "said of row" in said and "recorded opt-in" in said and seen.strange == []
    picture(page, "sender-desk-room.png")
    mail = message_from_bytes(download(page, "text=Take a test notice"))
    assert str(mail["Subject"]).startswith("[TEST]")


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("where", ["/desk/", "/desk/ and a domain", "refused", "room"])
def test_axe_has_nothing_against_it(node: Node, sight: Look, where: str, size: str, scheme: str) -> None:
    """The page for whoever has no link, the record, the refusal, and the room with the exchange."""
    seen = sight(size, scheme, script=True)
    page = seen.open(f"{node.at}/desk/" if where.startswith("/") else node.desk())
    if where == "/desk/ and a domain":
        page.fill("input[name=domain]", THEIRS)
        page.click("button")
    elif where in ("refused", "room"):
        shown(page, SIGNER if where == "room" else EDWARDS)
        if where == "room":
            page.click("text=this link")
    assert seen.faults() == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_both_signatures_of_that_mail_passed(node: Node) -> None:
    """The control: the provider's key was not refused because its signature was bad."""
    for report in node.served.do(node.house.all(Report)):
        evidence = parse_evidence(report.evidence)
        assert {proof.domain for proof in evidence.proofs} == {OURS, THEIRS} and evidence.signer == THEIRS
