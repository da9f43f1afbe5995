"""What is wrong with leaves, nullifiers, settlements and approvals."""

from __future__ import annotations

from tests.unit.ledger.breaches import ask, breach
from tests.unit.ledger.building import DAY, NOTICE_SETTLED, REQUEST_SETTLED, Ledger, Place
from tests.unit.ledger.keys import sha, u
from tests.unit.ledger.story import good


@breach("leaf-exists")
def leaf_of_another_size() -> Ledger:
    story = good()
    story.mails["spare 0"].size = 30_000
    story.ledger.own_opt_out(story.mails["spare 0"])
    return story.ledger


@breach("leaf-exists")
def leaf_that_is_no_sighting() -> Ledger:
    story = good()
    story.mails["spare 0"].leaf = 1
    story.ledger.own_opt_out(story.mails["spare 0"])
    return story.ledger


@breach("leaf-exists")
def leaf_of_another_case() -> Ledger:
    story = good()
    story.ledger.own_opt_out(story.mails["spare 0"], change={2: story.other.tag})
    return story.ledger


@breach("leaf-earlier")
def leaf_from_the_future() -> Ledger:
    story = good()
    mail, ledger = story.mail("future", story.shop), story.ledger
    mail.leaf = ledger.size + 1 + 24 - ledger.hour % 24
    ledger.own_opt_out(mail)
    ledger.close_day(mail)
    return ledger


@breach("leaf-once")
def leaf_twice() -> Ledger:
    story = good()
    story.ledger.own_opt_out(story.mails["spare 0"])
    story.ledger.own_opt_out(story.mails["spare 0"], change={4: sha(b"another")})
    return story.ledger


def received(day: int) -> Ledger:
    """A mail of this day in a batch of today, spent tomorrow."""
    story = good()
    mail = story.mail("late", story.shop)
    mail.received = day
    story.ledger.close_day(mail)
    story.ledger.own_opt_out(mail)
    return story.ledger


@breach("leaf-fresh")
def received_after_its_batch() -> Ledger:
    return received(DAY + 13)


@breach("leaf-fresh")
def received_31_days_before() -> Ledger:
    return received(DAY + 13 - 31)


@breach("nullifier-once")
def nullifier_twice() -> Ledger:
    story = good()
    story.ledger.own_opt_out(story.mails["spare 0"])
    again = b"".join(story.mails["spare 0"].nullifiers("originator"))
    story.ledger.own_opt_out(story.mails["spare 1"], change={4: again})
    return story.ledger


@breach("nullifier-once")
def fewer_nullifiers_than_leaves() -> Ledger:
    story = good()
    story.ledger.own_opt_out(story.mails["spare 0"], story.mails["spare 1"], change={4: sha(b"one")})
    return story.ledger


@breach("nullifier-once")
def nullifier_twice_at_networks() -> Ledger:
    story = good()
    story.ledger.complaint(story.mails["spare 0"])
    again = b"".join(story.mails["spare 0"].nullifiers("network"))
    elsewhere = Place(b"desk.example", b"desk.example", b"203.0.113.0/24")
    story.ledger.complaint(story.mails["spare 1"], change={4: again}, place=elsewhere)
    return story.ledger


@breach("intent-settled-once")
def settled_twice() -> Ledger:
    story = good()
    intent = story.ledger.own_opt_out(story.mails["spare 0"])
    story.ledger.settle(REQUEST_SETTLED, intent, 2)
    story.ledger.settle(REQUEST_SETTLED, intent, 2)
    return story.ledger


@breach("intent-settled-once")
def settled_as_another_kind() -> Ledger:
    story = good()
    story.ledger.settle(NOTICE_SETTLED, story.ledger.own_opt_out(story.mails["spare 0"]), 2)
    return story.ledger


@breach("intent-settled-once")
def settled_before() -> Ledger:
    story = good()
    story.ledger.settle(REQUEST_SETTLED, story.ledger.size + 1)
    story.ledger.own_opt_out(story.mails["spare 0"])
    return story.ledger


@breach("intent-settled-once")
def one_click_bounced() -> Ledger:
    story = good()
    story.ledger.settle(REQUEST_SETTLED, story.ledger.own_opt_out(story.mails["spare 0"]), 5)
    return story.ledger


@breach("approval-exists")
def approval_that_is_none() -> Ledger:
    story = good()
    ask(story, 0)
    return story.ledger


@breach("approval-exists")
def approval_that_comes_later() -> Ledger:
    story = good()
    ask(story, story.marks["approval"])
    ask(story, story.ledger.size + 1, 1)
    story.ledger.approve_requests(story.shop)
    return story.ledger


@breach("approval-same-case")
def approval_of_another_case() -> Ledger:
    story = good()
    hosts = {5: story.shop.hide(b"shop.example")}
    ask(story, story.ledger.approve_requests(story.other, change=hosts))
    return story.ledger


@breach("approval-scope")
def request_on_the_approval_of_a_notice() -> Ledger:
    story = good()
    ask(story, story.marks["notice approval"])
    return story.ledger


@breach("approval-scope")
def notice_on_a_standing_approval() -> Ledger:
    story = good()
    story.ledger.notice(story.ledger.approve_requests(story.other), story.mails["other 0"])
    return story.ledger


@breach("approval-signed")
def approved_by_a_stranger() -> Ledger:
    story = good()
    story.ledger.approve_notice(story.other, (("stranger", 1),))
    return story.ledger


@breach("approval-signed")
def approved_by_a_revoked_key() -> Ledger:
    story = good()
    for _ in range(7):
        story.ledger.close_day()
    story.ledger.approve_notice(story.other, (("third", story.marks["third key"]),))
    return story.ledger


@breach("approval-signed")
def approved_twice_by_one_key() -> Ledger:
    story = good()
    again = story.ledger.operator("first", ("second", 2))
    for _ in range(7):
        story.ledger.close_day()
    story.ledger.approve_notice(story.other, (("first", 1), ("first", again)))
    return story.ledger


@breach("approval-signed")
def approved_by_one_key_of_two() -> Ledger:
    story = good()
    story.ledger.approve_notice(story.other, (("first", 1), ("stranger", 2)))
    return story.ledger


@breach("approval-key-age")
def approved_by_a_young_key() -> Ledger:
    story = good()
    young = story.ledger.operator("young", ("first", 1))
    for _ in range(6):
        story.ledger.close_day()
    story.ledger.approve_notice(story.other, (("young", young),))
    return story.ledger


@breach("approval-expiry")
def approved_for_31_days() -> Ledger:
    story = good()
    story.ledger.approve_requests(story.other, change={8: u(4, DAY + 12 + 31)})
    return story.ledger


@breach("approval-expiry")
def asked_after_expiry() -> Ledger:
    story = good()
    ask(story, story.marks["approval"])
    approval = story.ledger.approve_requests(story.shop, change={8: u(4, DAY + 12)})
    story.ledger.close_day()
    ask(story, approval, 1)
    return story.ledger


@breach("approval-limit")
def one_request_more() -> Ledger:
    story = good()
    ask(story, story.marks["approval"])
    ask(story, story.marks["approval"], 1)
    return story.ledger


@breach("approval-host")
def host_that_was_not_approved() -> Ledger:
    story = good()
    ask(story, story.marks["approval"], change={6: story.shop.hide(b"www.shop.example")})
    return story.ledger


@breach("approval-kind")
def channel_that_was_not_approved() -> Ledger:
    story = good()
    ask(story, story.marks["approval"])
    ask(story, story.ledger.approve_requests(story.shop, change={6: u(1, 6)}), 1)
    return story.ledger


@breach("approval-one-live")
def two_live_approvals() -> Ledger:
    story = good()
    story.ledger.approve_requests(story.shop)
    return story.ledger


@breach("approval-one-live")
def second_approval_on_the_last_day() -> Ledger:
    story = good()
    story.ledger.approve_requests(story.other, change={8: u(4, DAY + 13)})
    story.ledger.close_day()
    story.ledger.approve_requests(story.other)
    return story.ledger


@breach("approval-sum")
def limit_of_101_alone() -> Ledger:
    story = good()
    story.ledger.approve_requests(story.other, 101)
    return story.ledger


@breach("approval-sum")
def sum_of_101_in_29_days() -> Ledger:
    story = good()
    story.ledger.approve_requests(story.other, 100, change={8: u(4, DAY + 12)})
    for _ in range(29):
        story.ledger.close_day()
    story.ledger.approve_requests(story.other, 1)
    return story.ledger
