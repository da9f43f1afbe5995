"""What is wrong with how entries are written and ordered."""

from __future__ import annotations

from functools import partial

from tests.unit.ledger.breaches import breach, breaches, value
from tests.unit.ledger.building import DAY, DELIVERIES, KEY, OPERATOR, REQUEST_SETTLED, Case, Ledger, mth
from tests.unit.ledger.keys import Fields, public, sha, u
from tests.unit.ledger.story import good


def raw(entry: bytes) -> Ledger:
    ledger = good().ledger
    ledger.entries.append(entry)
    return ledger


TODAY = b"\x01\x00\x04" + u(4, DAY + 12)
MALFORMED = {
    "empty": b"",
    "no kind": b"\x01",
    "another version": b"\x02\x0f" + TODAY + b"\x02\x00\x20" + bytes(32),
    "an unknown kind": b"\x01\x11" + TODAY,
    "a cut field": b"\x01\x0f" + TODAY + b"\x02\x00\x20" + bytes(31),
    "a cut head": b"\x01\x0f" + TODAY + b"\x02\x00\x20" + bytes(32) + b"\x03",
    "a missing field": b"\x01\x0f" + TODAY,
    "a field of no such kind": b"\x01\x0f" + TODAY + b"\x02\x00\x20" + bytes(32) + b"\x03\x00\x01\x01",
    "a field twice": b"\x01\x0f" + TODAY + TODAY + b"\x02\x00\x20" + bytes(32),
    "fields that descend": b"\x01\x0f" + b"\x02\x00\x20" + bytes(32) + TODAY,
    "a field too wide": b"\x01\x0f" + TODAY + b"\x02\x00\x21" + bytes(33),
    "no days": b"\x01\x0f\x01\x00\x00\x02\x00\x20" + bytes(32),
}
breaches("entry-encoding", *(partial(raw, entry) for entry in MALFORMED.values()))


@breach("entry-encoding")
def rotated_without_signature() -> Ledger:
    ledger = good().ledger
    ledger.dated(KEY, {2: public("stranger"), 3: bytes(16)})
    return ledger


@breach("entry-encoding")
def message_in_a_standing_approval() -> Ledger:
    story = good()
    story.ledger.approve_requests(story.other, change={4: bytes(32)})
    return story.ledger


@breach("entry-encoding")
def own_opt_out_without_window() -> Ledger:
    story = good()
    story.ledger.own_opt_out(story.mails["spare 0"], change={0xD: None})
    return story.ledger


@breach("entry-encoding")
def click_with_an_approval() -> Ledger:
    story = good()
    started = story.marks["own opt-out accepted"]
    story.ledger.request(2, started, story.mails["spare 0"], approval=story.marks["approval"])
    return story.ledger


@breach("entry-encoding")
def empty_list() -> Ledger:
    story = good()
    story.ledger.own_opt_out(story.mails["spare 0"], change={3: b""})
    return story.ledger


@breach("entry-encoding")
def later_operator_key_by_itself() -> Ledger:
    story = good()
    story.ledger.operator("fourth")
    return story.ledger


@breach("entry-sorted")
def hosts_descend() -> Ledger:
    story = good()
    hosts = sorted([sha(b"a"), sha(b"b")], reverse=True)
    story.ledger.approve_requests(story.other, change={5: b"".join(hosts)})
    return story.ledger


@breach("entry-sorted")
def nullifier_twice_in_a_list() -> Ledger:
    story = good()
    mail = story.mails["spare 0"]
    story.ledger.own_opt_out(mail, change={4: mail.nullifiers("originator")[0] * 2})
    return story.ledger


def approved(change: Fields) -> Ledger:
    story = good()
    story.ledger.approve_requests(story.other, change=change)
    return story.ledger


breaches(
    "entry-values",
    lambda: value({0xD: u(2, 48)}),
    lambda: value({0xD: u(2, 73)}),
    lambda: value({0xD: u(2, 8784)}),
    lambda: value({9: u(1, 3), 0xA: u(4, 9000)}),
    lambda: value({0xF: u(1, 4)}),
    lambda: approved({6: u(1, 0)}),
    lambda: approved({6: u(1, 8)}),
    lambda: approved({7: u(2, 0)}),
)


@breach("entry-values")
def limit_of_1001() -> Ledger:
    story = good()
    story.ledger.approve_requests(story.other, 1001, by=(("first", 1), ("second", 2)))
    return story.ledger


@breach("entry-values")
def outcome_6() -> Ledger:
    story = good()
    story.ledger.settle(REQUEST_SETTLED, story.ledger.own_opt_out(story.mails["spare 0"]), 6)
    return story.ledger


@breach("first-entries")
def no_operator_key() -> Ledger:
    ledger = Ledger()
    ledger.add(1, {1: u(4, DAY), 2: public("log"), 3: bytes(16)})
    ledger.close_day()
    return ledger


@breach("key-rotated-signed")
def rotated_by_a_stranger() -> Ledger:
    story = good()
    story.ledger.rotate("stranger", by="stranger")
    return story.ledger


@breach("key-rotated-signed")
def rotated_by_the_key_before_the_last() -> Ledger:
    story = good()
    story.ledger.rotate("third log", by="log")
    return story.ledger


def _operator(by: tuple[str, int], status: int = 1) -> Ledger:
    story = good()
    by = (by[0], story.marks["third key"]) if by[1] < 0 else by
    story.ledger.operator("fourth", by, status)
    return story.ledger


breaches(
    "operator-key-signed",
    lambda: _operator(("stranger", 1)),
    lambda: _operator(("log", 0)),
    lambda: _operator(("third", -1)),
    lambda: _operator(("fourth", 10**6)),
)


@breach("operator-key-signed")
def first_operator_key_by_another() -> Ledger:
    ledger = Ledger()
    ledger.add(1, {1: u(4, DAY), 2: public("log"), 3: bytes(16)})
    ledger.signed(OPERATOR, {2: public("first"), 3: u(1, 1)}, b"antiphon/operator-key/1", "stranger", 5)
    return ledger


@breach("entry-day")
def tomorrow() -> Ledger:
    story = good()
    story.ledger.day += 1
    story.ledger.withdraw(story.other)
    return story.ledger


@breach("entry-day")
def yesterday() -> Ledger:
    story = good()
    story.ledger.day -= 1
    story.ledger.withdraw(story.other)
    return story.ledger


@breach("deliveries-hourly")
def an_hour_is_missing() -> Ledger:
    ledger = good().ledger
    ledger.hour += 1
    ledger.close_hour()
    return ledger


@breach("deliveries-hourly")
def an_hour_twice() -> Ledger:
    ledger = good().ledger
    ledger.hour -= 1
    ledger.close_hour()
    return ledger


@breach("deliveries-hourly")
def an_hour_of_another_day() -> Ledger:
    ledger = Ledger().begin()
    ledger.dated(DELIVERIES, {2: u(4, ledger.hour - 24), 3: mth([])})
    ledger.batch()
    return ledger


@breach("batch-place")
def batch_at_noon() -> Ledger:
    ledger = good().ledger
    ledger.batch()
    return ledger


@breach("batch-place")
def second_batch() -> Ledger:
    ledger = good().ledger
    ledger.close_day()
    ledger.withdraw(Case(b"third.example"))
    ledger.batch()
    return ledger


def _batch(size: int) -> Ledger:
    ledger = good().ledger
    while ledger.hour % 24:
        ledger.close_hour()
    ledger.batch(size=size)
    return ledger


breaches("batch-size", *(partial(_batch, size) for size in (0, 1, 4, 15, 17, 32, 63, 128)))
