"""Evidence: one message judged once, kept without the mail, and read back the same."""

from __future__ import annotations

from importlib.resources import files

import pytest

from antiphon.campaign.transactional import load_transactional
from antiphon.errors import MalformedInput
from antiphon.formats.dkim import KeyAnswer, verify
from antiphon.formats.message import parse_message
from antiphon.formats.providers import load_providers
from antiphon.optout.evidence import Evidence, Rulebook, examine, parse_evidence, print_evidence
from antiphon.terms import Instant
from tests.unit.formats.dkim_vectors import EDWARDS, NEWSLETTER, keys_for, sign

NOW = Instant(1_780_308_060_000_000)
RULES = Rulebook(
    load_providers(files("antiphon.formats").joinpath("providers.toml").read_text("utf-8")),
    load_transactional(files("antiphon.campaign").joinpath("transactional.toml").read_text("utf-8")),
)


def seen(raw: bytes, keys: dict[str, KeyAnswer] | None = None) -> Evidence:
    """The evidence of one message."""
    message = parse_message(raw)
    return examine(message, verify(message, keys_for() if keys is None else keys), RULES, received_at=NOW, records=None)


def test_a_newsletter_leaves_all_that_later_steps_need() -> None:
    """Who, to whom, when, how large, and what was offered."""
    raw = sign({**NEWSLETTER, "CFBL-Feedback-ID": "11:22 :\r\n 33"})
    evidence = seen(raw)
    assert evidence.gate_passes and evidence.reasons == () and evidence.canonical and evidence.unambiguous
    assert (evidence.originator, evidence.domain, evidence.from_organisation) == ("shop.example",) * 3
    assert evidence.from_aligned and not evidence.relayed and evidence.robot == ""
    assert evidence.recipients == ("member@home.example",) and evidence.to_covered
    assert (evidence.size, evidence.received_at, evidence.signed_at) == (len(raw), NOW, NOW - 60_000_000)
    assert (evidence.hosts, evidence.message_id) == (("shop.example",), "<1@shop.example>")
    assert evidence.feedback_id == "11:22:33"
    assert len(evidence.signature_values) == 1 and evidence.one_click_url == "https://shop.example/u/k3j5h2g9d8s7a6"


def test_evidence_is_read_back_as_it_was() -> None:
    """Print and parse are a pair."""
    evidence = seen(sign({**NEWSLETTER, "Subject": "=?utf-8?q?Gr=C3=BC=C3=9Fe?="}))
    assert evidence.subject == "Grüße"
    assert parse_evidence(print_evidence(evidence)) == evidence
    for broken in (b"", b"{}", print_evidence(evidence)[:-9]):
        with pytest.raises(MalformedInput):
            parse_evidence(broken)


def test_an_unsigned_mail_names_nobody() -> None:
    """No signature, no originator, no spend key."""
    evidence = seen(sign(NEWSLETTER), {})
    assert not evidence.gate_passes and evidence.reasons == ("signature-passes",)
    assert (evidence.originator, evidence.signature_values) == ("", ())
    assert not evidence.from_aligned


@pytest.mark.parametrize("field", ["List-Id", "List-Post"])
def test_list_mail_without_the_authors_signature_is_relayed(field: str) -> None:
    """Then its List-Unsubscribe is the list host's (LAW §3)."""
    listed = {**NEWSLETTER, field: "<talk.lists.example>"}
    foreign = sign(listed, domain="lists.example")
    evidence = seen(foreign, keys_for(domain="lists.example"))
    assert evidence.relayed and not any(offer.on_click for offer in evidence.offers)
    assert not seen(sign(listed)).relayed
    assert seen(sign(listed), {}).relayed


@pytest.mark.parametrize(
    ("to", "recipients"),
    [
        ("member@home.example, other@home.example", ("member@home.example", "other@home.example")),
        ("Member@HOME.example", ("member@home.example",)),
        ("member@home.example, nobody", ("member@home.example", "")),
        ("undisclosed-recipients:;", ()),
    ],
)
def test_to_says_whom_it_names_and_hides_nothing(to: str, recipients: tuple[str, ...]) -> None:
    """What is no address stays visible, so that it never passes for one alone."""
    assert seen(sign({**NEWSLETTER, "To": to})).recipients == recipients


def test_encoded_subjects_are_read_before_they_are_judged() -> None:
    """An invoice in base64 is an invoice."""
    assert seen(sign({**NEWSLETTER, "Subject": "=?utf-8?b?SW52b2ljZSA0NzEx?="})).transactional == ("invoice",)
    assert seen(sign(NEWSLETTER)).transactional == ()


def test_every_passing_signature_is_a_spend_key() -> None:
    """The customer's and the carrier's; a failed one is none."""
    own = sign(NEWSLETTER)
    carrier = sign(NEWSLETTER, domain="mailer.example", key=EDWARDS).split(b"From: ", 1)[0]
    both = seen(carrier + own, keys_for() | keys_for(EDWARDS, domain="mailer.example"))
    assert {proof.domain for proof in both.proofs} == {"shop.example", "mailer.example"}
    assert len(seen(carrier + own, keys_for()).signature_values) == 1


def test_ambiguous_fields_and_robots_are_noted() -> None:
    """Twice a Date; a bounce."""
    assert not seen(b"Date: x\r\n" + sign(NEWSLETTER)).unambiguous
    assert seen(b"From: MAILER-DAEMON <>\r\n\r\n", {}).robot == "dsn"


def test_a_mail_beyond_the_limits_is_refused_by_name() -> None:
    """The caller counts it as refused."""
    with pytest.raises(MalformedInput):
        seen(b"a:" + b"x" * 70_000 + b"\r\n\r\n", {})
