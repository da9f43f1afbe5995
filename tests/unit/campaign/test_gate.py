"""The gate: each rule closes one way to be used against a stranger, and is switched off once here."""

from __future__ import annotations

from dataclasses import replace

import pytest

from antiphon.campaign.gate import GATE, UNAMBIGUOUS, Candidate, Gate, gate
from antiphon.formats.dkim import verify
from antiphon.formats.domain import failures
from antiphon.formats.message import parse_message
from antiphon.terms import DAY, Instant
from tests.unit.formats.dkim_vectors import EDWARDS, NEWSLETTER, SMALL, keys_for, sign

RECEIVED = Instant(1_780_308_060_000_000)
COVERS = ("From", "To", "Date", "Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post")


def without(*names: str) -> tuple[str, ...]:
    """What h= names, less these."""
    return tuple(name for name in COVERS if name not in names)


SECOND = b"List-Unsubscribe: <https://innocent.example/u>\r\n"
BROKEN = {
    "one-list-unsubscribe": (SECOND + sign(NEWSLETTER), keys_for()),
    "one-list-unsubscribe-post": (b"List-Unsubscribe-Post: x\r\n" + sign(NEWSLETTER), keys_for()),
    "signature-passes": (sign(NEWSLETTER), {}),
    "both-covered": (sign(NEWSLETTER, covers=without("List-Unsubscribe-Post")), keys_for()),
    "from-covered": (b"From: other@innocent.example\r\n" + sign(NEWSLETTER), keys_for()),
    "to-covered": (sign(NEWSLETTER, covers=without("To")), keys_for()),
    "time-covered": (sign(NEWSLETTER, covers=without("Date")), keys_for()),
    "no-length-tag": (sign(NEWSLETTER, tags=" l=8;"), keys_for()),
    "no-sha1": (sign(NEWSLETTER, algorithm="rsa-sha1"), keys_for()),
    "key-size": (sign(NEWSLETTER, key=SMALL), keys_for(SMALL)),
    "key-not-testing": (sign(NEWSLETTER), keys_for(extra=" t=y;")),
    "key-for-email": (sign(NEWSLETTER), keys_for(extra=" s=tlsrpt;")),
    "not-expired": (sign(NEWSLETTER, tags=" x=1780308059;"), keys_for()),
}


def judged(raw: bytes, keys: dict, *, by_person: bool = False, witnessed: bool = False) -> Gate:  # type: ignore[type-arg]  # answers by name
    """The gate's verdict on one message."""
    message = parse_message(raw)
    return gate(message, verify(message, keys), received_at=RECEIVED, by_person=by_person, witnessed=witnessed)


def test_an_ordinary_newsletter_passes() -> None:
    """RSA and Ed25519; the value used is the one that is signed, the time is that of Date."""
    for raw, keys in ((sign(NEWSLETTER), keys_for()), (sign(NEWSLETTER, key=EDWARDS), keys_for(EDWARDS))):
        verdict = judged(raw, keys)
        assert verdict.passes and verdict.reasons == ()
        assert verdict.list_unsubscribe == NEWSLETTER["List-Unsubscribe"]
        assert verdict.signed_at == RECEIVED - 60_000_000
        assert verdict.signature in verdict.passing


def test_every_rule_has_a_breach() -> None:
    """No rule is missing from the table, and none stands there that nobody breaks."""
    assert [rule.name for rule in GATE] == list(BROKEN)


@pytest.mark.parametrize("rule", BROKEN)
def test_each_rule_alone_refuses_what_all_others_let_pass(rule: str) -> None:
    """One fault, one reason; with that rule taken out of its tuple the message would pass."""
    raw, keys = BROKEN[rule]
    verdict = judged(raw, keys)
    assert not verdict.passes and verdict.reasons == (rule,) and verdict.passing == ()
    message = parse_message(raw)
    (signature,) = verify(message, keys)
    others = tuple(other for other in GATE if other.name != rule)
    assert failures(others, Candidate(message, signature, RECEIVED, False, False)) == ()


def test_all_failed_rules_are_told() -> None:
    """The deciding one first, in the order of the table."""
    raw = SECOND + sign(NEWSLETTER, covers=without("To", "Date"), tags=" l=8;")
    assert judged(raw, keys_for()).reasons == ("one-list-unsubscribe", "to-covered", "time-covered", "no-length-tag")


def test_a_message_without_signature_fails_that_rule_only() -> None:
    """What can not be judged is not called a fault."""
    raw = sign(NEWSLETTER).split(b"\r\n", 1)[1]
    assert judged(raw, {}).reasons == ("signature-passes",)
    assert judged(b"", {}).reasons == ("one-list-unsubscribe", "one-list-unsubscribe-post", "signature-passes")


def test_the_injected_second_field_above_is_refused() -> None:
    """A stock verifier says valid; the gate does not, whichever of the two is above."""
    raw, keys = BROKEN["one-list-unsubscribe"]
    message = parse_message(raw)
    assert verify(message, keys)[0].passes
    assert not judged(raw, keys).passes
    assert judged(raw, keys).list_unsubscribe == ""


def test_a_time_in_the_signature_will_do() -> None:
    """t= where Date is not signed."""
    verdict = judged(sign(NEWSLETTER, covers=without("Date"), tags=" t=1780308000;"), keys_for())
    assert verdict.passes and verdict.signed_at == 1_780_308_000_000_000


@pytest.mark.parametrize("rule", ["to-covered", "time-covered"])
def test_only_a_click_on_witnessed_mail_does_without_to_and_time(rule: str) -> None:
    """Whole providers sign neither; that is enough for a clicked own opt-out of class A or B, and nothing else."""
    raw, keys = BROKEN[rule]
    assert judged(raw, keys, by_person=True, witnessed=True).passes
    assert not judged(raw, keys, by_person=True).passes
    assert not judged(raw, keys, witnessed=True).passes


@pytest.mark.parametrize("name", ["List-Unsubscribe", "List-Unsubscribe-Post"])
def test_each_of_the_two_fields_has_to_be_signed(name: str) -> None:
    """A URL that nobody signed is anybody's, also where the field below it is signed (RFC 8058 §4)."""
    assert judged(sign(NEWSLETTER, covers=without(name)), keys_for()).reasons == ("both-covered",)


def test_whoever_does_not_say_that_it_was_witnessed_has_not_seen_it() -> None:
    """A click on an upload does without nothing: that must be said, not assumed."""
    message = parse_message(sign(NEWSLETTER, covers=without("To")))
    verdict = gate(message, verify(message, keys_for()), received_at=RECEIVED, by_person=True)
    assert verdict.reasons == ("to-covered",)


@pytest.mark.parametrize(("bits", "by_person"), [(2048, False), (1024, True)])
def test_a_key_is_long_enough_at_the_limit_and_one_bit_below_it_is_not(bits: int, by_person: bool) -> None:
    """2048 without a person, 1024 with one (LAW §4)."""
    message = parse_message(sign(NEWSLETTER))
    (signature,) = verify(message, keys_for())
    for length, failed in ((bits, ()), (bits - 1, ("key-size",))):
        candidate = Candidate(message, replace(signature, key_bits=length), RECEIVED, by_person, False)
        assert failures(GATE, candidate) == failed


def test_a_person_may_accept_a_shorter_key() -> None:
    """1024 bits with a person, 2048 without."""
    raw, keys = BROKEN["key-size"]
    assert judged(raw, keys, by_person=True).passes
    assert not judged(raw, keys, witnessed=True).passes


def test_expiry_is_judged_at_delivery() -> None:
    """x= at the instant of receipt is not past yet."""
    raw = sign(NEWSLETTER, tags=" x=1780308060;")
    assert judged(raw, keys_for()).passes
    message = parse_message(raw)
    late = gate(message, verify(message, keys_for()), received_at=Instant(RECEIVED + DAY), by_person=False)
    assert late.reasons == ("not-expired",)


def test_one_good_signature_among_others_is_enough() -> None:
    """The best is chosen; the aligned one among equals."""
    raw = sign(NEWSLETTER)
    foreign = sign(NEWSLETTER, domain="mailer.example", key=EDWARDS).split(b"From: ", 1)[0]
    broken = sign(NEWSLETTER, tags=" l=8;", selector="s2").split(b"From: ", 1)[0]
    keys = keys_for() | keys_for(EDWARDS, domain="mailer.example") | keys_for(selector="s2")
    verdict = judged(broken + foreign + raw, keys)
    assert verdict.passes and verdict.signature is not None
    assert verdict.signature.domain == "shop.example"
    assert [s.domain for s in verdict.passing] == ["shop.example", "mailer.example"]


def test_the_fields_that_may_stand_once_are_those_of_the_law() -> None:
    """From, Date, Message-ID, To, the two of the opt-out, and CFBL-Address (LAW §3)."""
    names = ("from", "date", "message-id", "to", "list-unsubscribe", "list-unsubscribe-post", "cfbl-address")
    assert [rule.name for rule in UNAMBIGUOUS] == [f"one-{name}" for name in names]


@pytest.mark.parametrize("rule", UNAMBIGUOUS, ids=lambda rule: rule.name)
def test_each_single_field_may_stand_once(rule) -> None:  # type: ignore[no-untyped-def]  # a rule of messages
    """Twice is ambiguous, absent is not."""
    name = rule.name.removeprefix("one-").encode()
    assert rule.check(parse_message(b"\n")) and rule.check(parse_message(name + b": x\n\n"))
    assert not rule.check(parse_message(name + b": x\n" + name.upper() + b": y\n\n"))
    assert failures(UNAMBIGUOUS, parse_message(name + b": x\n" + name + b": y\n\n")) == (rule.name,)
