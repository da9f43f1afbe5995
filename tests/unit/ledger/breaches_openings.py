"""What is wrong with openings."""

from __future__ import annotations

from collections.abc import Callable

from tests.unit.ledger.breaches import Published, breach, breaches
from tests.unit.ledger.building import WITHDRAWN, Case, Place, case_record, encode, openings_file, signature_records
from tests.unit.ledger.keys import Fields, hand_key, hand_signature, rsa_signature, secret, sha, u
from tests.unit.ledger.story import Story, good


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


breaches(
    "openings-encoding",
    lambda: replaced(lambda found: [found[1], found[0], *found[2:]]),
    lambda: replaced(lambda found: [*found[:2], found[3], found[2], *found[4:]]),
    lambda: replaced(lambda found: [found[0], *found]),
    lambda: replaced(lambda found: [*found, b""]),
    lambda: replaced(lambda found: [*found, b"\x04" + bytes(4)]),
    lambda: replaced(lambda found: [*found, b"\x03\x01\x00\x08" + bytes(8)]),
    lambda: replaced(lambda found: found, b"antiphon/openings/2\n"),
)


@breach("openings-encoding")
def cut_record() -> Published:
    story = good()
    return Published(story.ledger.files(), story.ledger.openings() + b"\x00")


def opened(change: Fields, act: str = "request") -> tuple[Story, dict[int, Fields]]:
    story = good()
    return story, {story.marks[act]: change}


breaches(
    "openings-encoding",
    lambda: opened({0xB: None}),
    lambda: opened({0xC: None}),
    lambda: opened({0xB: None, 0xC: None, 0xD: None, 0xE: None}),
    lambda: _cases(*(case_record(case) for case in (SHOP, OTHER, Case(b"\xff\xfe")))),
)


@breach("openings-encoding")
def host_twice() -> Story:
    story = good()
    mail = story.mail("twice", story.shop, hosts=(b"shop.example", b"shop.example"))
    story.ledger.close_day(mail)
    story.ledger.own_opt_out(mail)
    return story


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
    spent = story.ledger.spent[0]
    gone = encode(b"\x03", {1: u(8, spent.intent), 2: u(8, spent.mails[0].leaf)})
    return Published(story.ledger.files(), openings_file([*rows(story), gone]))


def _cases(*records: bytes) -> Published:
    return replaced(lambda found: [*sorted(records), *(row for row in found if row[0] != 1)])


SHOP, OTHER = good().shop, good().other
breaches(
    "case-opens",
    lambda: _cases(case_record(SHOP, {5: u(4, 9)}), case_record(OTHER)),
    lambda: _cases(case_record(SHOP, {4: b"shop.exampl"}), case_record(OTHER)),
    lambda: _cases(case_record(SHOP)),
)


@breach("leaf-opens")
def another_salt() -> tuple[Story, dict[int, Fields]]:
    return opened({3: sha(b"another")})


@breach("leaf-opens")
def another_size() -> tuple[Story, dict[int, Fields]]:
    return opened({4: u(8, 20_001)})


def signed(change: Fields, seed: str = "call 1") -> tuple[Story, dict[int, Fields]]:
    return opened({6: signature_records([rsa_signature(seed) | change])})


breaches(
    "signature-verifies",
    lambda: signed({6: sha(b"another header")}),
    lambda: signed({3: b"rsa-sha1"}),
    lambda: signed({3: b"ed25519-sha256"}),
    lambda: signed({4: b"v=DKIM1; k=rsa; p="}),
    lambda: signed({4: b"v=DKIM1; k=rsa"}),
    lambda: signed({4: b"no key record"}),
)


@breach("signature-verifies")
def no_signature_no_request() -> Story:
    """Beside a leaf that is not opened: where all are, its nullifiers are too few as well."""
    story = good()
    bare = story.mail("bare 2", story.shop, signatures=[])
    story.ledger.close_day(bare)
    nullifiers = [*story.mails["spare 0"].nullifiers("originator"), sha(b"none")]
    story.ledger.own_opt_out(bare, story.mails["spare 0"], change={4: b"".join(sorted(nullifiers))})
    story.ledger.spent[-1].mails.pop()
    return story


def by_hand(bits: int, e: int = 65537) -> Story:
    story = good()
    mail = story.mail("by hand", story.shop, signatures=[hand_signature("by hand", hand_key(bits, e))])
    story.ledger.close_day(mail)
    story.ledger.own_opt_out(mail)
    return story


breaches("signature-verifies", lambda: by_hand(1023), lambda: by_hand(1024, 1))


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


breaches(
    "destination-follows",
    lambda: opened({7: b"mail.shop.example"}),
    lambda: opened({8: b"example"}),
    lambda: opened({9: b"192.0.3.0/24"}),
)


def at(place: Place) -> Story:
    story = good()
    story.ledger.own_opt_out(story.mails["spare 0"], place=place)
    return story


breaches(
    "destination-follows",
    lambda: at(Place(host=b"elsewhere.example")),
    lambda: at(Place(prefix=b"192.0.2.1/24")),
    lambda: at(Place(prefix=b"192.0.2.0/25")),
    lambda: at(Place(prefix=b"2001:db8:1::/64")),
    lambda: at(Place(prefix=b"2001:0db8:1::/48")),
    lambda: at(Place(prefix=b"everywhere")),
)


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


breaches(
    "window-started",
    lambda: started(None),
    lambda: started(0),
    lambda: started(10**9),
    lambda: started(good().marks["own opt-out"]),
    lambda: opened({0xA: u(8, good().marks["notice accepted"])}, "own opt-out"),
)


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


breaches(
    "delivery-proven",
    lambda: opened({0xB: u(8, 0)}),
    lambda: opened({0xB: u(8, 10**9)}),
    lambda: opened({0xC: sha(b"another")}),
    lambda: opened({0xD: u(8, 1)}),
    lambda: opened({0xD: u(8, 2**63)}),
    lambda: opened({0xE: u(8, 1)}),
    lambda: opened({0xE: u(8, 2**63)}),
    lambda: opened({0xF: bytes(32)}),
    lambda: opened({0xF: None}),
)


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
