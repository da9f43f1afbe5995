"""The cast: each temper does the one thing that sets it apart, and knows only the bytes that it received."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from email import message_from_bytes
from email.message import Message

import dns.message
import pytest

from antiphon.backends.signer import DkimSigner, new_rsa_key
from antiphon.formats.arf import Feedback, print_feedback
from antiphon.formats.dkim import KeyAnswer, KeyStatus, keys_needed, verify
from antiphon.formats.message import parse_message
from antiphon.formats.providers import load_providers
from antiphon.terms import DAY, HOUR, Instant
from antiphon.world import esp, masks
from antiphon.world.hosts import Delivery, Request, Response
from antiphon.world.originator import ONE_CLICK, WINDOW, Mail, Originator, Stage
from antiphon.world.party import TEMPERS, parties_of
from tests.unit.world.conftest import START, Door

ADA, BEA = "ada@choir.example", "bea@choir.example"
REPLY = "reply+token1234@antiphon.choir.example"


async def plays(stage: Stage, temper: str) -> Originator:
    """One of the cast in its place."""
    found = await parties_of(stage, [t for t in TEMPERS if t.name == temper])
    return found[0]


def notice(tokens: list[str], desk: str = "https://antiphon.choir.example/desk/token1234") -> Delivery:
    """A notice with these rows."""
    rows = "".join(f"<x@y>,,{token},2027-01-05\r\n" for token in tokens)
    text = (
        f"From: desk@antiphon.choir.example\r\nReply-To: {REPLY}\r\nMessage-ID: <n@antiphon.choir.example>\r\n"
        'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="n"\r\n\r\n'
        f"--n\r\nContent-Type: text/plain\r\n\r\nPlease see\r\n  {desk}\r\n"
        '--n\r\nContent-Type: text/csv\r\nContent-Disposition: attachment; filename="rows.csv"\r\n\r\n'
        f"message_id,feedback_id,token,received\r\n{rows}--n--\r\n"
    )
    return Delivery("bounce+1@antiphon.choir.example", ("abuse@shop.example",), text.encode())


def link_of(mail: bytes) -> str:
    """The personal link that a mail publishes."""
    found = re.search(r"<https://([^/]+)(/[^>]*)>", str(message_from_bytes(mail)["List-Unsubscribe"]))
    assert found
    return found[2]


async def click(party: Originator, mail: bytes) -> Response:
    """What the party says to a one-click request for this mail."""
    return await party.answer(Request("POST", link_of(mail), {}, ONE_CLICK))


def token_of(mail: bytes) -> str:
    """The token in the link."""
    return re.split("[/=]", link_of(mail))[-1]


def verifies(stage: Stage, mail: bytes) -> list[tuple[str, bool]]:
    """Whose signatures stand on a mail, and whether they pass with the keys that the world's DNS gives."""
    message = parse_message(mail)
    keys = {}
    for name in keys_needed(message):
        query = dns.message.make_query(name, "TXT").to_wire()
        found = dns.message.from_wire(stage.network.names.answer(query, over_udp=False) or b"").answer
        record = b"".join(found[0][0].strings).decode() if found else None
        keys[name] = KeyAnswer(name, record, KeyStatus.FOUND if record else KeyStatus.ABSENT)
    return [(signature.domain, signature.passes) for signature in verify(message, keys)]


@pytest.mark.parametrize("temper", [temper.name for temper in TEMPERS])
async def test_everybody_finds_a_place_and_writes(stage: Stage, temper: str) -> None:
    """Two mails to two members, of one mailing and with a link of their own, and nothing is counted yet."""
    party = await plays(stage, temper)
    first, second = [await party.compose(member, START) for member in (ADA, BEA)]
    assert link_of(first) != link_of(second)
    assert party.size_bytes[0] - 500 < len(first) < party.size_bytes[1] + 3000
    assert (party.tally.connections, party.tally.bytes_in, party.notices) == (0, 0, 0)
    assert await party.compose(ADA, START) != first


@pytest.mark.parametrize(
    ("temper", "signed"),
    [
        ("deaf", [("deaf-shop.example", True)]),
        ("prompt", [("prompt-shop.example", True)]),
        ("unaccountable", []),
        ("throw-away", [("deal0-now.example", True)]),
        ("replayer", [(masks.LETTER, True)]),
        ("list-host", [("list-host-shop.example", True)]),
        ("esp-deaf", [("esp-deaf-shop.example", True), (esp.DOMAIN, True)]),
        ("joe-jobber-esp", [(esp.DOMAIN, True)]),
    ],
)
async def test_a_mail_is_signed_by_whom_it_says(stage: Stage, temper: str, signed: list[tuple[str, bool]]) -> None:
    """And verifies with the key in the world's DNS."""
    assert verifies(stage, await (await plays(stage, temper)).compose(ADA, START)) == signed


async def test_the_unaccountable_writes_in_a_banks_name(stage: Stage) -> None:
    """Unsigned, and every other time with a signature of the bank that does not verify."""
    party = await plays(stage, "unaccountable")
    mails = [await party.compose(ADA, START) for _ in range(2)]
    assert [verifies(stage, mail) for mail in mails] == [[], [(masks.BANK, False)]]
    assert all(masks.BANK in str(message_from_bytes(mail)["From"]) for mail in mails)


async def test_a_replayed_copy_names_its_first_reader(stage: Stage) -> None:
    """The newsletter's own bytes, and a new one each time."""
    party = await plays(stage, "replayer")
    mails = [await party.compose(ADA, START) for _ in range(5)]
    assert len(set(mails)) == 5
    assert all("@readers.example" in str(message_from_bytes(mail)["To"]) for mail in mails)


@pytest.mark.parametrize(
    ("temper", "status"),
    [("deaf", 200), ("refusing", 403), ("redirecting", 302), ("overloaded", 429), ("prompt", 200), ("esp-deaf", 200)],
)
async def test_an_opt_out_is_answered_as_the_temper_wants(stage: Stage, temper: str, status: int) -> None:
    """Only a whole one-click request for a known link counts as one."""
    party = await plays(stage, temper)
    mail = await party.compose(ADA, START)
    for method, body in (("GET", b""), ("POST", b"hello")):
        assert (await party.answer(Request(method, link_of(mail), {}, body))).status == 404
    assert (await party.answer(Request("POST", "/u/other", {}, ONE_CLICK))).status == 404
    assert (await click(party, mail)).status == status


async def test_a_feedback_report_takes_its_recipient_off(stage: Stage) -> None:
    """Only one that its author signed: RFC 9477 §3.5 forbids to process another."""
    party = await plays(stage, "feedback")
    mail = await party.compose(ADA, START)
    feedback_id = str(message_from_bytes(mail)["CFBL-Feedback-ID"])
    machine = (("feedback-type", "abuse"), ("user-agent", "A/1"), ("version", "1"))
    told = Feedback(machine, "A report.\r\n", f"CFBL-Feedback-ID: {feedback_id}\r\n".encode(), whole=False)
    raw = print_feedback((("From", "desk@node.example"), ("To", "fbl@feedback-shop.example")), told, "=_b")
    signer = DkimSigner("node.example", bytes(range(32)), new_rsa_key())
    for name, value in signer.records().items():
        stage.network.names.record(name, "TXT", value)
    await party.take_mail(Delivery("", (), raw))
    assert party.writes_to(ADA, stage.time.now())
    await party.take_mail(Delivery("", (), signer.sign(raw, START)))
    assert not party.writes_to(ADA, stage.time.now()) and party.writes_to(BEA, stage.time.now())


async def test_a_redirect_leads_to_an_innocent(stage: Stage) -> None:
    """So that following one would show."""
    party = await plays(stage, "redirecting")
    assert (await click(party, await party.compose(ADA, START))).headers["Location"] == f"https://{masks.GARDEN}/"


async def test_overload_passes(stage: Stage) -> None:
    """Three times 429 with a pause, then answers that take their time."""
    party = await plays(stage, "overloaded")
    mail = await party.compose(ADA, START)
    answers = [await click(party, mail) for _ in range(4)]
    assert [answer.status for answer in answers] == [429, 429, 429, 200]
    assert answers[0].headers["Retry-After"] == "86400"


async def test_the_prompt_stop_for_whoever_opted_out(stage: Stage) -> None:
    """And for nobody else."""
    party = await plays(stage, "prompt")
    await click(party, await party.compose(ADA, START))
    assert not party.writes_to(ADA, START)
    assert party.writes_to(BEA, START)


async def test_the_compliant_act_on_rows_that_are_theirs(stage: Stage, door: Door) -> None:
    """Within a day, and say so by mail; a token that they never issued means nothing."""
    party = await plays(stage, "compliant")
    mail = await party.compose(ADA, START)
    assert await party.take_mail(notice([token_of(mail), "0123456789abcdef01234567"])) == "250 2.0.0 taken"
    assert (party.notices, list(party.window_end)) == (1, [ADA])
    assert party.writes_to(ADA, START)
    assert not party.writes_to(ADA, Instant(START + DAY))
    assert party.writes_to(BEA, Instant(START + DAY))
    await stage.time.run(Instant(START + DAY))
    answer = message_from_bytes(door.taken[0].data)
    assert (door.taken[0].recipients, answer["In-Reply-To"]) == ((REPLY,), "<n@antiphon.choir.example>")
    assert str(answer.get_payload()).startswith("done")


async def test_one_answer_is_a_button_on_the_desks_page(stage: Stage) -> None:
    """Behind the link of the notice."""
    pressed: list[tuple[str, bytes]] = []

    async def desk(request: Request) -> Response:
        pressed.append((request.target, request.body))
        return Response(200, {}, b"<form method=post><input type=hidden name=word value=done><button></form>")

    await stage.network.web(stage.network.place("antiphon.choir.example"), "antiphon.choir.example", desk)
    party = await plays(stage, "compliant-form")
    await party.take_mail(notice([token_of(await party.compose(ADA, START))]))
    await stage.time.run(Instant(START + DAY))
    assert pressed == [("/desk/token1234", b""), ("/desk/token1234", b"word=done")]


async def test_an_answer_is_mailed_again_until_it_is_taken(stage: Stage, door: Door) -> None:
    """A node that is away misses nothing."""
    party = await plays(stage, "disputing")
    door.replies = ["451 4.3.0 later", "451 4.3.0 later"]
    await party.take_mail(notice([token_of(await party.compose(ADA, START))]))
    await stage.time.run(Instant(START + 5 * DAY))
    assert [str(message_from_bytes(d.data).get_payload()).split()[0] for d in door.taken] == ["dispute"]


async def test_one_disputes_by_dns_and_again_each_day(stage: Stage) -> None:
    """It publishes the record of that day, then presses the button; the notice's own link it leaves alone."""
    pressed: list[tuple[str, bytes, str | None]] = []
    party = await plays(stage, "disputing-daily")
    place = f"_antiphon-dispute.{party.domain}"

    async def desk(request: Request) -> Response:
        pressed.append((request.target, request.body, stage.network.names.text(place)))
        line = f"<pre>{place}.  TXT  &quot;v=antiphon1; dispute={len(pressed)}&quot;</pre>"
        return Response(200, {}, line.encode())

    await stage.network.web(stage.network.place("antiphon.choir.example"), "antiphon.choir.example", desk)
    await party.take_mail(notice([token_of(await party.compose(ADA, START))]))
    await stage.time.run(Instant(START + 9 * DAY))
    form = f"domain={party.domain}".encode()
    assert pressed == [
        ("/desk/", form, None),
        ("/desk/dispute", form, "v=antiphon1; dispute=1"),
        ("/desk/", form, "v=antiphon1; dispute=1"),
        ("/desk/dispute", form, "v=antiphon1; dispute=3"),
        ("/desk/", form, "v=antiphon1; dispute=3"),
        ("/desk/dispute", form, "v=antiphon1; dispute=5"),
    ]


async def test_the_unreachable_bounce_and_no_window_runs(stage: Stage, door: Door) -> None:
    """To the envelope sender, from nobody."""
    party = await plays(stage, "unreachable")
    await party.take_mail(notice([token_of(await party.compose(ADA, START))]))
    await stage.time.run(Instant(START + HOUR))
    assert (door.taken[0].sender, door.taken[0].recipients) == ("", ("bounce+1@antiphon.choir.example",))
    assert party.window_end == {}


async def test_the_slow_stop_some_days_after_the_window(stage: Stage) -> None:
    """Long enough for a few requests."""
    party = await plays(stage, "slow")
    await party.take_mail(notice([token_of(await party.compose(ADA, START))]))
    end = party.window_end[ADA]
    assert end == START + 3 * DAY + WINDOW + DAY
    assert party.writes_to(ADA, Instant(end + DAY))
    assert not party.writes_to(ADA, Instant(end + 6 * DAY))


async def test_a_mail_that_is_no_notice_is_only_counted(stage: Stage) -> None:
    """As any mailbox gets."""
    party = await plays(stage, "compliant")
    await party.take_mail(Delivery("a@b.example", ("abuse@c.example",), b"Subject: x\r\n\r\nhello\r\n"))
    assert (party.notices, party.window_end) == (0, {})


def host_of(party: Originator, mail: bytes) -> str:
    """The host that a mail publishes for opt-outs."""
    return str(message_from_bytes(mail)["List-Unsubscribe"]).partition("//")[2].partition("/")[0]


def answer_of(stage: Stage, name: str, kind: str) -> str:
    """What the world's DNS says in the end."""
    wire = stage.network.names.answer(dns.message.make_query(name, kind).to_wire(), over_udp=False)
    return str(dns.message.from_wire(wire or b"").answer[-1][0])


AIMS: dict[str, Callable[[Stage, Originator, bytes], bool]] = {
    "joe-jobber": lambda s, p, m: host_of(p, m) == f"u.{masks.GARDEN}",
    "joe-jobber-cname": lambda s, p, m: answer_of(s, host_of(p, m), "A") == s.cast[masks.SCHOOL].address,
    "joe-jobber-address": lambda s, p, m: answer_of(s, host_of(p, m), "A") == s.cast[masks.BAKERY].address,
    "joe-jobber-mx": lambda s, p, m: answer_of(s, p.domain, "MX") == f"10 mx.{masks.BAKERY}.",
    "joe-jobber-esp": lambda s, p, m: masks.BANK in str(message_from_bytes(m)["From"]),
}


@pytest.mark.parametrize("temper", AIMS)
async def test_a_joe_job_leads_to_its_innocent(stage: Stage, temper: str) -> None:
    """Each by a way of its own, and none by a name that is not under its own domain but the first."""
    party = await plays(stage, temper)
    mail = await party.compose(ADA, START)
    assert AIMS[temper](stage, party, mail)
    assert party.aims_at in masks.INNOCENTS


async def test_a_new_domain_each_week_has_all_that_a_domain_needs(stage: Stage) -> None:
    """Names, key, registration two days old, and hosts; ten mails at once make one."""
    party = await plays(stage, "throw-away")
    week = Instant(START + 8 * DAY)
    mails = await asyncio.gather(*(party.compose(f"m{number}@choir.example", week) for number in range(10)))
    assert {host_of(party, mail) for mail in mails} == {"u.deal1-now.example"}
    assert verifies(stage, mails[0]) == [("deal1-now.example", True)]
    status, _, body = stage.network.registry.answer("GET", "/domain/deal1-now.example")
    assert status == 200
    assert b"1970" not in body
    await stage.network.touch(stage.network.address_of("u.deal1-now.example"), 443)
    assert party.tally.connections == 1
    assert party.figures("none")["name"] == "throw-away-shop.example"


async def test_a_provider_tells_its_customers_apart(stage: Stage) -> None:
    """By the account in the link; each is credited with its own connections, and the rest stays with the provider."""
    cast = [t for t in TEMPERS if t.name in ("esp-deaf", "esp-good-1")]
    deaf, good, provider = await parties_of(stage, cast)
    mail = await good.compose(ADA, START)
    assert (await provider.answer(Request("POST", link_of(mail), {}, ONE_CLICK))).credit is good.credit
    assert not good.writes_to(ADA, START)
    assert deaf.writes_to(ADA, START)
    assert (await provider.answer(Request("POST", "/u?a=none&t=1", {}, ONE_CLICK))).status == 404
    assert (
        await provider.answer(Request("POST", link_of(mail).replace("a2001", "a1001"), {}, ONE_CLICK))
    ).status == 404


def test_the_provider_map_entry_is_one_that_the_node_takes() -> None:
    """With the loader's own rules."""
    assert load_providers(esp.PROVIDERS).signing_as(esp.DOMAIN) is not None


def text(mail: Message) -> str:
    """The subject as a person reads it."""
    return str(mail["Subject"])


async def test_transactional_mail_says_so_in_three_languages(stage: Stage) -> None:
    """In every subject."""
    party = await plays(stage, "transactional")
    subjects = {text(message_from_bytes(await party.compose(ADA, START))) for _ in range(60)}
    for word in ("code", "Rechnung", "commande"):
        assert any(word in subject for subject in subjects)


async def test_mails_after_the_window_are_counted_per_member(stage: Stage) -> None:
    """By the day on which the member's own window ended, and only if the report was acknowledged."""
    party = await plays(stage, "deaf")
    await party.take_mail(notice([token_of(await party.compose(ADA, START))]))
    end = party.window_end[ADA]
    rows = [(ADA, end - 1, True), (ADA, end, True), (ADA, end, False), (BEA, end + DAY, True), (ADA, None, False)]
    for member, at, reported in rows:
        party.mails.append(Mail(member, b"", None if at is None else Instant(at), reported))
    figures = party.figures("requesting")
    assert (figures["mails"], figures["sightings"], figures["sightings_after_window"]) == (4, 3, 1)
