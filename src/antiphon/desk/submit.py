"""A report that a member's program hands in: durable, then 202; and later what became of it."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from antiphon.campaign.report import Report, ReportState, Submission
from antiphon.desk.arrival import spool_mail
from antiphon.desk.desk import Desk
from antiphon.errors import AlreadyTaken
from antiphon.formats.handed import Event
from antiphon.optout.asking import Asked, Course, course
from antiphon.ports import Transaction
from antiphon.registry.mandate import Mandate
from antiphon.terms import Digest, Identifier, Instant

SOURCE = "api"
REMEMBERED = 10_000
"""Submissions that were acknowledged and are perhaps still in the spool; the oldest is forgotten first."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one submission. `report` is None where nothing was kept, or nothing is known yet; `asked` is this
    member's own clock before the originator, and `course` what became of its wish."""

    submission: Identifier
    kept: Submission | None
    report: Report | None
    asked: Asked | None = None
    course: Course = Course.NOT_ASKED


class Submissions:
    """Those of one node. A key of the member's program stands for one message: twice the same is one submission."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._waiting: dict[Identifier, tuple[Identifier, Digest]] = {}

    async def take(self, member: Mandate, raw: bytes, key: str) -> tuple[Identifier, bool]:
        """Durable when this returns its name, and whether it is new. Raises AlreadyTaken where the key stood for
        another message, and StorageFailed."""
        digest = self._keyed("message", raw)
        name = Identifier(self._keyed("submission", member.member + (key.encode() or digest))[:16])
        kept = await self._desk.store.read(lambda tx: tx.get(Submission, name))
        earlier = kept.digest if kept is not None else self._waiting.get(name, (b"", None))[1]
        if earlier is not None:
            if earlier != digest:
                raise AlreadyTaken("This Idempotency-Key stood for another message.", advice="Choose a new key.")
            return name, False
        await spool_mail(self._desk, Event.REPORTED, member, raw, token=name.hex(), source=SOURCE)
        self._waiting[name] = (member.member, digest)
        if len(self._waiting) > REMEMBERED:
            del self._waiting[next(iter(self._waiting))]
        return name, True

    async def outcome(self, member: Mandate, name: Identifier) -> Outcome | None:
        """What became of a submission of this member; None for any other."""

        found = await self._desk.store.read(lambda tx: self._look(tx, name))
        kept = found.kept
        owner = kept.member if kept is not None else self._waiting.get(name, (None, None))[0]
        return found if owner == member.member else None

    def _look(self, tx: Transaction, name: Identifier) -> Outcome:
        kept = tx.get(Submission, name)
        report = tx.get(Report, kept.report) if kept is not None and kept.report is not None else None
        asked = tx.get(Asked, report.member, report.originator) if report is not None and report.originator else None
        if report is None or asked is None:
            return Outcome(name, kept, report)
        last = tx.find(
            Report, member=report.member, originator=report.originator, state=ReportState.ACCEPTED,
            order="-received_at", limit=1,
        )  # fmt: skip
        at = last[0].received_at if last else None
        return Outcome(name, kept, report, asked, course(asked, at, self._desk.clock.now()))

    def _keyed(self, purpose: str, data: bytes) -> Digest:
        return Digest(hmac.digest(self._desk.house.derived(f"api {purpose}"), data, "sha256"))


def note_submission(
    tx: Transaction, desk: Desk, member: Mandate, token: str, *, raw: bytes, report: Report | None
) -> None:
    """What became of a submission, beside the report in its transaction; `report` None is a message past our limits."""
    name = Identifier(bytes.fromhex(token))
    if tx.get(Submission, name) is not None:
        return
    digest = Digest(hmac.digest(desk.house.derived("api message"), raw, "sha256"))
    stored = report is not None and "not-duplicate" not in report.reasons.split(",")
    tx.add(
        Submission(
            submission=name,
            member=member.member,
            digest=digest,
            at=Instant(desk.clock.now()),
            report=report.report if report is not None and stored else None,
            state=report.state if report is not None else ReportState.REFUSED,
            reasons=report.reasons if report is not None else "within-limits",
        )
    )
