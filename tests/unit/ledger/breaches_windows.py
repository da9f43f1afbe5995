"""What is wrong with notices, windows, stops and vouching."""

from __future__ import annotations

from collections.abc import Callable

from tests.unit.ledger.breaches import Breach, Published, ask, breach, breaches, value
from tests.unit.ledger.building import COMPLAINT_SETTLED, NOTICE_SETTLED, REQUEST_SETTLED, Ledger
from tests.unit.ledger.keys import sha, u
from tests.unit.ledger.story import Story, good


@breach("notice-digest")
def another_text() -> Ledger:
    story = good()
    story.ledger.notice(
        story.ledger.approve_notice(story.other), story.mails["other 0"], change={0xB: sha(b"another text")}
    )
    return story.ledger


@breach("notice-tries")
def second_try_first() -> Ledger:
    story = good()
    story.ledger.notice(story.ledger.approve_notice(story.other), story.mails["other 0"], number=2)
    return story.ledger


@breach("notice-tries")
def second_try_while_one_is_unsettled() -> Ledger:
    story = good()
    approval = story.ledger.approve_notice(story.other)
    story.ledger.notice(approval, story.mails["other 0"])
    story.ledger.notice(approval, story.mails["other 1"], number=2)
    return story.ledger


@breach("notice-tries")
def try_after_an_accepted_one() -> Ledger:
    story = good()
    story.ledger.notice(story.marks["notice approval"], story.mails["spare 0"], number=3)
    return story.ledger


@breach("request-after-notice")
def request_without_notice() -> Ledger:
    story = good()
    approval = story.ledger.approve_requests(story.other)
    story.ledger.request(1, None, story.mails["other 0"], approval=approval)
    return story.ledger


def noticed(outcome: int, days: int) -> Ledger:
    story = good()
    notice = story.ledger.notice(story.ledger.approve_notice(story.other), story.mails["other 0"])
    story.ledger.settle(NOTICE_SETTLED, notice, outcome)
    for _ in range(days):
        story.ledger.close_day()
    story.ledger.request(1, None, story.mails["other 1"], approval=story.ledger.approve_requests(story.other))
    return story.ledger


@breach("request-after-notice")
def request_inside_the_window() -> Ledger:
    return noticed(1, 3)


@breach("request-after-notice")
def request_after_a_refused_notice() -> Ledger:
    return noticed(2, 4)


@breach("request-after-opt-out")
def click_without_own_opt_out() -> Ledger:
    story = good()
    story.ledger.request(2, None, story.mails["other 0"])
    return story.ledger


def opted_out(days: int, basis: int = 3) -> Ledger:
    story = good()
    story.ledger.settle(REQUEST_SETTLED, story.ledger.own_opt_out(story.mails["other 0"], basis=basis))
    for _ in range(days):
        story.ledger.close_day()
    story.ledger.request(2, None, story.mails["other 1"])
    return story.ledger


@breach("request-after-opt-out")
def click_inside_the_window() -> Ledger:
    return opted_out(3)


@breach("request-after-opt-out")
def click_after_a_notice_only() -> Ledger:
    story = good()
    notice = story.ledger.notice(story.ledger.approve_notice(story.other), story.mails["other 0"])
    story.ledger.settle(NOTICE_SETTLED, notice)
    for _ in range(4):
        story.ledger.close_day()
    story.ledger.request(2, None, story.mails["other 1"])
    return story.ledger


@breach("basis-fits")
def request_on_consent() -> Ledger:
    story = good()
    story.ledger.request(3, None, story.mails["spare 0"])
    return story.ledger


@breach("basis-fits")
def own_opt_out_on_an_approval() -> Ledger:
    story = good()
    story.ledger.own_opt_out(story.mails["spare 0"], basis=1, change={5: u(8, story.marks["approval"])})
    return story.ledger


breaches(
    "reserve-fits",
    lambda: value({0xA: u(4, 12_287)}),
    lambda: value({0xA: u(4, 12_289)}),
    lambda: value({9: u(1, 2), 0xA: u(4, 8192)}),
    lambda: value({9: u(1, 4), 0xA: u(4, 8192)}),
)


@breach("reserve-fits")
def complaint_too_small() -> Ledger:
    story = good()
    story.ledger.complaint(story.mails["spare 0"], change={0xA: u(4, 8192)})
    return story.ledger


def after(what: Callable[[Story], object], act: Callable[[Story], object]) -> Breach:
    def make() -> Published:
        story = good()
        what(story)
        act(story)
        return Published(story.ledger.files())

    return make


def opt_out(story: Story) -> object:
    return story.ledger.own_opt_out(story.mails["spare 0"])


def request(story: Story) -> object:
    return ask(story, story.marks["approval"])


def complain(story: Story) -> object:
    return story.ledger.complaint(story.mails["spare 0"])


def own_report(story: Story) -> object:
    return story.ledger.complaint(story.mails["spare 0"], purse=1)


def notice_first(story: Story) -> object:
    return story.ledger.notice(story.ledger.approve_notice(story.other), story.mails["other 0"])


def dispute(*phases: int) -> Callable[[Story], object]:
    return lambda story: [story.ledger.dispute(case, n) for n in phases for case in (story.shop, story.other)]


BEFORE: tuple[Callable[[Story], object], ...] = (
    lambda story: [story.ledger.withdraw(case) for case in (story.shop, story.other)],
    dispute(1),
    dispute(1, 3),
    lambda story: [*(story.ledger.withdraw(case) for case in (story.shop, story.other)), dispute(1, 2)(story)],
)
breaches(
    "nothing-after-stop",
    *(after(lambda story: story.ledger.stop(story.shop), act) for act in (opt_out, request, complain)),
)
breaches("nothing-after-stop", *(after(before, act) for act in (request, notice_first, complain) for before in BEFORE))


def row(number: int, case: str = "spare") -> Callable[[Story], object]:
    return lambda story: story.ledger.complaint(story.mails[f"{case} 0"], change={0x11: u(2, number)})


def undelivered(story: Story) -> object:
    intent = story.ledger.notice(story.ledger.approve_notice(story.other), story.mails["other 1"])
    return story.ledger.settle(NOTICE_SETTLED, intent, 5)


def days(number: int) -> Callable[[Story], object]:
    return lambda story: [story.ledger.close_day() for _ in range(number)]


def nothing(story: Story) -> None:
    return None


breaches(
    "complaint-row",
    *(after(nothing, row(number)) for number in (0, 1, 2, 4, 6, 7, 8)),
    after(nothing, row(3, "other")),
    after(nothing, row(4, "other")),
)


def climbs(*tiers: tuple[int, int, int]) -> Ledger:
    """Complaints of one case by these rows, each so many days after the one before, and what became of each."""
    story = good()
    for number, (rule, gap, outcome) in enumerate(tiers):
        days(gap)(story)
        intent = story.ledger.complaint(story.mails[f"other {number}"], change={0x11: u(2, rule)})
        story.ledger.settle(COMPLAINT_SETTLED, intent, outcome)
    return story.ledger


breaches(
    "complaint-row",
    lambda: climbs((6, 8, 1)),
    lambda: climbs((5, 0, 1), (6, 2, 1)),
    lambda: climbs((5, 0, 5), (6, 8, 1)),
    lambda: climbs((5, 0, 1), (7, 8, 1)),
    lambda: climbs((5, 0, 1), (6, 8, 1), (7, 2, 1)),
    lambda: climbs((5, 0, 1), (6, 8, 5), (7, 8, 1)),
)


def told(*gaps: int) -> Breach:
    """Complaints to one host, so many days apart."""

    def make() -> Ledger:
        story = good()
        for number, gap in enumerate((0, *gaps)):
            days(gap)(story)
            story.ledger.complaint(story.mails[f"spare {number}"], change={0x11: u(2, 3)})
        return story.ledger

    return make


breaches("complaint-apart", told(0), told(7, 0))


def heard(*gaps: int) -> Story:
    """Complaints about two cases in turn to one host, so many days apart."""
    story = good()
    for number, gap in enumerate((0, *gaps)):
        days(gap)(story)
        name, rule = ("other", 5) if number % 2 else ("spare", 3)
        index = story.ledger.complaint(story.mails[f"{name} {number}"], change={0x11: u(2, rule)})
        story.act(f"told {number}", index)
    return story


breaches("complaint-silence", lambda: heard(0), lambda: heard(6), lambda: heard(7, 0))


def opened(story: Story, *erased: str) -> Published:
    """With its openings, but those of some intents."""
    return Published(story.ledger.files(), story.ledger.openings(erased=frozenset(story.marks[e] for e in erased)))


OUT_OF_TURN = ((2,), (3,), (1, 1), (1, 2, 1), (1, 2, 2), (1, 2, 3), (1, 3, 3), (1, 3, 2))
breaches("dispute-once", *(after(dispute(*phases), lambda story: None) for phases in OUT_OF_TURN))
PERMITTED = [
    after(lambda story: story.ledger.withdraw(story.shop), opt_out),
    after(lambda story: story.ledger.withdraw(story.shop), own_report),
    after(nothing, row(3)),
    after(undelivered, row(4, "other")),
    after(nothing, row(5, "other")),
    lambda: Published(heard(6).ledger.files()),
    lambda: climbs((5, 0, 1), (6, 3, 1), (7, 3, 1)),
    lambda: opened(heard(7, 1)),
    lambda: opened(heard(6), "told 0"),
    lambda: opened(heard(6), "told 1"),
    after(dispute(1, 3), opt_out),
    after(dispute(1, 2), request),
    lambda: Published(noticed(1, 4).files()),
    lambda: Published(opted_out(4, 2).files()),
]
"""The same to the limit: nothing is broken here."""


@breach("vouched-signed")
def vouched_by_a_stranger() -> Ledger:
    story = good()
    story.ledger.vouch(story.shop, ("stranger", 1))
    return story.ledger


@breach("vouched-signed")
def vouched_by_a_revoked_key() -> Ledger:
    story = good()
    story.ledger.vouch(story.shop, ("third", story.marks["third key"]))
    return story.ledger
