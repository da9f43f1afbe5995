"""What waits: for each thing what would be asked of whom, why, when it leaves, how to undo it; else why it can not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache

from antiphon.campaign.acceptance import SPENDABLE
from antiphon.campaign.report import Report, ReportState
from antiphon.campaign.sighting import Sighting, SightingState
from antiphon.desk.coin import asked_of
from antiphon.desk.desk import Desk
from antiphon.desk.look import live_approval
from antiphon.desk.pair import approved_hosts
from antiphon.desk.question import Wish, ask_with, foreseen, has_quorum
from antiphon.desk.request import peers_of
from antiphon.desk.standing import standing_of
from antiphon.formats.domain import organisational_domain
from antiphon.ledger.allowance import FRESH, MAIL_OVERHEAD, ONE_CLICK_RESERVE, Act, judge
from antiphon.ledger.entry import ChannelKind
from antiphon.optout import feedback
from antiphon.optout.asking import TRY_SPACING, Phase
from antiphon.optout.case import CLICKED_REQUEST_STATES, Case
from antiphon.optout.channel import CHANNELS, RULES, Kind, Offer, Peer, proven, with_hosts
from antiphon.optout.click import CLICKABLE, Click, ClickState
from antiphon.optout.destination import Pair, PairState
from antiphon.optout.evidence import Evidence, parse_evidence
from antiphon.optout.originator import STANDING, unaccountable
from antiphon.ports import Transaction
from antiphon.registry.mandate import Consent, Mandate
from antiphon.terms import Domain, Identifier, Instant, day_end, ledger_day, show_instant
from antiphon.web.eligible import NOT_ELIGIBLE, SENTENCE, for_member

MOST = 1_000
"""Things in one digest, those first that may leave first."""
PASSING = frozenset({"hold-over", "committed", "pace", "tries-apart", "mail-spaced"})
"""Rules that time alone satisfies: they say when, not whether."""
View = dict[str, object]
SENTENCES = {
    **{rule.name: rule.sentence for rules in (RULES, feedback.RULES, STANDING, CLICKABLE, SPENDABLE) for rule in rules},
    NOT_ELIGIBLE: SENTENCE,
    "personal": "Nobody has shown that the link is this member's own: a second member's mail, or a click, would.",
}
WHY = {
    Act.CLICKED_OPT_OUT: "the member clicked on this mail",
    Act.CLICKED_REQUEST: "the originator ignored this member's own opt-out, and the member clicked on this mail",
    Act.OWN_OPT_OUT: "the member's standing consent to opt out of what it reports",
    Act.REQUEST: "the mail came after the time that the originator had for this member",
    Act.NOTICE: "nobody has been asked for this member yet: it waits for the one notice of this case",
}


@dataclass(frozen=True, slots=True)
class _Thing:
    """One report, with all that stands beside it."""

    report: Report
    evidence: Evidence
    sighting: Sighting | None
    click: Click | None


@dataclass(frozen=True, slots=True)
class _Scene:
    """What many things of one case share, each worked out once: whether a quorum stands behind it, and its peers."""

    now: Instant
    stands: Callable[[Case], bool]
    peers: Callable[[Identifier], tuple[Peer, ...]]


def waiting(tx: Transaction, desk: Desk, case: Identifier | None = None) -> list[View]:
    """Everything that has not left yet, of one case or of all; those first that may leave first."""
    now = desk.clock.now()
    among = {"case": case} if case is not None else {}
    unspent = tx.find(
        Sighting, paid=None, state__ne=SightingState.RETRACTED, received_at__ge=now - FRESH, order="hold_until",
        limit=MOST, **among,
    )  # fmt: skip
    refused = tx.find(
        Report, state=ReportState.ACCEPTED, sighting_reasons__ne="", received_at__ge=now - FRESH, order="hold_until",
        limit=MOST, **among,
    )  # fmt: skip
    clicked = [made.report for made in tx.find(Click, state=ClickState.HELD)]
    names = [*(s.report for s in unspent), *(r.report for r in refused if case is not None or r.hold_until > now)]
    names += [name for name in clicked if case is None]
    scene = _Scene(now, cache(lambda kept: has_quorum(tx, kept, now)), cache(lambda kept: peers_of(tx, kept)))
    lines = [_line(tx, desk, thing, scene) for thing in _things(tx, dict.fromkeys(names))]
    # The digest is for members; whoever looks at one case works on it.
    return [_for_member(line) for line in lines] if case is None else lines


def _for_member(line: View) -> View:
    rules, sentences = line["rules"], line["why_not"]
    if not isinstance(rules, list) or not isinstance(sentences, list):
        return line
    said = {**dict(zip(rules, sentences, strict=True)), NOT_ELIGIBLE: SENTENCE}
    shown = for_member(rules)
    return {**line, "rules": shown, "why_not": [said[name] for name in shown]}


def _things(tx: Transaction, names: Iterable[Identifier]) -> Iterable[_Thing]:
    for name in names:
        report = tx.get(Report, name)
        if report is not None and report.state is ReportState.ACCEPTED:
            yield _Thing(report, parse_evidence(report.evidence), tx.get(Sighting, name), tx.get(Click, name))


def _line(tx: Transaction, desk: Desk, thing: _Thing, scene: _Scene) -> View:
    if thing.click is not None and thing.click.state is ClickState.HELD:
        said = _clicked(thing.click)
    elif thing.sighting is not None:
        said = _would(tx, desk, thing, thing.sighting, scene=scene)
    else:
        said = _refused(thing)
    report = thing.report
    return {
        "report": report.report.hex(),
        "case": report.case.hex() if report.case is not None else None,
        "originator": report.originator,
        "subject": thing.evidence.subject,
        "received_at": show_instant(report.received_at),
        "hold_until": show_instant(report.hold_until),
        **said,
        "undo": f"antiphon undo {report.report.hex()}",
    }


def _clicked(made: Click) -> View:
    """A click whose mail nobody looked up yet."""
    return {
        "would": "own opt-out",
        "of_whom": made.originator,
        "where": made.target,
        "why": WHY[Act.CLICKED_OPT_OUT],
        "leaves_after": show_instant(day_end(ledger_day(made.hold_until))),
        "rules": [],
        "why_not": [],
    }


def _refused(thing: _Thing) -> View:
    names = [name for name in thing.report.sighting_reasons.split(",") if name]
    if thing.click is not None and thing.click.state is ClickState.REFUSED:
        names = [name for name in thing.click.reasons.split(",") if name]
    return {
        "would": "nothing",
        "of_whom": thing.report.originator,
        "where": "",
        "why": "it is evidence only",
        "leaves_after": None,
        "rules": names,
        "why_not": [SENTENCES.get(name, "") for name in names],
    }


def act_of(tx: Transaction, case: Case, sighting: Sighting) -> Act:
    """What this sighting would buy, if everything else allowed it."""
    if asked_of(tx, sighting.member, case.originator).phase(sighting.received_at) is Phase.AFTER:
        clicked = sighting.clicked and case.state in CLICKED_REQUEST_STATES
        return Act.CLICKED_REQUEST if clicked else Act.REQUEST
    mandate = tx.get(Mandate, sighting.member)
    if sighting.clicked:
        return Act.CLICKED_OPT_OUT
    consents = mandate is not None and mandate.allows(Consent.OPTOUT, case.originator)
    return Act.OWN_OPT_OUT if consents else Act.NOTICE


def _would(tx: Transaction, desk: Desk, thing: _Thing, sighting: Sighting, *, scene: _Scene) -> View:
    case, now = tx.get(Case, sighting.case), scene.now
    if case is None:
        return _refused(thing)
    if asked_of(tx, sighting.member, case.originator).phase(sighting.received_at) is Phase.INSIDE:
        return _inside(case)
    act = act_of(tx, case, sighting)
    evidence = thing.evidence
    offers = with_hosts(evidence.offers, evidence.signer, approved_hosts(tx, evidence.signer))
    me = Peer(sighting.member, thing.report.campaign, evidence.one_click_url)
    shown = proven(offers, me, scene.peers(case.case), clicked=sighting.clicked)
    offer = next((offer for offer in shown if offer.usable), next(iter(shown), None))
    wish = _wish(tx, case, act, sighting, offer=offer, now=now)
    found = ask_with(tx, desk, wish, now, quorum=act is not Act.NOTICE or scene.stands(case))
    failed = judge(found)
    names = [rule.name for rule in failed]
    against = list(offer.reasons) if offer is not None and "channel-usable" in names else []
    standing = standing_of(tx, case.originator, now, clicked=act is Act.CLICKED_OPT_OUT, signers=[evidence.signer])
    against += unaccountable(standing, now) if "accountable" in names else ()
    sentences = [rule.sentence for rule in failed if rule.name not in PASSING]
    return {
        "would": act.value.removeprefix("clicked-").replace("-", " "),
        "of_whom": case.originator,
        "where": "abuse@" + evidence.from_organisation if act is Act.NOTICE else (offer.target if offer else ""),
        "why": WHY[act],
        "leaves_after": _leaves_after(tx, sighting, found.coins[0].hold_until, act=act),
        "rules": [*(name for name in names if name not in PASSING), *against],
        "why_not": [*sentences, *(SENTENCES.get(name, "") for name in against)],
    }


def _inside(case: Case) -> View:
    """Mail that came while the originator had time for this member."""
    rule = next(rule for rule in CLICKABLE if rule.name == "window-over")
    return {
        "would": "nothing",
        "of_whom": case.originator,
        "where": "",
        "why": "mail inside the time that the originator has for this member buys nothing",
        "leaves_after": None,
        "rules": [rule.name],
        "why_not": [rule.sentence],
    }


def _leaves_after(tx: Transaction, sighting: Sighting, held: Instant, *, act: Act) -> str:
    """Not before the hold, the batch that its leaf waits for, and a day after the last try."""
    times = [held]
    if sighting.index is None:
        times.append(day_end(ledger_day(held)))
    asked = asked_of(tx, sighting.member, sighting.originator)
    if asked.last_try_at is not None and act in (Act.OWN_OPT_OUT, Act.CLICKED_OPT_OUT):
        times.append(Instant(asked.last_try_at + TRY_SPACING))
    return show_instant(max(times))


def _wish(tx: Transaction, case: Case, act: Act, sighting: Sighting, *, offer: Offer | None, now: Instant) -> Wish:
    """The attempt as far as it is known without asking anybody: that DNS allows it is assumed."""
    approval = live_approval(tx, case, now)
    host = offer.host if offer is not None else ""
    pairs = tx.find(Pair, domain=organisational_domain(Domain(host))) if host else []
    one_click = offer is None or offer.kind is Kind.ONE_CLICK
    barred = bool(pairs) and all(pair.state in (PairState.REFUSED, PairState.BARRED) for pair in pairs)
    to = foreseen(
        CHANNELS[offer.kind] if offer is not None else ChannelKind.ONE_CLICK,
        host,
        0 if act is Act.NOTICE else ONE_CLICK_RESERVE if one_click else MAIL_OVERHEAD,
        target=offer.target if offer is not None else "",
        usable=act is Act.NOTICE or (offer is not None and offer.usable),
    )
    return Wish(
        act,
        case.case,
        replace(to, pair_allowed=not barred),
        (sighting.report,),
        approval.entry if approval is not None else None,
    )
