"""What people and programs are shown: plain tables of what the node knows and would do. No address, no score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from antiphon.campaign.report import Report, ReportState
from antiphon.campaign.sighting import Sighting
from antiphon.desk.desk import Desk, armed
from antiphon.desk.log import PUBLISHED, SIZE, number
from antiphon.desk.look import Scene, live_approval, scene_of
from antiphon.desk.question import Wish, ask, foreseen
from antiphon.desk.quorum import quorum_of
from antiphon.desk.standing import standing_of
from antiphon.ledger.allowance import Act, judge
from antiphon.ledger.entry import ChannelKind
from antiphon.ledger.kept import KeptOpening
from antiphon.optout.approval import Approval, Draft, OperatorKey
from antiphon.optout.attempt import Attempt
from antiphon.optout.case import Case, State
from antiphon.optout.destination import Halt, HostPair, Pair, PairState
from antiphon.optout.known import Happening, KnownOriginator
from antiphon.optout.originator import unaccountable
from antiphon.ports import Transaction
from antiphon.registry.mandate import DoomedKey, Mandate
from antiphon.terms import Identifier, Instant, show_instant
from antiphon.web.waiting import waiting

View = dict[str, object]


def _when(at: Instant | int | None) -> str | None:
    return show_instant(Instant(at)) if at is not None else None


def status(tx: Transaction, desk: Desk) -> View:
    """The node at a glance, and what needs a person."""
    now = desk.clock.now()
    counts = {state.value: tx.count(Report, state=state) for state in ReportState}
    return {
        "now": _when(now),
        "armed": armed(tx).name.lower(),
        "stopped": desk.stopped(),
        "anchor_agrees": desk.log.agrees,
        "anchor": "" if desk.log.agrees else desk.log.lost.sentence(),
        "ledger": {"size": number(tx, SIZE), "published": number(tx, PUBLISHED)},
        "members": tx.count(Mandate),
        "reports": counts,
        "sightings": tx.count(Sighting),
        "attempts": tx.count(Attempt),
        "cases": {state.value: n for state in State if (n := tx.count(Case, state=state))},
        "erasures": {"waiting": tx.count(DoomedKey), "keys_away": desk.vault.away},
        "evidence": {
            "next_fades_at": _when(tx.least(Report, "fades_at")),
            "openings_sealed": tx.count(KeptOpening),
        },
        "halts": [{"scope": h.scope, "value": h.value, "by": h.by, "why": h.why} for h in tx.find(Halt)],
        "operators": [
            {"entry": k.entry, "name": k.name, "key": k.key.hex(), "revoked": k.revoked} for k in tx.find(OperatorKey)
        ],
        "dkim_records": desk.mail_signer.records(),
        "needs": needs(tx, now),
    }


def needs(tx: Transaction, now: Instant) -> list[View]:
    """What waits for a person, oldest first: notices, standing approvals, address pairs, vouching."""
    found: list[View] = []
    for case in tx.find(Case, order="since"):
        said = {"case": case.case.hex(), "originator": case.originator, "since": _when(case.since)}
        draft = tx.get(Draft, case.case)
        if case.state is State.PROPOSED and draft is not None and draft.approval is None:
            found.append({"kind": "notice", **said})
        if case.state in (State.IGNORED, State.REQUESTING) and live_approval(tx, case, now) is None:
            found.append({"kind": "standing", **said})
        watching = case.state is State.WATCHING
        if watching and (why := unaccountable(standing_of(tx, case.originator, now), now)):
            found.append({"kind": "vouch", **said, "reasons": list(why)})
    for pair in tx.find(Pair, state=PairState.HELD, order="changed_at"):
        found.append({"kind": "pair", **show_pair(tx, pair)})
    for host in tx.find(HostPair, state=PairState.HELD, order="changed_at"):
        found.append({"kind": "host", **show_host(tx, host)})
    return found


def show_host(tx: Transaction, pair: HostPair) -> View:
    """A signer and a host of its organisation, for a person who decides."""
    case = tx.get(Case, pair.case)
    return {
        "id": pair.pair,
        "signer": pair.signer,
        "host": pair.host,
        "state": pair.state.value,
        "case": pair.case.hex(),
        "originator": case.originator if case else "",
    }


def show_pair(tx: Transaction, pair: Pair) -> View:
    """A domain at a network, with what shows whose it is."""
    case = tx.get(Case, pair.case)
    return {
        "pair": pair.pair,
        "id": pair.pair,
        "domain": pair.domain,
        "prefix": pair.prefix,
        "address": pair.address,
        "host": pair.host,
        "ptr": pair.ptr,
        "holder": pair.holder,
        "state": pair.state.value,
        "case": pair.case.hex(),
        "originator": case.originator if case else "",
    }


def cases(tx: Transaction, desk: Desk) -> list[View]:
    """Every case in one line."""
    return [_case_line(tx, case) for case in tx.find(Case, order="opened_at")]


def _case_line(tx: Transaction, case: Case) -> View:
    reports = tx.find(Report, case=case.case, state=ReportState.ACCEPTED)
    return {
        "case": case.case.hex(),
        "originator": case.originator,
        "epoch": case.epoch,
        "esp": case.esp,
        "state": case.state.value,
        "since": _when(case.since),
        "reports": len(reports),
        "members": len({report.member for report in reports}),
        "sightings": tx.count(Sighting, case=case.case),
        "attempts": tx.count(Attempt, case=case.case),
        "notice_window_end": _when(case.notice_window_end),
    }


def case(tx: Transaction, desk: Desk, name: Identifier) -> View:
    """One case with its history, what was attempted, what would be, and why not."""
    kept = tx.get(Case, name)
    if kept is None:
        return {}
    now, draft = desk.clock.now(), tx.get(Draft, name)
    standing = standing_of(tx, kept.originator, now)
    return {
        **_case_line(tx, kept),
        "registered_at": _when(standing.registered_at),
        "first_seen_at": _when(standing.first_seen_at),
        "vouched": standing.vouched,
        "unaccountable": list(unaccountable(standing, now)),
        "events": [
            {"at": _when(h.at), "who": h.who, "what": h.what, "why": h.why}
            for h in tx.find(Happening, case=name, order="number")
        ],
        "approvals": [
            {"entry": a.entry, "scope": a.scope.value, "limit": a.limit, "used": a.used, "signers": a.signers}
            for a in tx.find(Approval, case=name)
        ],
        "attempts_made": [
            {
                "entry": a.intent,
                "act": a.act,
                "at": _when(a.at),
                "host": a.host,
                "outcome": a.outcome.value,
                "status": a.status,
                "bytes_out": a.bytes_out,
                "bytes_in": a.bytes_in,
            }
            for a in tx.find(Attempt, case=name, order="intent")
        ],
        "draft": draft.message.decode("utf-8", "replace") if draft is not None else None,
        "halts": _halts(tx, kept),
        "would": would(tx, desk, kept, now),
        "waiting": waiting(tx, desk, name),
        "why_together": _why_together(tx, name),
    }


def _halts(tx: Transaction, kept: Case) -> list[View]:
    """What holds this case still, whatever its state: a person, or an answer that a person has to read."""
    mine = {("everything", ""), ("case", kept.case.hex())}
    found = [halt for halt in tx.find(Halt) if (halt.scope, halt.value) in mine]
    return [{"scope": h.scope, "value": h.value, "by": h.by, "why": h.why} for h in found]


def _why_together(tx: Transaction, name: Identifier) -> list[str]:
    return list(dict.fromkeys(r.why for r in tx.find(Report, case=name) if r.why))[:3]


def would(tx: Transaction, desk: Desk, kept: Case, now: Instant) -> list[View]:
    """What would be asked of this originator, and every rule that stands in the way now; nothing here can mint."""
    scene = scene_of(tx, kept, now)
    able = [own[0] for own in scene.by_member.values()]
    after, voices = scene.after_window(), quorum_of(tx, kept, scene.by_member, now).voices
    return [
        _would(tx, desk, scene, Act.NOTICE, sightings=able, note=f"{voices} of 5 independent members"),
        _would(tx, desk, scene, Act.REQUEST, sightings=after, note=f"{len(after)} mails after their window"),
        _would(tx, desk, scene, Act.OWN_OPT_OUT, sightings=able[:1], note="for a member who agreed to it"),
    ]


def _would(tx: Transaction, desk: Desk, scene: Scene, act: Act, *, sightings: Sequence[Sighting], note: str) -> View:
    kind = ChannelKind.MAIL if act is Act.NOTICE else ChannelKind.ONE_CLICK
    to = foreseen(kind, "", 0, usable=True)
    found = ask(tx, desk, Wish(act, scene.case.case, to, tuple(s.report for s in sightings)), scene.now)
    # Which notice and which host an approval names is known only once there is one.
    failed = judge(replace(found, approved=scene.approval is not None, named_stand=True, pace_allows=True))
    return {
        "act": act.value,
        "note": note,
        "lawful_now": not failed,
        "rules": [r.name for r in failed],
        "why_not": [r.sentence for r in failed],
    }


def originators(tx: Transaction, desk: Desk) -> list[View]:
    """Everybody who signed reported mail, and whether they can be asked."""
    now = desk.clock.now()
    return [
        {
            "originator": k.originator,
            "domain": k.domain,
            "esp": k.esp,
            "first_seen_at": _when(k.first_seen_at),
            "registered_at": _when(k.registered_at),
            "vouched": k.vouched is not None,
            "unaccountable": list(unaccountable(standing_of(tx, k.originator, now), now)),
        }
        for k in tx.find(KnownOriginator)
    ]


def held(tx: Transaction, desk: Desk) -> View:
    """The digest: what has not left yet, and how to undo it; and pairs that wait for a person."""
    return {
        "reports": waiting(tx, desk),
        "pairs": [show_pair(tx, pair) for pair in tx.find(Pair, state=PairState.HELD)],
        "hosts": [show_host(tx, host) for host in tx.find(HostPair, state=PairState.HELD)],
    }
