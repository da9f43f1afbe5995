"""One good ledger with every kind of entry: what tests of the audit go on from."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from functools import cache

from tests.unit.ledger.building import COMPLAINT_SETTLED, NOTICE_SETTLED, REQUEST_SETTLED, Case, Ledger, Mail, Place
from tests.unit.ledger.keys import Fields, ed25519_signature, rsa_signature, u


@dataclass
class Story:
    """A ledger of twelve days that holds every kind and breaks nothing, and what a test may go on with."""

    ledger: Ledger = field(default_factory=Ledger)
    shop: Case = field(default_factory=lambda: Case(b"shop.example"))
    other: Case = field(default_factory=lambda: Case(b"xn--mller-kva.example", 2))
    mails: dict[str, Mail] = field(default_factory=dict)
    marks: dict[str, int] = field(default_factory=dict)

    def mail(self, name: str, case: Case, **more: object) -> Mail:
        """A new mail of today, RSA-signed unless told otherwise; remembered under its name."""
        more = {"signatures": [rsa_signature(name)]} | more
        self.mails[name] = Mail(name, case, self.ledger.day, **more)  # type: ignore[arg-type]  # fields by name
        return self.mails[name]

    def act(self, name: str, index: int) -> int:
        self.marks[name] = index
        return index


def _first_days(story: Story) -> None:
    ledger, shop = story.ledger.begin(), story.shop
    ledger.operator("second", ("first", 1))
    asked = [story.mail(name, shop) for name in ("opt-out", "notice 1", "notice 2", "old 1", "old 2")]
    ledger.close_day(*asked, proven=tuple(asked[:3]))
    own = story.act("own opt-out", ledger.own_opt_out(asked[0]))
    story.act("own opt-out accepted", ledger.settle(REQUEST_SETTLED, own))
    for _ in range(4):
        ledger.close_day()
    ledger.close_day(story.mail("click", shop))
    click = ledger.request(2, story.marks["own opt-out accepted"], story.mails["click"])
    ledger.settle(REQUEST_SETTLED, click, 3)
    ledger.vouch(shop)
    ledger.close_day()


def _notice(story: Story) -> None:
    ledger, shop = story.ledger, story.shop
    approval = story.act("notice approval", ledger.approve_notice(shop))
    first = ledger.notice(approval, story.mails["notice 1"])
    ledger.settle(NOTICE_SETTLED, first, 5)
    second = ledger.notice(approval, story.mails["notice 2"], number=2)
    story.act("notice accepted", ledger.settle(NOTICE_SETTLED, second))
    story.act("handed", ledger.handed(shop))
    for _ in range(4):
        ledger.close_day()


def _requests(story: Story) -> None:
    ledger, shop = story.ledger, story.shop
    both = [rsa_signature("both"), ed25519_signature("both")]
    calls = [
        story.mail("call 1", shop), story.mail("call 2", shop, signatures=both),
        story.mail("small 1", shop, size=6200), story.mail("small 2", shop, size=6200),
        story.mail("bare", shop, signatures=[], hosts=()),
    ]  # fmt: skip
    spare = [story.mail(f"spare {number}", shop) for number in range(4)]
    others = [story.mail(f"other {number}", story.other) for number in range(4)]
    ledger.close_day(*calls, *spare, *others, proven=(*calls[:4], *spare))
    approval = story.act("approval", ledger.approve_requests(shop, 4))
    ledger.rotate("next log")
    started, handed = story.marks["notice accepted"], story.marks["handed"]
    story.act("request", ledger.request(1, started, calls[0], approval=approval))
    ledger.settle(REQUEST_SETTLED, story.marks["request"])
    by_mail: Fields = {9: u(1, 2), 0xA: u(4, 8193)}
    ledger.settle(REQUEST_SETTLED, ledger.request(1, handed, calls[1], approval=approval, change=by_mail), 5)
    ledger.settle(REQUEST_SETTLED, ledger.request(1, started, *calls[2:4], approval=approval), 4)
    desk = Place(b"abuse.host.example", b"host.example", b"2001:db8:1::/48")
    ledger.settle(COMPLAINT_SETTLED, ledger.complaint(calls[0], calls[4], place=desk, change={0x11: u(2, 3)}))
    ledger.complaint(story.mails["old 1"], purse=1, place=desk)
    gone = Case(b"gone.example")
    for phase in (1, 2):
        ledger.dispute(gone, phase)
    ledger.withdraw(gone)
    ledger.stop(gone)
    third = story.act("third key", ledger.operator("third", ("second", 2)))
    ledger.operator("third", ("second", 2), status=2)
    assert third
    for _ in range(3):
        ledger.close_hour()


@cache
def _told() -> Story:
    story = Story()
    _first_days(story)
    _notice(story)
    _requests(story)
    return story


def good() -> Story:
    """A copy of the story, to go on from: day 12, three hours of it closed, one request left in the approval."""
    return copy.deepcopy(_told())
