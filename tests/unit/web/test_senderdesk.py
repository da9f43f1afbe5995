"""The page of an originator: no more than the notice said, a proof that needs nobody, and three answers."""

from __future__ import annotations

import base64
import csv
import email
import io
import re
from dataclasses import replace
from hashlib import sha256
from html import unescape

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from antiphon.desk.approve import prepare_approval, prepare_operator, submit_approval, submit_operator
from antiphon.desk.pair import decide
from antiphon.formats.note import public_key, sign
from antiphon.ledger.allowance import Armed
from antiphon.optout.approval import Draft, Scope
from antiphon.optout.case import Case, State
from antiphon.optout.destination import Pair
from antiphon.terms import DAY, Digest
from antiphon.web.pages import Pages
from antiphon.web.senderdesk import A_MINUTE, SenderDesk, Turnstile
from tests.unit.desk.household import MEMBER, Household
from tests.unit.web.visitor import Visitor

NAMES = (MEMBER, *(f"{name}@home.example" for name in ("ben", "cat", "dan", "eli")))
PRIVATE = b"\x09" * 32


@pytest.fixture
async def house() -> Household:
    """A node whose one notice left and was taken."""
    return await with_a_notice()


async def with_a_notice() -> Household:
    """Two people's work and five members' reports: it left, and was taken."""
    house = await Household().open(armed=Armed.COMMUNITY)
    await house.knows("shop.example")
    prepared = await prepare_operator(house.desk, "ada", public_key(PRIVATE), by=None)
    key = await submit_operator(house.desk, prepared, {}, own=sign(PRIVATE, prepared.sign))
    await house.wait(8 * DAY)
    for address in NAMES:
        if address != MEMBER:
            await house.enrol(address)
        await house.delivered(house.mail(to=address), address)
    await house.wait(3 * DAY)
    (case,) = await house.all(Case)
    approval = await prepare_approval(house.desk, case.case, Scope.NOTICE, by=(key,))
    await submit_approval(house.desk, approval, {key: sign(PRIVATE, approval.sign)})
    await house.wait(DAY)
    for pair in await house.all(Pair):
        await decide(house.desk, pair.pair, allow=True, who="ada", why="seen")
    await house.wait(5 * DAY)
    return house


@pytest.fixture
def browser(house: Household) -> Visitor:
    """Somebody without script and cookies."""
    return Visitor(Pages(house.desk, {}).application())


async def link(house: Household) -> str:
    """Where the notice leads."""
    (case,) = await house.all(Case)
    assert case.state is State.WAITING
    return f"/desk/{case.reply_token}"


async def test_the_page_does_not_move_when_somebody_reports(house: Household, browser: Visitor) -> None:
    """Whoever writes to a member and looks here again sees what it saw before: no count, no instant."""
    before = (await browser.get(await link(house))).text
    await house.delivered(house.mail())
    await house.wait(3 * DAY)
    assert (await browser.get(await link(house))).text == before
    said = re.sub(r"<style>.*?</style>", "", before, flags=re.DOTALL)
    assert not re.search(r"\d\d:\d\d|(?<!at least )\b5 (?:mails|members)", said)


async def test_the_page_says_what_the_notice_said_and_names_nobody(house: Household, browser: Visitor) -> None:
    """Its text with days and size classes, word for word, as text; no row of it. Nothing before a notice left."""
    text = unescape((await browser.get(await link(house))).text)
    assert "What the notice told you" in text and "What we saw     at least 5 mails to at least 5 mailboxes" in text
    (draft,) = await house.all(Draft)
    rows = next(p for p in email.message_from_bytes(draft.message).walk() if p.get_filename() == "rows.csv")
    payload = rows.get_payload(decode=True)
    assert isinstance(payload, bytes)
    tokens = [row["message_id"] for row in csv.DictReader(io.StringIO(payload.decode()))]
    assert tokens and not any(token in text for token in tokens)
    await house.store.write(lambda tx: tx.put(replace(draft, digest=Digest(bytes(32)))))
    assert "What the notice told you" not in (await browser.get(await link(house))).text


async def test_a_state_that_only_reports_reach_is_not_shown(house: Household, browser: Visitor) -> None:
    """*ignored* would say that its mail was read and reported after the window."""
    before = (await browser.get(await link(house))).text
    (case,) = await house.all(Case)
    for state in (State.IGNORED, State.REQUESTING, State.QUIET):
        await house.store.write(lambda tx, state=state: tx.put(replace(case, state=state)))
        assert (await browser.get(f"/desk/{case.reply_token}")).text == before


async def test_the_proof_is_checked_with_a_hash_and_a_key_alone(house: Household, browser: Visitor) -> None:
    """docs/how-to/check-a-notice.md, step by step, on the mail that left, with Received lines of somebody's host."""
    (draft,) = await house.all(Draft)
    arrived = b"Received: from node.example by mx.shop.example; now\r\n" + draft.message
    where = await link(house)
    shown = (await browser.get(where)).text
    digest = sha256(arrived[arrived.index(b"DKIM-Signature:") :]).digest()
    assert digest.hex() in shown
    answer = await browser.get(f"{where}/proof")
    assert answer.status == 200 and "attachment" in answer.headers["content-disposition"]
    head, _, checkpoint = answer.content.partition(b"\n\n")
    title, extra, index, *path = head.decode().split("\n")
    assert title == "c2sp.org/tlog-proof@v1"
    entry = base64.b64decode(extra.removeprefix("extra "))
    assert entry[:2] == b"\x01\x07" and b"\x0b\x00\x20" + digest in entry
    number, value = int(index.removeprefix("index ")), sha256(b"\0" + entry).digest()
    text, _, signed = checkpoint.decode().partition("\n\n")
    origin, size, root = text.split("\n")
    last = int(size) - 1
    for step in map(base64.b64decode, path):
        if number % 2 or number == last:
            value = sha256(b"\x01" + step + value).digest()
            while not number % 2 and number:
                number, last = number // 2, last // 2
        else:
            value = sha256(b"\x01" + value + step).digest()
        number, last = number // 2, last // 2
    assert base64.b64decode(root) == value
    vkey = re.search(rf"{re.escape(origin)}\+[0-9a-f]{{8}}\+([A-Za-z0-9+/=]+)", shown)
    assert vkey is not None
    signature = base64.b64decode(signed.split()[2])[4:]
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(vkey[1])[1:])
    public.verify(signature, (text + "\n").encode())


async def test_every_other_link_gets_the_one_answer(house: Household, browser: Visitor) -> None:
    """Nothing tells a link that was never made from one that is no longer good, on the page and on the proof."""
    answers = [await browser.get(path) for path in ("/desk/none", "/desk/none/proof", f"/desk/{'a' * 24}")]
    assert len({(a.status, a.text) for a in answers}) == 1 and answers[0].status == 404


@pytest.mark.parametrize(
    ("word", "state"), [("done", State.WAITING), ("dispute", State.DISPUTED), ("stop", State.STOPPED)]
)
async def test_three_words_are_heeded(house: Household, browser: Visitor, word: str, state: State) -> None:
    """And a fourth is not."""
    where = await link(house)
    assert (await browser.post(where, "again")).status == 400
    assert (await browser.post(where, word)).status == 200
    assert [case.state for case in await house.all(Case)] == [state]


async def test_a_program_that_guesses_at_links_is_slowed(house: Household, browser: Visitor) -> None:
    """The same answer for good and bad links once too many came in a minute."""
    where = await link(house)
    for _ in range(A_MINUTE - 1):
        await browser.get("/desk/none")
    assert (await browser.get(where)).status == 200
    late = await browser.get(where)
    assert late.status == 429 and late.headers["retry-after"] == "60"


def test_the_turnstile_opens_again_after_a_minute() -> None:
    """At the limit, one past it, and a minute later."""
    turnstile = Turnstile(2)
    assert [turnstile.lets(at) for at in (0.0, 1.0, 59.9, 60.0, 60.1, 61.0)] == [True, True, False, True, False, True]


async def test_the_desk_alone_shows_nothing_of_the_operator(house: Household) -> None:
    """What strangers reach has no status page, no metrics, no health."""
    from starlette.applications import Starlette

    stranger = Visitor(Starlette(routes=SenderDesk(house.desk).routes()))
    assert [(await stranger.get(path)).status for path in ("/", "/metrics", "/healthz")] == [404] * 3
    assert (await stranger.get(await link(house))).status == 200


async def test_a_notice_s_page_leads_to_the_desk_of_whoever_has_no_link(house: Household, browser: Visitor) -> None:
    """A link that says nothing about this case."""
    assert "href='./'" in (await browser.get(await link(house))).text
    assert (await browser.get("/desk/")).status == 200
