"""The entry that an attempt leaves in the ledger before it is made (LAW §9)."""

from __future__ import annotations

from hashlib import sha256

from antiphon.campaign.report import Report
from antiphon.campaign.sighting import Sighting
from antiphon.desk.coin import existing
from antiphon.desk.desk import Desk
from antiphon.desk.question import Wish
from antiphon.errors import RefusedByLaw
from antiphon.ledger.allowance import OWN, Act
from antiphon.ledger.commitment import hide, network_nullifier, nullifier
from antiphon.ledger.entry import (
    Basis,
    ComplaintIntended,
    NoticeIntended,
    Purpose,
    PurseSide,
    RequestIntended,
    SpentLeaf,
)
from antiphon.optout.case import Case
from antiphon.optout.evidence import parse_evidence
from antiphon.ports import Transaction
from antiphon.registry.mandate import Mandate
from antiphon.terms import Digest, Identifier, Instant, LedgerDay, ledger_day

Intent = NoticeIntended | RequestIntended | ComplaintIntended
BASIS = {
    Act.REQUEST: Basis.APPROVAL,
    Act.CLICKED_REQUEST: Basis.CLICK,
    Act.CLICKED_OPT_OUT: Basis.CLICK,
    Act.OWN_OPT_OUT: Basis.CONSENT,
}


def intent_of(tx: Transaction, desk: Desk, wish: Wish, now: Instant) -> Intent:
    """The entry of this wish: what is spent, where it goes, on whose leave. Raises RefusedByLaw."""
    case, to = existing(tx.get(Case, wish.case)), wish.to
    common = {
        "day": ledger_day(now),
        "case": case.tag,
        "leaves": tuple(sorted((_leaf(tx, desk, name) for name in wish.reports), key=lambda spent: spent.index)),
        "nullifiers": _nullifiers(tx, desk, wish),
        "reserve_bytes": to.reserve,
        "host": hide(case.salt, to.host),
        "organisation": hide(case.salt, to.organisation),
        "prefix": hide(case.salt, to.prefix),
    }
    if wish.telling is not None:
        return ComplaintIntended(
            message=Digest(sha256(wish.telling.message).digest()),
            purse=PurseSide.NETWORK,
            rule=wish.telling.rule,
            **common,  # type: ignore[arg-type]  # one dict for three shapes; the encoder checks every field
        )
    window_hours = desk.house.window_for(case.originator)
    if wish.act is Act.NOTICE:
        return NoticeIntended(
            channel=to.kind,
            approval=wish.approval or 0,
            message=existing(to.message),
            try_number=case.notice_tries + 1,
            window_hours=window_hours,
            **common,  # type: ignore[arg-type]  # one dict for two shapes; the encoder checks every field
        )
    return RequestIntended(
        channel=to.kind,
        approval=wish.approval,
        purpose=Purpose.OWN_OPT_OUT if wish.act in OWN else Purpose.REQUEST,
        basis=BASIS[wish.act],
        window_hours=window_hours if wish.act in OWN else None,
        **common,  # type: ignore[arg-type]  # as above
    )


def _leaf(tx: Transaction, desk: Desk, name: Identifier) -> SpentLeaf:
    """One leaf that pays, opened as far as its case."""
    sighting = existing(tx.get(Sighting, name))
    mandate = existing(tx.get(Mandate, sighting.member))
    if mandate.data_key is None or sighting.index is None:
        raise RefusedByLaw("A sighting is not in the ledger, or its member was erased.", ("committed",))
    salt1 = desk.vault.open(mandate.data_key, sighting.salts, sighting.report)[:32]
    return SpentLeaf(sighting.index, salt1, LedgerDay(sighting.day), sighting.c2)


def _nullifiers(tx: Transaction, desk: Desk, wish: Wish) -> tuple[Digest, ...]:
    """One for each passing signature; on the network side only the community can compute them (LAW §9)."""
    found = (parse_evidence(existing(tx.get(Report, name)).evidence) for name in wish.reports)
    values = {value for evidence in found for value in evidence.signature_values}
    if wish.act is not Act.COMPLAINT:
        return tuple(sorted(nullifier(value) for value in values))
    key = desk.house.derived("community/network")
    return tuple(sorted(network_nullifier(key, value) for value in values))
