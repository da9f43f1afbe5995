"""For each rule of the audit at least one ledger that breaks this rule and no other."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.unit.ledger.building import (
    DAY,
    DELIVERIES,
    NOTICE_SETTLED,
    OPERATOR,
    ORIGIN,
    REQUEST_SETTLED,
    WITHDRAWN,
    Case,
    Fields,
    Ledger,
    Place,
    Story,
    case_record,
    cosignature_line,
    encode,
    good,
    mth,
    openings_file,
    public,
    rsa_key,
    rsa_signature,
    secret,
    sha,
    signature_line,
    signature_records,
    u,
    vkey,
)

WITNESS = "witness.example/w1"


@dataclass
class Published:
    """What an auditor is given."""

    files: dict[str, bytes]
    openings: bytes | None = None
    options: dict[str, object] = field(default_factory=dict)


Breach = Callable[[], Published]
BREACHES: list[tuple[str, Breach]] = []
ALSO = {"attempts-covered": {"leaf-once", "nullifier-once"}}
"""Follows from other rules, and is found when those are out of the table: the inequality is checked twice."""


def breach(rule: str) -> Callable[[Callable[[], object]], Callable[[], object]]:
    """Enter a breach in the table; what it returns is published, with openings if it is a Story's."""

    def enter(make: Callable[[], object]) -> Callable[[], object]:
        BREACHES.append((rule, lambda: published(make())))
        return make

    return enter


def published(made: object) -> Published:
    if isinstance(made, Published):
        return made
    if isinstance(made, Ledger):
        return Published(made.files())
    story, change = made if isinstance(made, tuple) else (made, None)
    assert isinstance(story, Story)
    return Published(story.ledger.files(), story.ledger.openings(change))


def files(**change: bytes) -> dict[str, bytes]:
    return good().ledger.files() | change


# --- files -----------------------------------------------------------------------------------------------------------


@breach("checkpoint-canonical")
def padding_bits() -> Published:
    text = good().ledger.checkpoint().decode()
    assert text.endswith("=\n")
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".index(text[-3])
    table = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return Published(files(checkpoint=(text[:-3] + table[last ^ 1] + "=\n").encode()))


@breach("checkpoint-canonical")
def leading_zero() -> Published:
    ledger = good().ledger
    body = ledger.checkpoint().decode().split("\n\n")[0].replace(f"\n{ledger.size}\n", f"\n0{ledger.size}\n") + "\n"
    good_body = ledger.checkpoint().decode().split("\n\n")[0] + "\n"
    return Published(files(checkpoint=(body + "\n" + signature_line(ORIGIN, ledger.log, good_body)).encode()))


@breach("files-complete")
def missing_tile() -> Published:
    found = files()
    del found["tile/1/000.p/1"]
    return Published(found)


@breach("files-closed")
def extra_file() -> Published:
    return Published(files(**{"index.html": b"hello"}))


@breach("files-closed")
def superseded_partial_tile() -> Published:
    ledger = good().ledger
    found = ledger.files()
    return Published(found | {"tile/0/001.p/1": found[f"tile/0/001.p/{ledger.size % 256}"][:32]})


@breach("files-closed")
def superseded_partial_bundle() -> Published:
    return Published(files(**{"tile/entries/000.p/255": b""}))


@breach("bundle-framing")
def trailing_byte() -> Published:
    ledger = good().ledger
    found, name = ledger.files(), f"tile/entries/001.p/{ledger.size % 256}"
    return Published(found | {name: found[name] + b"\x00"})


@breach("tile-hashes")
def wrong_tile() -> Published:
    return Published(files(**{"tile/1/000.p/1": sha(b"wrong")}))


@breach("tile-hashes")
def long_tile() -> Published:
    found = files()
    return Published(found | {"tile/0/000": found["tile/0/000"] + sha(b"one more")})


@breach("root-hash")
def wrong_root() -> Published:
    return Published(files(checkpoint=good().ledger.checkpoint(root=sha(b"wrong"))))


@breach("vkey-pinned")
def pinned_other_key() -> Published:
    return Published(files(), options={"vkey": vkey("log")})


@breach("vkey-pinned")
def pinned_other_name() -> Published:
    return Published(files(), options={"vkey": vkey("next log", "other.example")})


@breach("signature-known")
def unknown_signature_line() -> Published:
    extra = signature_line("stranger.example", "stranger", "anything")
    return Published(files(checkpoint=good().ledger.checkpoint(extra=extra)))


@breach("signature-known")
def witness_that_was_not_given() -> Published:
    checkpoint = good().ledger.checkpoint().decode()
    extra = cosignature_line(WITNESS, "witness", checkpoint.split("\n\n")[0] + "\n")
    return Published(files(checkpoint=(checkpoint + extra).encode()))


@breach("signature-known")
def line_of_the_log_twice() -> Published:
    checkpoint = good().ledger.checkpoint().decode()
    return Published(files(checkpoint=(checkpoint + checkpoint.split("\n\n")[1]).encode()))


@breach("signature-name")
def log_under_another_name() -> Published:
    return Published(files(checkpoint=good().ledger.checkpoint(name="other.example")))


@breach("checkpoint-signed")
def signature_of_something_else() -> Published:
    body = good().ledger.checkpoint().decode().split("\n\n")[0] + "\n"
    return Published(files(checkpoint=f"{body}\n{signature_line(ORIGIN, 'next log', 'else')}".encode()))


@breach("witness-signed")
def cosignature_of_something_else() -> Published:
    extra = cosignature_line(WITNESS, "witness", "something else\n")
    return Published(
        files(checkpoint=good().ledger.checkpoint(extra=extra)), options={"witnesses": [vkey("witness", WITNESS, 4)]}
    )


def older(size: int, **how: object) -> bytes:
    ledger = good().ledger
    ledger.entries, ledger.log = ledger.entries[:size], "log"
    return ledger.checkpoint(**how)  # type: ignore[arg-type]


@breach("since-signed")
def older_checkpoint_of_another_key() -> Published:
    return Published(files(), options={"since": older(300, log="next log")})


@breach("since-prefix")
def rewritten() -> Published:
    return Published(files(), options={"since": older(300, root=sha(b"other"))})


@breach("since-prefix")
def truncated() -> Published:
    whole = good().ledger
    cut = whole.copy()
    cut.entries.pop()
    return Published(cut.files(), options={"since": whole.checkpoint()})


# --- encoding and order ----------------------------------------------------------------------------------------------


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
for _entry in MALFORMED.values():
    BREACHES.append(("entry-encoding", lambda entry=_entry: published(raw(entry))))  # type: ignore[misc]


@breach("entry-encoding")
def signature_in_entry_0() -> Ledger:
    ledger = Ledger()
    ledger.signed(1, {2: public("log"), 3: bytes(16)}, b"antiphon/key-rotated/1", "log", 4)
    ledger.entries += Ledger().begin().entries[1:]
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


def value(change: Fields) -> Ledger:
    story = good()
    story.ledger.own_opt_out(story.mails["spare 0"], change=change)
    return story.ledger


def approved(change: Fields) -> Ledger:
    story = good()
    story.ledger.approve_requests(story.other, change=change)
    return story.ledger


def fields_out_of_range() -> list[Breach]:
    made: list[Callable[[], Ledger]] = [
        lambda: value({0xD: u(2, 48)}),
        lambda: value({0xD: u(2, 73)}),
        lambda: value({0xD: u(2, 8784)}),
        lambda: value({9: u(1, 3), 0xA: u(4, 9000)}),
        lambda: value({0xF: u(1, 4)}),
        lambda: approved({6: u(1, 0)}),
        lambda: approved({6: u(1, 8)}),
        lambda: approved({7: u(2, 0)}),
    ]
    return [lambda make=make: published(make()) for make in made]  # type: ignore[misc]


BREACHES += [("entry-values", make) for make in fields_out_of_range()]


@breach("entry-values")
def limit_of_1001() -> Ledger:
    story = good()
    story.ledger.approve_requests(story.other, 1001, by=(("first", 1), ("second", 2)))
    return story.ledger


@breach("entry-values")
def phase_4() -> Ledger:
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


BREACHES += [
    ("operator-key-signed", lambda: published(_operator(("stranger", 1)))),
    ("operator-key-signed", lambda: published(_operator(("log", 0)))),
    ("operator-key-signed", lambda: published(_operator(("third", -1)))),
    ("operator-key-signed", lambda: published(_operator(("fourth", 10**6)))),
]


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


BREACHES += [("batch-size", lambda n=n: published(_batch(n))) for n in (0, 1, 4, 15, 17, 32, 63, 128)]  # type: ignore[misc]


# --- leaves and nullifiers -------------------------------------------------------------------------------------------


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


@breach("leaf-once")
def leaf_twice_in_an_intent() -> Ledger:
    story = good()
    mail = story.mails["spare 0"]
    items = sorted((mail.item, mail.item[:8] + sha(b"other salt") + mail.item[40:]))
    story.ledger.own_opt_out(mail, change={3: b"".join(items), 4: b"".join(sorted((sha(b"a"), sha(b"b"))))})
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
    story.ledger.complaint(story.mails["spare 1"], change={4: again})
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


# --- approvals -------------------------------------------------------------------------------------------------------


def ask(story: Story, approval: int, number: int = 0, change: Fields | None = None) -> int:
    started = story.marks["notice accepted"]
    return story.ledger.request(1, started, story.mails[f"spare {number}"], approval=approval, change=change)


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


# --- notices, windows, stops -----------------------------------------------------------------------------------------


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


BREACHES += [
    ("reserve-fits", lambda: published(value({0xA: u(4, 12_287)}))),
    ("reserve-fits", lambda: published(value({0xA: u(4, 12_289)}))),
    ("reserve-fits", lambda: published(value({9: u(1, 2), 0xA: u(4, 8192)}))),
    ("reserve-fits", lambda: published(value({9: u(1, 4), 0xA: u(4, 8192)}))),
]


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


def notice_first(story: Story) -> object:
    return story.ledger.notice(story.ledger.approve_notice(story.other), story.mails["other 0"])


def dispute(*phases: int) -> Callable[[Story], object]:
    return lambda story: [story.ledger.dispute(case, n) for n in phases for case in (story.shop, story.other)]


BREACHES += [
    ("nothing-after-stop", after(lambda story: story.ledger.stop(story.shop), act)) for act in (opt_out, request, complain)
] + [
    ("nothing-after-stop", after(before, act))
    for act in (request, notice_first)
    for before in (
        lambda story: [story.ledger.withdraw(story.shop), story.ledger.withdraw(story.other)],
        dispute(1),
        dispute(1, 3),
        lambda story: [story.ledger.withdraw(story.shop), story.ledger.withdraw(story.other), dispute(1, 2)(story)],
    )
]
BREACHES += [
    ("dispute-once", after(dispute(*phases), lambda story: None))
    for phases in ((2,), (3,), (1, 1), (1, 2, 1), (1, 2, 2), (1, 2, 3), (1, 3, 3), (1, 3, 2))
]
PERMITTED = [
    after(lambda story: story.ledger.withdraw(story.shop), opt_out),
    after(lambda story: story.ledger.withdraw(story.shop), complain),
    after(dispute(1, 3), opt_out),
    after(dispute(1, 2), request),
    lambda: Published(noticed(1, 4).files()),
    lambda: Published(opted_out(4, 2).files()),
    lambda: Published(received(DAY + 13 - 30).files()),
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


# --- openings --------------------------------------------------------------------------------------------------------


def rows(story: Story) -> list[bytes]:
    data, found, at = story.ledger.openings(), [], len(b"antiphon/openings/1\n")
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        found.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return found


def replaced(change: Callable[[list[bytes]], list[bytes]], label: bytes = b"antiphon/openings/1\n") -> Published:
    story = good()
    story.ledger.own_opt_out(story.mails["other 0"], place=Place(b"mail.shop.example"))
    data = openings_file(change(rows(story))).replace(b"antiphon/openings/1\n", label)
    return Published(story.ledger.files(), data)


BREACHES += [
    ("openings-encoding", lambda: replaced(lambda found: [found[1], found[0], *found[2:]])),
    ("openings-encoding", lambda: replaced(lambda found: [*found[:2], found[3], found[2], *found[4:]])),
    ("openings-encoding", lambda: replaced(lambda found: [found[0], *found])),
    ("openings-encoding", lambda: replaced(lambda found: [*found, b""])),
    ("openings-encoding", lambda: replaced(lambda found: [*found, b"\x04" + bytes(4)])),
    ("openings-encoding", lambda: replaced(lambda found: [*found, b"\x03\x01\x00\x08" + bytes(8)])),
    ("openings-encoding", lambda: replaced(lambda found: found, b"antiphon/openings/2\n")),
]


@breach("openings-encoding")
def cut_record() -> Published:
    story = good()
    return Published(story.ledger.files(), story.ledger.openings() + b"\x00")


def opened(change: Fields, act: str = "request") -> tuple[Story, dict[int, Fields]]:
    story = good()
    return story, {story.marks[act]: change}


BREACHES += [
    ("openings-encoding", lambda fields=fields: published(opened(fields)))  # type: ignore[misc]
    for fields in (
        Fields({0xB: None}),
        Fields({0xB: None, 0xC: None, 0xD: None, 0xE: None}),
        Fields({0xC: None}),
    )
]
BREACHES.append(
    ("openings-encoding", lambda: replaced(lambda found: [case_record(Case(b"\xff\xfe")), *found[2:]]))
)


@breach("openings-encoding")
def hosts_of_a_leaf_descend() -> tuple[Story, dict[int, Fields]]:
    hosts = b"".join(u(2, len(host)) + host for host in (b"shop.example", b"mail.shop.example"))
    story = good()
    mail = story.mail("unsorted", story.shop)
    story.ledger.close_day(mail)
    return story, {story.ledger.own_opt_out(mail): {5: hosts}}


@breach("opening-names-spend")
def erased_that_was_never_spent() -> Published:
    return replaced(lambda found: [*found, encode(b"\x03", {1: u(8, 20), 2: u(8, 3)})])


@breach("opening-names-spend")
def opened_that_was_never_spent() -> Published:
    story = good()
    files = story.ledger.files()
    story.ledger.own_opt_out(story.mails["spare 0"])
    return Published(files, story.ledger.openings())


@breach("opening-names-spend")
def opened_and_erased() -> Published:
    story = good()
    intent, mail = story.spent_first()
    return Published(
        story.ledger.files(),
        openings_file([*rows(story), encode(b"\x03", {1: u(8, intent), 2: u(8, mail.leaf)})]),
    )


def _cases(*records: bytes) -> Published:
    return replaced(lambda found: [*sorted(records), *(row for row in found if row[0] != 1)])


SHOP, OTHER = good().shop, good().other
BREACHES += [
    ("case-opens", lambda: _cases(case_record(SHOP, {5: u(4, 9)}), case_record(OTHER))),
    ("case-opens", lambda: _cases(case_record(SHOP, {4: b"shop.exampl"}), case_record(OTHER))),
    ("case-opens", lambda: _cases(case_record(SHOP))),
]


@breach("leaf-opens")
def another_salt() -> tuple[Story, dict[int, Fields]]:
    return opened({3: sha(b"another")})


@breach("leaf-opens")
def another_size() -> tuple[Story, dict[int, Fields]]:
    return opened({4: u(8, 20_001)})


def signed(change: Fields, seed: str = "call 1") -> tuple[Story, dict[int, Fields]]:
    return opened({6: signature_records([rsa_signature(seed) | change])})


PAD = b"\x00"
BREACHES += [
    ("signature-verifies", lambda change=change: published(signed(change)))  # type: ignore[misc]
    for change in (
        Fields({6: sha(b"another header")}),
        Fields({3: b"rsa-sha1"}),
        Fields({3: b"ed25519-sha256"}),
        Fields({4: b"v=DKIM1; k=rsa; p="}),
        Fields({4: b"v=DKIM1; k=rsa"}),
        Fields({4: b"no key record"}),
    )
]


@breach("signature-verifies")
def no_signature_no_request() -> Story:
    story = good()
    mail = story.mail("bare 2", story.shop, signatures=[])
    story.ledger.close_day(mail)
    story.ledger.own_opt_out(mail, change={4: sha(b"x")})
    story.ledger.spent[-1].mails[0].delivery = None
    return story


@breach("signature-verifies")
def key_of_1023_bits() -> Story:
    key = rsa_key(1024)
    story = good()
    short = base64.b64decode(SHORT_KEY)
    assert key.key_size == 1024
    mail = story.mail("short", story.shop, signatures=[rsa_signature("short", der=short)])
    story.ledger.close_day(mail)
    story.ledger.own_opt_out(mail)
    return story


SHORT_KEY = base64.b64encode(rsa_key(1024).public_key().public_numbers().n.to_bytes(128, "big"))


@breach("nullifier-follows")
def another_nullifier() -> Story:
    story = good()
    story.ledger.own_opt_out(story.mails["spare 0"], change={4: sha(b"another")})
    return story


@breach("nullifier-follows")
def one_nullifier_more() -> Story:
    story = good()
    own = story.mails["spare 0"].nullifiers("originator")
    story.ledger.own_opt_out(story.mails["spare 0"], change={4: b"".join(sorted([*own, sha(b"another")]))})
    return story


@breach("nullifier-follows")
def the_same_mail_in_two_leaves() -> Story:
    story = good()
    two = [rsa_signature("twin"), rsa_signature("twin too")]
    twins = [story.mail(name, story.shop, signatures=two) for name in ("twin 1", "twin 2")]
    story.ledger.close_day(*twins)
    own = sorted(twins[0].nullifiers("originator"))
    story.ledger.own_opt_out(*twins, change={4: b"".join(own)})
    return story


BREACHES += [
    ("destination-follows", lambda change=change: published(opened(change)))  # type: ignore[misc]
    for change in (Fields({7: b"mail.shop.example"}), Fields({8: b"example"}), Fields({9: b"192.0.3.0/24"}))
]


def at(place: Place) -> Story:
    story = good()
    story.ledger.own_opt_out(story.mails["spare 0"], place=place)
    return story


BREACHES += [
    ("destination-follows", lambda place=place: published(at(place)))  # type: ignore[misc]
    for place in (
        Place(host=b"elsewhere.example"),
        Place(prefix=b"192.0.2.1/24"),
        Place(prefix=b"192.0.2.0/25"),
        Place(prefix=b"2001:db8:1::/64"),
        Place(prefix=b"2001:0db8:1::/48"),
        Place(prefix=b"everywhere"),
    )
]


@breach("destination-follows")
def host_in_capitals() -> Story:
    story = good()
    mail = story.mail("capitals", story.shop, hosts=(b"SHOP.example",))
    story.ledger.close_day(mail)
    story.ledger.own_opt_out(mail, place=Place(host=b"SHOP.example"))
    return story


@breach("bytes-cover")
def mail_too_small() -> Story:
    story = good()
    mail = story.mail("small", story.shop, size=12_287)
    story.ledger.close_day(mail)
    story.ledger.own_opt_out(mail)
    return story


def started(index: int | None) -> tuple[Story, dict[int, Fields]]:
    return opened({0xA: None if index is None else u(8, index)})


BREACHES += [
    ("window-started", lambda: published(started(None))),
    ("window-started", lambda: published(started(0))),
    ("window-started", lambda: published(started(10**9))),
    ("window-started", lambda: published(started(good().marks["own opt-out"]))),
    ("window-started", lambda: published(opened({0xA: u(8, good().marks["notice accepted"])}, "own opt-out"))),
]


@breach("window-started")
def handed_two_days_ago() -> Story:
    story = good()
    handed = story.ledger.handed(story.shop)
    for _ in range(2):
        story.ledger.close_day()
    story.ledger.request(1, handed, story.mails["spare 0"], approval=story.marks["approval"])
    return story


@breach("window-started")
def handed_after_the_mail() -> Story:
    story = good()
    handed = story.ledger.handed(story.shop)
    for _ in range(5):
        story.ledger.close_day()
    story.ledger.request(1, handed, story.mails["spare 0"], approval=story.marks["approval"])
    return story


@breach("window-started")
def handed_to_another() -> Story:
    story = good()
    handed = story.ledger.handed(story.other)
    for _ in range(4):
        story.ledger.close_day()
    mail = story.mail("after", story.shop)
    story.ledger.close_day(mail)
    story.ledger.request(1, handed, mail, approval=story.marks["approval"])
    return story


BREACHES += [
    ("delivery-proven", lambda change=change: published(opened(change)))  # type: ignore[misc]
    for change in (
        Fields({0xB: u(8, 0)}),
        Fields({0xB: u(8, 10**9)}),
        Fields({0xC: sha(b"another")}),
        Fields({0xD: u(8, 1)}),
        Fields({0xD: u(8, 2**63)}),
        Fields({0xE: u(8, 1)}),
        Fields({0xE: u(8, 2**63)}),
        Fields({0xF: bytes(32)}),
        Fields({0xF: None}),
    )
]


@breach("delivery-proven")
def delivered_after_the_batch() -> Story:
    story = good()
    story.ledger.close_hour((story.mails["spare 0"],))
    story.ledger.own_opt_out(story.mails["spare 0"])
    return story


@breach("attempts-covered")
def two_attempts_for_one_sighting() -> Story:
    story = good()
    place = Place(host=b"mail.shop.example")
    story.ledger.own_opt_out(story.mails["spare 0"], place=place)
    story.ledger.own_opt_out(story.mails["spare 0"], place=place)
    return story


assert WITHDRAWN and secret
