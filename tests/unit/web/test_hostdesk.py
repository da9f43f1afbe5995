"""The page of a host that got a complaint: its link is in the mail, its proof needs nobody, its answers are heeded."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from hashlib import sha256

import pytest

from antiphon.complaint.known import Complaint, ContactState, Heard, KnownContact, Matter
from antiphon.complaint.routing import ASKED_FIRST
from antiphon.desk.hear import RESTS
from antiphon.desk.withdraw import say_done
from antiphon.ledger.entry import Handed
from antiphon.optout.asking import nobody_asked
from antiphon.optout.case import Case, State
from antiphon.ports import Transaction
from antiphon.terms import DAY, Digest, Instant, ledger_day
from antiphon.web.pages import Pages
from antiphon.web.still import Still
from tests.unit.desk.household import START, Household, Shelved
from tests.unit.desk.test_complain_sends import DESK, mails, seen_and_allowed, told, town
from tests.unit.web.visitor import Visitor

LINK = re.compile(rb"https://node\.example(/desk/complaint/[0-9a-f]+)\r\n")


async def told_of_a_deaf_one(*, said_done: bool = False) -> Household:
    """A complaint left about an originator that had fetched rows before, perhaps said that it is done, and went on."""
    house = await town()
    await mails(house)
    (case,), asked_at = await house.all(Case), house.time.now()
    member = (await house.member()).member

    def work(tx: Transaction) -> None:
        rows = Digest(sha256(b"rows").digest())
        entry = Handed(day=ledger_day(asked_at), case=case.tag, rows=rows, window_hours=384)
        started = house.desk.log.append(tx, entry, asked_at)
        tx.put(replace(nobody_asked(member, "shop.example"), asked_at=asked_at, started=started))
        tx.put(replace(case, state=State.REQUESTING, notice_window_end=Instant(START - 31 * DAY)))

    await house.store.write(work)
    if said_done:
        await say_done(house.desk, case.case, who="the originator, by mail")
    await seen_and_allowed(house)
    await house.wait(5 * DAY)
    return house


@pytest.fixture
async def house() -> Household:
    """A node whose one complaint left and was taken."""
    house = await town()
    await mails(house)
    await seen_and_allowed(house)
    await house.wait(5 * DAY)
    return house


@pytest.fixture
def browser(house: Household) -> Visitor:
    """Somebody at the host, without script and cookies."""
    return Visitor(Pages(house.desk, {}).application())


def link(house: Household) -> str:
    """Where the complaint leads, as it stands in the signed mail."""
    found = LINK.search(house.out.letters[0].message)
    assert found is not None
    return found[1].decode()


async def test_the_link_in_the_mail_leads_to_what_the_mail_said(house: Household, browser: Visitor) -> None:
    """Whom it told, about whom, from which network; no script, and a way to the sender desk."""
    shown = await browser.get(link(house))
    assert shown.status == 200 and "default-src 'none'" in shown.headers["content-security-policy"]
    for fact in (DESK, "shop.example", "9.9.9.0/24", "Is this complaint really ours? Yes."):
        assert fact in shown.text
    assert "href='../'" in shown.text and "<script" not in shown.text


async def test_the_proof_names_the_very_bytes_that_arrived(house: Household, browser: Visitor) -> None:
    """The entry is a complaint's, and holds the SHA-256 of the mail from its first signature on."""
    arrived = b"Received: from node.example by mx.net.example; now\r\n" + house.out.letters[0].message
    digest = sha256(arrived[arrived.index(b"DKIM-Signature:") :]).digest()
    assert digest.hex() in (await browser.get(link(house))).text
    answer = await browser.get(f"{link(house)}/complaint.tlog-proof")
    entry = base64.b64decode(answer.text.split("\n")[1].removeprefix("extra "))
    assert entry[:2] == b"\x01\x0b" and b"\x0b\x00\x20" + digest in entry
    assert "attachment" in answer.headers["content-disposition"]


@pytest.mark.parametrize("word", ["done", "not us", "stop"])
async def test_three_answers_are_heeded_as_by_mail(house: Household, browser: Visitor, word: str) -> None:
    """`stop` is for good, the two others for a month; each is kept with the case, and nothing writes back."""
    left = list(house.out.mails)
    said = await browser.post(link(house), word.replace(" ", "+"))
    assert said.status == 200 and f"Noted: {word}" in said.text
    (matter,), (contact,) = await house.all(Matter), await house.all(KnownContact)
    assert (contact.state is ContactState.DECLINED) is (word == "stop")
    assert (matter.next_at >= house.time.now() + RESTS) is (word != "stop")
    assert [heard.kind for heard in await house.all(Heard)] == [word]
    await house.wait(DAY)
    assert house.out.mails == left


async def test_to_look_changes_nothing_and_a_fourth_word_neither(house: Household, browser: Visitor) -> None:
    """Programs that follow every link in a mail answer nothing."""
    await browser.get(link(house))
    assert (await browser.post(link(house), "dispute")).status == 400
    assert await house.all(Heard) == []


async def test_every_other_link_gets_the_one_answer_of_the_desk(house: Household, browser: Visitor) -> None:
    """A notice's link that was never made and a complaint's are the same, on the page and on its files."""
    paths = ["/desk/none", "/desk/complaint/none", f"/desk/complaint/{'a' * 20}/complaint.tlog-proof"]
    (case,) = await house.all(Case)
    paths.append(f"/desk/complaint/{case.reply_token}")
    answers = [await browser.get(path) for path in paths]
    assert {(a.status, a.content) for a in answers} == {(404, answers[0].content)}


async def test_whoever_was_asked_first_is_proved_by_an_entry_of_its_own() -> None:
    """The number in the mail, the number on the page and the proof are one."""
    house = await told_of_a_deaf_one()
    browser = Visitor(Pages(house.desk, {}).application())
    assert b"by rows that it fetched from us;\r\n" in house.out.letters[0].message
    found = re.search(rb"entry ([0-9]+) of the ledger", house.out.letters[0].message)
    assert found is not None
    assert f"Entry {found[1].decode()} shows it" in (await browser.get(link(house))).text
    proof = (await browser.get(f"{link(house)}/asked.tlog-proof")).text
    assert f"\nindex {found[1].decode()}\n" in proof
    assert base64.b64decode(proof.split("\n")[1].removeprefix("extra "))[:2] == b"\x01\x0d"


@pytest.mark.parametrize("said_done", [True, False])
async def test_a_host_learns_what_the_originator_answered(said_done: bool) -> None:
    """That it is done, and on which day; or nothing."""
    house = await told_of_a_deaf_one(said_done=said_done)
    answer = b"Its answer     on 2026-06-01, that it is done" if said_done else b"Its answer     none"
    assert answer + b"\r\n" in house.out.letters[0].message


async def test_who_was_asked_before_is_proved_and_who_was_not_is_not(house: Household, browser: Visitor) -> None:
    """The entry behind *asked before* has a proof of its own; where nobody was asked there is none."""
    (complaint,), proof = await told(house), f"{link(house)}/asked.tlog-proof"
    assert (await browser.get(proof)).status == 404
    assert "offers nobody who could be" in (await browser.get(link(house))).text
    member = (await house.member()).member
    asked = replace(nobody_asked(member, "shop.example"), asked_at=Instant(complaint.at - DAY), started=2)
    await house.store.write(lambda tx: (tx.put(replace(complaint, rule=ASKED_FIRST)), tx.put(asked)))
    assert "Entry 2 shows it" in (await browser.get(link(house))).text
    assert "index 2\n" in (await browser.get(proof)).text
    late = replace(asked, asked_at=Instant(complaint.at + DAY))
    await house.store.write(lambda tx: tx.put(late))
    assert (await browser.get(proof)).status == 404 and "Entry 2" not in (await browser.get(link(house))).text


@pytest.mark.parametrize(
    ("rule", "what", "words"), [(6, "shop.example", "domain itself"), (7, "cert", "Nothing, unless")]
)
async def test_a_registrar_and_an_authority_read_what_is_theirs(
    house: Household, browser: Visitor, rule: int, what: str, words: str
) -> None:
    """Not that they have a customer; and that the tier before was told."""
    (complaint,) = await told(house)
    await house.store.write(lambda tx: tx.put(replace(complaint, rule=rule, object=what)))
    text = (await browser.get(link(house))).text
    assert words in text and f"<td>{what}" in text and "told before you" in text
    assert "Find your customer" not in text and "offers nobody" not in text


async def test_the_page_does_not_move_when_somebody_reports(house: Household, browser: Visitor) -> None:
    """No count and no instant: it says what the complaint said."""
    before = (await browser.get(link(house))).text
    await mails(house)
    await house.wait(3 * DAY)
    assert (await browser.get(link(house))).text == before
    assert not re.search(r"\d\d:\d\d", re.sub(r"<style>.*?</style>", "", before, flags=re.DOTALL))


async def test_a_complaint_has_a_still_copy_too(house: Household, browser: Visitor) -> None:
    """With the same digest and the same proof, and where to write instead of a form."""
    shelf, (complaint,) = Shelved(), await told(house)
    await Still(house.desk, shelf).keep_up()
    still = shelf.files[f"desk/complaint/{complaint.token}.html"].decode()
    assert sha256(complaint.message).hexdigest() in still and "<form" not in still
    assert f"complaint+{complaint.token}@node.example" in still
    live = await browser.get(f"{link(house)}/complaint.tlog-proof")
    assert shelf.files[f"desk/complaint/{complaint.token}.tlog-proof"] == live.content
    assert (await house.all(Complaint))[0].token not in shelf.files["index.html"].decode()
