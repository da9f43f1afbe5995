"""The operator's on-call: rung seldom, with counts alone, and never where an originator or its host could be."""

from __future__ import annotations

import hmac
import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from email import message_from_bytes

import pytest

from antiphon.complaint.known import ContactState, KnownContact
from antiphon.desk.desk import OnCall
from antiphon.desk.ring import APART, LEAST_KEY_BYTES, MOST_A_DAY, SENTENCES, ring, ring_once, said_of, ways_of
from antiphon.errors import BrokenSettings, Unreachable
from antiphon.formats.domain import Url
from antiphon.formats.providers import Place, Provider, ProviderMap
from antiphon.optout.destination import HostPair, Pair, PairState
from antiphon.optout.evidence import Rulebook
from antiphon.optout.known import Blocked
from antiphon.terms import DAY, MINUTE, Domain, Identifier, Instant
from tests.unit.desk.household import MEMBER, Household

KEY = b"a secret of sixteen bytes or more"
URL = "https://alerts.ours.example/antiphon"
MAIL = "night@ours.example"
ONE, TWO = {"notice": 1}, {"notice": 2, "pair": 1}
CASE = Identifier(bytes(16))


class Bells(Household):
    """A household whose operator is on call; `heard` is what was POSTed."""

    heard: list[tuple[str, str, bytes, Mapping[str, str]]]
    answer = ""

    async def on_call(self, told: OnCall) -> Bells:
        await self.open()
        self.heard = []
        self.desk = replace(self.desk, house=replace(self.desk.house, on_call=told), hook=self._hook)
        self.names.rows["alerts.ours.example", "A"] = ("9.9.9.9",)
        self.names.rows["ours.example", "A"] = ("9.9.9.8",)
        return self

    async def _hook(self, url: Url, address: str, body: bytes, fields: Mapping[str, str]) -> str:
        self.heard.append((url.text, address, body, fields))
        return self.answer

    async def against(self) -> list[str]:
        """What stands against each way."""
        return [way.against for way in await self.store.read(lambda tx: ways_of(tx, self.desk))]


@pytest.fixture
async def bells() -> Bells:
    """A webhook and a mailbox."""
    return await Bells().on_call(OnCall(URL, KEY, mail=MAIL, console="http://127.0.0.1:8765/"))


async def test_a_fresh_node_rings_nobody() -> None:
    """Without a URL or an address nothing is POSTed, written or looked up."""
    bells = await Bells().on_call(OnCall())
    asked = len(bells.names.asked)
    await ring(bells.desk, TWO)
    with pytest.raises(BrokenSettings):
        await ring_once(bells.desk, said_of(bells.desk, TWO, "test"))
    assert not bells.heard and not bells.out.answers and len(bells.names.asked) == asked


async def test_what_is_posted_is_signed_and_names_nobody(bells: Bells) -> None:
    """The signature verifies over id, instant and body; the body has counts, our own words and one link."""
    await bells.delivered(bells.mail())
    await ring(bells.desk, TWO)
    ((url, address, body, fields),) = bells.heard
    assert (url, address) == (URL, "9.9.9.9")
    signed = f"{fields['webhook-id']}.{fields['webhook-timestamp']}.".encode() + body
    assert fields["webhook-signature"] == "v1," + b64encode(hmac.digest(KEY, signed, "sha256")).decode()
    told = json.loads(body)
    assert told["counts"] == TWO and told["console"] == "http://127.0.0.1:8765/"
    assert told["text"].splitlines()[1:] == [
        "2 notices wait to be read and approved.", "1 networks wait for a decision.", "http://127.0.0.1:8765/",
    ]  # fmt: skip
    for named in (MEMBER, "home.example", "shop.example", "Sale"):
        assert named not in body.decode()


async def test_the_mail_says_the_same(bells: Bells) -> None:
    """Over the null path, signed, marked as from a robot."""
    await ring(bells.desk, ONE)
    (letter,) = bells.out.answers
    mail = message_from_bytes(letter.message)
    assert (letter.mail_from, letter.recipient, letter.address) == ("", MAIL, "9.9.9.8")
    assert mail["Auto-Submitted"] == "auto-generated" and mail["DKIM-Signature"]
    text = mail.get_payload(decode=True)
    assert isinstance(text, bytes) and b"1 notices wait" in text and b"@" not in text


async def test_it_rings_for_more_and_not_for_the_same_or_less(bells: Bells) -> None:
    """What was told is told again only after it was less."""
    for counts, rung in ((ONE, 1), (ONE, 1), (TWO, 2), ({}, 2), (ONE, 3)):
        await ring(bells.desk, counts)
        assert len(bells.heard) == rung, counts
        bells.time.at = Instant(bells.time.at + APART)


async def test_it_rings_once_a_minute_and_what_waits_is_told_then(bells: Bells) -> None:
    """A second thing within the minute is not lost."""
    await ring(bells.desk, ONE)
    bells.time.at = Instant(bells.time.at + APART - 1)
    await ring(bells.desk, TWO)
    assert len(bells.heard) == 1
    bells.time.at = Instant(bells.time.at + 1)
    await ring(bells.desk, TWO)
    assert len(bells.heard) == 2


async def test_a_day_has_so_many_turns_whoever_takes_them(bells: Bells) -> None:
    """Tests by hand too; the next day begins anew."""
    for turn in range(MOST_A_DAY + 5):
        await ring(bells.desk, {"pair": turn + 1})
        bells.time.at = Instant(bells.time.at + 2 * MINUTE)
    assert len(bells.heard) == len(bells.out.answers) == MOST_A_DAY
    with pytest.raises(Unreachable):
        await ring_once(bells.desk, said_of(bells.desk, ONE, "test"))
    bells.time.at = Instant(bells.time.at + DAY)
    await ring(bells.desk, {"pair": 99})
    assert len(bells.heard) == MOST_A_DAY + 1


async def test_it_is_written_down_first_and_not_tried_again(bells: Bells) -> None:
    """A server that answers 500, or redirects, hears nothing more of it."""
    bells.answer = "It answered 302."
    await ring(bells.desk, ONE)
    bells.time.at = Instant(bells.time.at + DAY)
    await ring(bells.desk, ONE)
    assert len(bells.heard) == 1


async def test_the_file_stop_keeps_it_in(bells: Bells) -> None:
    """Before each socket, for this one too."""
    bells.desk = replace(bells.desk, stopped=lambda: True)
    await ring(bells.desk, TWO)
    with pytest.raises(Unreachable):
        await ring_once(bells.desk, said_of(bells.desk, TWO, "test"))
    assert not bells.heard and not bells.out.answers


def pair(domain: str) -> Pair:
    """A destination that was met."""
    return Pair(domain, "9.9.9.0/24", "p", PairState.REFUSED, "9.9.9.9", f"u.{domain}", "", "", CASE, "", Instant(0))


MET = {
    "a blocked originator": Blocked("ours.example", Instant(0), "bo", ""),
    "a destination": pair("ours.example"),
    "a host of a pair": HostPair("x.example", "alerts.ours.example", "p", PairState.HELD, CASE, "", "", Instant(0)),
    "a signer of a pair": HostPair("mail.ours.example", "x.example", "p", PairState.HELD, CASE, "", "", Instant(0)),
    "a contact": KnownContact("abuse@ours.example", ContactState.OPEN, None, None, 0, "", Instant(0)),
}


@pytest.mark.parametrize("what", MET)
async def test_a_place_of_anybody_in_the_reports_is_never_rung(bells: Bells, what: str) -> None:
    """Also where it became one only after the settings were written; the whole organisation counts."""
    assert await bells.against() == ["", ""]
    await bells.store.write(lambda tx: tx.add(MET[what]))
    assert all("never rung" in why for why in await bells.against())
    await ring(bells.desk, TWO)
    found = await ring_once(bells.desk, said_of(bells.desk, TWO, "test"))
    assert all("never rung" in why for _, why in found)
    assert not bells.heard and not bells.out.answers


async def test_who_signed_a_reported_mail_is_never_rung(bells: Bells) -> None:
    """A report is enough, before any case goes anywhere."""
    told = OnCall("https://hooks.shop.example/x", KEY, mail="desk@shop.example")
    bells.desk = replace(bells.desk, house=replace(bells.desk.house, on_call=told))
    assert await bells.against() == ["", ""]
    await bells.delivered(bells.mail())
    assert all("never rung" in why for why in await bells.against())


async def test_a_mail_service_of_the_map_is_never_rung(bells: Bells) -> None:
    """Its hosts take opt-outs of all its customers."""
    esp = Provider("esp", (Domain("ours.example"),), (), (Place("u.ours.example", "/u/*", ""),), (), (), "", "", "",
                   "", "")  # fmt: skip
    bells.desk = replace(bells.desk, rules=Rulebook(ProviderMap((esp,)), bells.desk.rules.transactional))
    assert all("provider map" in why for why in await bells.against())


async def test_the_own_house_can_always_be_rung(bells: Bells) -> None:
    """A hosted domain whose own newsletter was reported is still the operator's own."""
    told = OnCall("https://hooks.home.example/x", KEY, mail="root@home.example")
    bells.desk = replace(bells.desk, house=replace(bells.desk.house, on_call=told))
    await bells.store.write(lambda tx: tx.add(pair("home.example")))
    assert await bells.against() == ["", ""]


@pytest.mark.parametrize(
    "told",
    [
        OnCall("http://alerts.ours.example/", KEY),
        OnCall("https://alerts.ours.example:8443/", KEY),
        OnCall("https://9.9.9.9/", KEY),
        OnCall("https://u:p@alerts.ours.example/", KEY),
        OnCall(URL, KEY[: LEAST_KEY_BYTES - 1]),
        OnCall(mail="night"),
        OnCall(mail="night@ours.example> SIZE=1"),
    ],
)
async def test_what_is_no_place_to_ring_is_told(told: OnCall) -> None:
    """https on 443 by name, a secret, an address; else a sentence, and nothing leaves."""
    bells = await Bells().on_call(told)
    assert all(await bells.against())
    await ring(bells.desk, TWO)
    assert not bells.heard and not bells.out.answers


async def test_a_private_address_is_not_dialled(bells: Bells) -> None:
    """Whatever DNS says of the name."""
    bells.names.rows["alerts.ours.example", "A"] = ("10.0.0.1",)
    bells.names.rows["ours.example", "A"] = ("127.0.0.1",)
    found = await ring_once(bells.desk, said_of(bells.desk, ONE, "test"))
    assert all("no public address" in why for _, why in found)
    assert not bells.heard and not bells.out.answers


def test_every_sentence_counts_and_names_nothing() -> None:
    """They are the whole vocabulary."""
    assert all(sentence.format(3).endswith(".") and sentence.count("{}") <= 1 for sentence in SENTENCES.values())
