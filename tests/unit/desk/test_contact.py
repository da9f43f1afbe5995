"""Contacts looked up: which questions are asked of whom, and what silence means."""

from __future__ import annotations

import pytest

from antiphon.complaint.authority import Authority
from antiphon.complaint.contact import Scope, Source, best
from antiphon.complaint.known import Harm
from antiphon.desk.contact import look_up, look_up_authority
from antiphon.desk.told import decline
from antiphon.errors import MalformedInput
from antiphon.ports import QUESTIONS_PER_MESSAGE
from antiphon.web import complaints
from tests.unit.desk.household import Household

ADDRESS = "9.9.8.7"


@pytest.fixture
async def house() -> Household:
    """A network whose PTR, registry entry and Abusix record agree."""
    house = await Household().open()
    house.names.contacts[ADDRESS] = (("abuse@net.example",), ("noc@net.example",))
    house.names.rows[ADDRESS, "PTR"] = ("host7.pool.net.example.",)
    house.names.rows["host7.pool.net.example", "A"] = ("9.9.8.8", ADDRESS)
    house.names.rows["7.8.9.9.abuse-contacts.abusix.zone", "TXT"] = ("abuse@net.example",)
    house.names.rows["net.example", "MX"] = ("10 mx.net.example",)
    return house


async def test_an_address_leads_to_its_network(house: Household) -> None:
    """By three sources, with the convention last."""
    found, candidates = await look_up(house.desk, ADDRESS)
    assert (found.scope, found.holder, found.names) == (Scope.NETWORK, "Holder Ltd", ("net.example",))
    assert candidates[0].sources == (Source.RDAP, Source.ABUSIX, Source.CONVENTION)
    chosen = best(candidates)
    assert chosen is not None and str(chosen.address) == "abuse@net.example"


async def test_the_address_itself_is_never_asked(house: Household) -> None:
    """DNS and registry only, within the questions of one message."""
    await look_up(house.desk, ADDRESS)
    assert house.out.posts == [] and house.out.mails == []
    assert len(house.names.asked) <= QUESTIONS_PER_MESSAGE
    assert house.names.registry_asked == [ADDRESS]


async def test_a_sixteen_byte_address_is_asked_by_its_nibbles(house: Household) -> None:
    """As the directory wants it."""
    await look_up(house.desk, "2a00::1")
    assert f"1.{'0.' * 27}0.0.a.2.abuse-contacts.abusix.zone" in house.names.asked


@pytest.mark.parametrize("back", [(), ("9.9.8.8",)], ids=["nowhere", "elsewhere"])
async def test_a_name_that_does_not_lead_back_is_nobody_s(house: Household, back: tuple[str, ...]) -> None:
    """A network that calls its addresses by a victim's name, whose desk a directory knows, reaches neither."""
    rows = house.names.rows
    rows[ADDRESS, "PTR"] = ("mail.victim.example.",)
    rows["mail.victim.example", "A"] = back
    rows["victim.example.contacts.abuse.net", "TXT"] = ("abuse@victim.example",)
    rows["victim.example", "MX"] = ("10 mx.victim.example",)
    rows.pop(("7.8.9.9.abuse-contacts.abusix.zone", "TXT"))
    found, candidates = await look_up(house.desk, ADDRESS)
    assert found.names == () and best(candidates) is None
    assert not [c for c in candidates if c.address.domain == "victim.example"]


async def test_a_directory_by_name_is_no_second_source(house: Household) -> None:
    """Who answers for a name does not show whose the address is; it is named, and the registry has to agree."""
    rows = house.names.rows
    rows["net.example.contacts.abuse.net", "TXT"] = ("report@net.example",)
    rows.pop(("7.8.9.9.abuse-contacts.abusix.zone", "TXT"))
    _, candidates = await look_up(house.desk, ADDRESS)
    assert best(candidates) is not None
    house.names.contacts[ADDRESS] = ((), ())
    _, alone = await look_up(house.desk, ADDRESS)
    assert best(alone) is None and [str(c.address) for c in alone] == ["report@net.example", "abuse@net.example"]


@pytest.mark.parametrize("mx", [("0 .",), ()])
async def test_a_domain_that_takes_no_mail_gets_none(house: Household, mx: tuple[str, ...]) -> None:
    """A null MX (RFC 7505 §3); and neither MX nor address."""
    house.names.rows["net.example", "MX"] = mx
    _, candidates = await look_up(house.desk, ADDRESS)
    assert candidates and best(candidates) is None


async def test_silence_is_no_contact(house: Household) -> None:
    """DNS that does not answer now leaves one source, and nobody is chosen."""
    house.names.down |= {ADDRESS, "7.8.9.9.abuse-contacts.abusix.zone", "net.example"}
    _, candidates = await look_up(house.desk, ADDRESS)
    assert best(candidates) is None


async def test_a_domain_leads_to_its_registrar(house: Household) -> None:
    """As its registry says and as it says itself; by one of the two alone it is shown, with why it gets nothing."""
    desk, rows = "abuse@registrar.example", house.names.rows
    rows["registrar.example", "MX"] = ("10 mx.registrar.example",)
    for itself, chosen, rules in (((), None, ["two-sources"]), ((desk,), desk, [])):
        house.names.registrars["shop.example"] = ((desk,), itself)
        shown = await complaints.lookup(house.desk, {"subject": "www.shop.example"})
        assert isinstance(shown, dict)
        assert (shown["subject"], shown["scope"], shown["contact"]) == ("shop.example", "registrar", chosen)
        registrar, operator = shown["candidates"]
        assert (registrar["scope"], registrar["rules"]) == ("registrar", rules)
        assert (operator["address"], operator["scope"]) == ("abuse@shop.example", "domain operator")
        assert "two-sources" in operator["rules"], "for notices, never for a complaint"


async def test_an_authority_is_tied_by_the_file_and_by_the_operator(house: Household) -> None:
    """And asked of DNS only; one that takes no mail, or asked for no more, is not told."""
    cert = Authority("cert", "reports@cert.example", (Harm.PHISHING,), "a team", "cert.example", "2026-11-27")
    assert best(await look_up_authority(house.desk, cert)) is None
    house.names.rows["cert.example", "MX"] = ("10 mx.cert.example",)
    (found,) = await look_up_authority(house.desk, cert)
    assert best([found]) == found and house.names.registry_asked == []
    await house.store.write(lambda tx: decline(tx, cert.address, "they asked", house.time.now()))
    assert best(await look_up_authority(house.desk, cert)) is None


@pytest.mark.parametrize("subject", ["10.0.0.1", "::1", "not a name", "999.1.1.1", "", "192.0.2.1"])
async def test_what_is_in_no_registry_is_a_clear_error(house: Household, subject: str) -> None:
    """Private addresses and what is no name: nobody is asked, and the person reads what was wrong and what to do."""
    with pytest.raises(MalformedInput) as raised:
        await complaints.lookup(house.desk, {"subject": subject})
    assert subject in str(raised.value) and raised.value.advice
    assert house.names.asked == [] and house.names.registry_asked == []
