"""Members come: a mail of their own, written for this, signed by their domain; and what ends or renews a mandate."""

from __future__ import annotations

from email.utils import format_datetime

import pytest

from antiphon.desk.arrival import fetch
from antiphon.desk.enrol import prove_member, suspend
from antiphon.formats.message import parse_message
from antiphon.registry.agreement import VERSION
from antiphon.registry.mandate import Agreement, MandateState
from antiphon.terms import DAY, HOUR, to_datetime
from tests.unit.desk.household import Household
from tests.unit.formats.dkim_vectors import sign

STRANGER = "eve@elsewhere.example"
SAID = f"I agree to mandate {VERSION}\r\n".encode()
COVERS = ("From", "To", "Date", "Message-ID")


@pytest.fixture
async def house() -> Household:
    """A node to which a stranger was added; its domain has a key."""
    house = await Household().open()
    house.names.key("elsewhere.example")
    await house.enrol(STRANGER)
    return house


async def proof_address(house: Household) -> str:
    """Where the proof goes."""
    return f"prove+{(await house.member(STRANGER)).report_token}@node.example"


async def prove(
    house: Household, body: bytes = SAID, covers: tuple[str, ...] = COVERS, **fields: str
) -> tuple[str, ...]:
    """A mail to the proof address; returns what was wrong with it."""
    to = await proof_address(house)
    head = {
        "From": STRANGER, "To": to, "Date": format_datetime(to_datetime(house.time.now())), "Message-ID": "<1@e>",
        "Content-Type": "text/plain", **{name.replace("_", "-"): value for name, value in fields.items()},
    }  # fmt: skip
    domain = head.pop("domain", "elsewhere.example")
    tags = head.pop("tags", "")
    message = parse_message(sign(head, body, domain=domain, covers=covers, tags=tags))
    token = (await house.member(STRANGER)).report_token
    return await prove_member(house.desk, token, message, await fetch(house.desk, message, house.time.now()))


async def test_a_mail_of_its_own_makes_a_mandate_live_and_is_kept_as_the_signed_text(house: Household) -> None:
    """The positive control; the kept mail opens under the member's own key only."""
    assert (await house.member(STRANGER)).state is MandateState.PENDING
    assert await prove(house) == ()
    member = await house.member(STRANGER)
    assert member.state is MandateState.LIVE and member.text_version == VERSION and member.data_key is not None
    (kept,) = await house.all(Agreement)
    assert SAID in house.desk.vault.open(member.data_key, kept.sealed, b"agreement")
    assert SAID not in kept.sealed


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"From": "mallory@elsewhere.example"}, "from-the-address"),
        ({"domain": "other.example"}, "signed"),
        ({"covers": ("From", "Date")}, "signed"),
        ({"covers": ("From", "To")}, "signed"),
        ({"tags": " l=5;"}, "signed"),
        ({"To": "friend@other.example"}, "to-us-alone"),
        ({"To": "prove+aaaaaaaaaaaaaaaa@node.example"}, "to-us-alone"),
        ({"Auto_Submitted": "auto-replied"}, "written-by-a-person"),
        ({"Auto_Submitted": "auto-generated"}, "written-by-a-person"),
        ({"Date": "Mon, 25 May 2026 06:00:00 +0000"}, "lately"),
        ({"body": b"I am away until Monday.\r\n"}, "agrees"),
    ],
)
async def test_a_mail_written_for_something_else_proves_nothing(
    house: Household, changes: dict[str, object], rule: str
) -> None:
    """An old mail of theirs, an absence notice, a copy to a friend: all signed and aligned, none of them consent."""
    house.names.key("other.example")
    assert await prove(house, **changes) == (rule,)  # type: ignore[arg-type]  # a field of the mail each
    assert (await house.member(STRANGER)).state is MandateState.PENDING


async def test_a_proof_lasts_a_year_and_is_renewed_without_a_new_waiting_time(house: Household) -> None:
    """Proved again in time, the member is known since its first proof; too late, it begins anew."""
    await prove(house)
    first = (await house.member(STRANGER)).proved_at
    house.time.at = house.time.now() + 300 * DAY
    assert await prove(house) == ()
    member = await house.member(STRANGER)
    assert member.proved_at == first and member.renewed_at == house.time.now()
    house.time.at = house.time.now() + 365 * DAY
    assert member.live_at(house.time.now())
    house.time.at = house.time.now() + 1
    assert not member.live_at(house.time.now())
    assert await prove(house) == ()
    assert (await house.member(STRANGER)).proved_at == house.time.now()


async def test_a_mandate_rests_until_the_address_is_proved_anew(house: Household) -> None:
    """A bounce, or another holder: nothing counts meanwhile, and the waiting time of strangers begins again."""
    await prove(house)
    await suspend(house.desk, STRANGER, why="mail to it bounced")
    member = await house.member(STRANGER)
    assert member.state is MandateState.SUSPENDED and not member.live_at(house.time.now())
    house.time.at = house.time.now() + HOUR
    await prove(house)
    member = await house.member(STRANGER)
    assert member.state is MandateState.LIVE and member.rests_why == "" and member.proved_at == house.time.now()


async def test_an_unknown_token_asks_nobody_for_a_key(house: Household) -> None:
    """Only whoever knows a token makes this node ask DNS."""
    from antiphon.desk.arrival import Arrival, node_key
    from antiphon.desk.work_off import take_arrivals

    key = await node_key(house.desk)
    sealed = house.desk.vault.seal(key, sign({"From": STRANGER}, SAID, domain="elsewhere.example"), b"spool")
    asked = len(house.names.asked)
    arrival = Arrival("prove", "a" * 16, b"", house.time.now(), "smtp", "", 0, False, sealed)
    await take_arrivals(house.desk, [arrival])
    assert len(house.names.asked) == asked
