"""Messages find their campaign, strangers stay apart, and one message welds no two large campaigns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest

from antiphon.campaign.grouping import COMMON, WELDED, Arrival, Grouper, MemoryIndex, Placement
from antiphon.campaign.remembered import (
    HAND,
    HANDS,
    OF_ONE,
    SKETCHES,
    TOKENS,
    Campaign,
    changed,
    hand_of,
    may_change,
    merged,
    texts_of,
)
from antiphon.terms import DAY
from tests.unit.campaign.mail import OFFER, STRANGER, fresh, hour, mail, print_of


class Stream:
    """Messages in order, one an hour."""

    def __init__(self) -> None:
        self.index = MemoryIndex()
        self._grouper = Grouper(self.index)
        self._count = 0

    def add(self, raw: bytes, *, at: int | None = None, hand: bytes = b"") -> Placement:
        """The next message, perhaps by somebody's report."""
        self._count += 1
        moment = hour(self._count if at is None else at)
        return self._grouper.place(print_of(raw), Arrival(moment, fresh(self._count), hand))


def test_copies_with_other_names_and_links_are_one_campaign() -> None:
    """Recipient, numbers and path differ; the mailing is the same."""
    stream = Stream()
    first = stream.add(mail(f"Hello Anna! {OFFER} 4711"))
    second = stream.add(mail(f"Hello Bert! {OFFER} 0815", link="https://orchard.example/v/99"))
    assert (first.opened, second.opened) == (True, False)
    assert second.campaign.id == first.campaign.id
    assert second.campaign.messages == 2


def test_strangers_open_campaigns_of_their_own() -> None:
    """Nothing in common, nothing joined."""
    stream = Stream()
    stream.add(mail())
    assert stream.add(mail(STRANGER, subject="Harbour committee in April", author="clerk@harbour.example")).opened


def test_a_kit_with_new_words_joins_by_its_landing_domain() -> None:
    """Half of the text is other; the landing domain and the way it is built tell."""
    words = OFFER.split()
    half = " ".join([*words[: len(words) * 2 // 3], *STRANGER.split()[:25]])
    stream = Stream()
    first = stream.add(mail(author="a@one.example", link="https://shop.example/1"))
    second = stream.add(mail(half, author="b@two.example", link="https://shop.example/2", subject="Parasols for all"))
    assert second.campaign.id == first.campaign.id
    assert "landing domain" in second.why


def test_the_next_issue_of_a_newsletter_is_another_campaign() -> None:
    """Same author, frame and links; other news."""
    stream = Stream()
    frame = "You get this letter since you joined the orchard club. To leave, follow the link at the end of this mail."
    first = stream.add(mail(f"{OFFER} {frame}", subject="Orchard letter one: chairs"))
    second = stream.add(mail(f"{STRANGER} {frame}", subject="Orchard letter two: boats"), at=30)
    assert first.campaign.id != second.campaign.id


FOOTER = (
    "You receive this message since you subscribed on our site. To unsubscribe at any time follow this link or write to"
    " Mail House Incorporated, nine hundred Brodie Lane, suite sixteen, Austin. All rights reserved. The service that"
    " delivers this message is not responsible for what it says and never sells your address to anybody else."
)


def test_two_customers_of_one_service_stay_apart() -> None:
    """The same footer word by word, the same click host and the same key are one piece of evidence, not three."""
    stream = Stream()
    signed = "DKIM-Signature: v=1; d=relay.example; s=one; b=x\r\n"
    link = "https://clicks.example/1"
    short = "Garden chairs and copper lanterns at half their price until Sunday, and the courier is free of charge."
    first = stream.add(mail(f"{short} {FOOTER}", link=link, more=signed))
    news = "Harbour committee minutes are out: dredging was postponed and both jetties were repaired by volunteers."
    other = mail(f"{news} {FOOTER}", link=link, more=signed, subject="Minutes for members", author="a@harbour.example")
    assert stream.add(other).campaign.id != first.campaign.id


def test_a_footer_alone_is_no_text() -> None:
    """Two mails that are a footer and a remote picture have nothing in common that a person reads."""
    stream = Stream()
    first = stream.add(mail(FOOTER, subject="Cash for your opinion today", author="a@one.example"))
    second = stream.add(mail(FOOTER, subject="Do you qualify for relief", author="b@one.example"))
    assert second.campaign.id != first.campaign.id


def test_sentences_out_of_one_box_are_one_campaign() -> None:
    """Each mail draws three of nine sentences: none is like any other, and each phrase was used before."""
    stream, draw = Stream(), Random(4)
    box = [
        s.strip() for s in f"{OFFER} {STRANGER}".replace(":", ".").replace(";", ".").replace(",", ".").split(".") if s
    ]
    places = [stream.add(mail(". ".join(draw.sample(box, 8)), subject=f"For {at}")) for at in range(30)]
    ids = [stream.index.campaign(placed.campaign.id).id for placed in places]
    assert max(map(ids.count, ids)) >= 28


def test_swapped_words_and_lines_of_noise_do_not_part_a_mailing() -> None:
    """One author: every tenth word another in one mail, eight lines of noise among the rest in the next."""
    draw = Random(5)
    stream = Stream()
    first = stream.add(mail())
    swapped = " ".join(word if draw.random() < 0.9 else f"{word}ish" for word in OFFER.split())
    assert stream.add(mail(swapped)).campaign.id == first.campaign.id
    words = OFFER.split()
    for at in range(8):
        words.insert(at * 9, " ".join("".join(draw.choices("abcdefghij", k=6)) for _ in range(5)))
    assert stream.add(mail(" ".join(words))).campaign.id == first.campaign.id


def test_an_answer_is_found_by_nothing() -> None:
    """A reply that quotes the mailing neither joins it nor draws others."""
    stream = Stream()
    first = stream.add(mail())
    quoted = "What is this?\r\n> " + OFFER.replace(". ", ".\r\n> ")
    answer = stream.add(mail(quoted, subject="Re: Garden furniture clearance this week", more="References: <1@x>\r\n"))
    third = stream.add(mail())
    assert answer.opened
    assert third.campaign.id == first.campaign.id


def test_a_campaign_that_was_silent_for_two_weeks_is_over() -> None:
    """Thirteen days later it is the same wave, fifteen days later another one."""
    stream = Stream()
    first = stream.add(mail(), at=0)
    within = stream.add(mail(), at=13 * 24)
    after = stream.add(mail(), at=13 * 24 + 15 * 24)
    assert within.campaign.id == first.campaign.id
    assert after.campaign.id != first.campaign.id


def test_what_many_carry_is_no_evidence() -> None:
    """A landing domain of more than COMMON campaigns joins nobody, though that of one campaign does."""
    draw = Random(1)
    words = OFFER.split()
    half = " ".join([*words[: len(words) * 2 // 5], *STRANGER.split()[:25]])
    joined = []
    for others in (0, COMMON):
        stream = Stream()
        for at in range(others):
            text = " ".join("".join(draw.choices("abcdefghijklmnop", k=7)) for _ in range(50))
            stream.add(mail(text, author=f"a@h{at}.example", subject=text[:30], link="https://cdn.example/"))
        stream.add(mail(author="a@one.example", link="https://cdn.example/1"))
        last = stream.add(mail(half, author="b@two.example", link="https://cdn.example/2", subject="Parasols for all"))
        joined.append(not last.opened)
    assert joined == [True, False]


def _between(large: int) -> tuple[Placement, int]:
    """Two campaigns of `large` messages and one message that is like both."""
    stream = Stream()
    one = {"author": "a@one.example", "subject": "Garden furniture clearance this week", "link": ""}
    two = {"author": "b@two.example", "subject": "Harbour committee in April", "link": ""}
    for _ in range(large):
        stream.add(mail(**one))
        stream.add(mail(STRANGER, **two))
    bridge = stream.add(mail(f"{OFFER} {STRANGER}", author="c@three.example", subject="Both of them", link=""))
    names = {stream.index.campaign(fresh(number)).id for number in (1, 2)}
    return bridge, len(names)


def test_one_message_welds_no_two_large_campaigns() -> None:
    """It joins one and names the other; small ones become one campaign."""
    bridge, left = _between(WELDED + 1)
    assert not bridge.opened
    assert (left, len(bridge.also), len(bridge.absorbed)) == (2, 1, 0)
    bridge, left = _between(1)
    assert (left, len(bridge.also), len(bridge.absorbed)) == (1, 0, 1)


WORDS, OTHERS = OFFER.split(), STRANGER.split()
STEPS = [" ".join((*OTHERS[: len(OTHERS) * n // 7], *WORDS[len(WORDS) * n // 7 :])) for n in range(1, 7)]
"""From one text to the other."""


@pytest.mark.parametrize(
    ("hands", "led"),
    [
        (lambda step: [b"evil"], False),
        (lambda step: [b"evil"] * 2, False),
        (lambda step: [(b"evil", b"more", b"else")[step % 3]], False),
        (lambda step: [b"a%03d" % step, b"b%03d" % step], True),
        (lambda step: [b""], True),
    ],
)
def test_one_mailbox_does_not_lead_a_campaign_to_another_text(hands: Callable[[int], list[bytes]], led: bool) -> None:
    """Step by step, each like the one before: it gets there where two members report each step, and not sooner."""
    stream = Stream()
    first, *_ = [stream.add(mail(f"Hello {n}! {OFFER}"), hand=b"m%03d" % n) for n in range(3)]
    for n, text in enumerate(STEPS):
        for hand in hands(n):
            stream.add(mail(text), hand=hand)
    last = stream.add(mail(STRANGER), hand=b"last")
    assert (last.campaign.id == first.campaign.id) is led


def test_a_text_is_one_members_word_until_another_vouches_for_it() -> None:
    """What one brings finds nobody's mail; the next who brings the like makes it everybody's."""
    stream = Stream()
    first, *_ = [stream.add(mail(f"Hello {n}! {OFFER}"), hand=b"m%03d" % n) for n in range(3)]
    half = stream.add(mail(STEPS[2]), hand=b"evil")
    assert half.campaign.id == first.campaign.id and {band.token for band in half.bands} <= _tokens(first)
    beyond = mail(STEPS[4], author="b@two.example", subject="Harbour committee in April", link="")
    assert stream.add(beyond, hand=b"some").opened
    vouching = stream.add(mail(STEPS[2]), hand=b"else")
    assert vouching.campaign.id == first.campaign.id and not {band.token for band in vouching.bands} <= _tokens(first)
    assert texts_of(vouching.campaign) == texts_of(half.campaign)
    assert stream.add(mail(STEPS[4]), hand=b"next").campaign.id == first.campaign.id


def _tokens(placed: Placement) -> set[bytes]:
    return {band.token for band in placed.bands}


def test_what_a_member_brings_beyond_its_share_is_in_the_campaign_and_changes_nothing() -> None:
    """It joins and renews what is known; the next member's report changes it again."""
    stream = Stream()
    places = [stream.add(mail(OFFER, link=f"https://shop{n}.example/1"), hand=b"one.") for n in range(4)]
    assert len({place.campaign.id for place in places}) == 1
    opened, second, third, fourth = ({band.token for band in place.bands} for place in places)
    assert second - opened and third and third | fourth <= opened | second
    now = places[3].campaign
    assert (now.messages, now.tokens, now.hands) == (4, places[1].campaign.tokens, b"one." * OF_ONE)
    another = stream.add(mail(OFFER, link="https://shop9.example/1"), hand=b"two.")
    assert {band.token for band in another.bands} - opened - second and another.campaign.hands.endswith(b"two.")


def test_one_member_welds_no_more_than_it_may_change() -> None:
    """Of other people's single mails, each half like a mail of its own, only so many go into one campaign."""
    for hand, most in ((b"evil", OF_ONE), (b"", 99)):
        stream, draw = Stream(), Random(3)
        words = [f"{draw.getrandbits(40):x}" for _ in range(400)]
        lone = [" ".join(words[40 * n : 40 * n + 40]) for n in range(10)]
        names = [
            stream.add(mail(text, subject=f"Of {text[:9]}", author=f"a@shop{n}.example", link=f"https://l{n}.example/1"),
                       hand=b"n%03d" % n).campaign.id
            for n, text in enumerate(lone)
        ]  # fmt: skip
        core, *_ = [stream.add(mail(), hand=b"m%03d" % n).campaign.id for n in range(3)]
        for n, text in enumerate(lone):
            both = f"{OFFER} {text}"
            stream.add(mail(both, author=f"a@shop{n}.example", link=f"https://l{n}.example/1"), hand=hand)
        welded = sum(stream.index.name_of(name) == stream.index.name_of(core) for name in names)
        assert welded <= most, hand


def test_who_changed_a_campaign_is_remembered_within_bounds() -> None:
    """The latest changes; a part of another brings its own."""
    campaign = Campaign(fresh(1), hour(1), hour(1), hour(1), 1, "", b"", 0)
    for n in range(2 * HANDS):
        campaign = changed(campaign, hand_of(b"%d" % n))
    assert len(campaign.hands) == HANDS * HAND and may_change(campaign, hand_of(b"0"))
    twice = changed(changed(campaign, hand_of(b"x")), hand_of(b"x"))
    assert not may_change(twice, hand_of(b"x")) and may_change(twice, b"")
    assert not may_change(merged(campaign, twice), hand_of(b"x"))


def test_a_merged_campaign_is_found_under_its_old_name() -> None:
    """All its messages are counted where it went."""
    bridge, _ = _between(1)
    assert bridge.campaign.messages == 3
    assert bridge.absorbed[0].merged_into == bridge.campaign.id


def test_the_order_of_arrival_hardly_matters() -> None:
    """The same messages shuffled make the same sets."""
    mails = [mail(f"Hello member{'xyz'[at % 3]}! {OFFER}", link=f"https://o{at % 5}.example/") for at in range(12)]
    mails += [mail(STRANGER, subject="Harbour committee in April", author="clerk@harbour.example")] * 5
    sets = []
    for shuffle in range(3):
        order = list(range(len(mails)))
        Random(shuffle).shuffle(order)
        stream = Stream()
        placed = {at: stream.add(mails[at], at=at).campaign.id for at in order}
        groups: dict[bytes, set[int]] = {}
        for at, name in placed.items():
            groups.setdefault(stream.index.campaign(name).id, set()).add(at)
        sets.append(sorted(map(sorted, groups.values())))
    assert sets[0] == sets[1] == sets[2]


def test_a_campaign_stays_small_however_much_it_varies() -> None:
    """Texts and tokens of one campaign are bounded."""
    stream = Stream()
    words = OFFER.split()
    placed = stream.add(mail())
    for at in range(40):
        turned = " ".join(words[at % 20 :] + words[: at % 20] + [f"extra{chr(97 + at % 26)}"] * at)
        placed = stream.add(mail(turned, author=f"a@s{at}.example", link=f"https://l{at}.example/"))
    assert placed.campaign.messages > SKETCHES
    assert placed.campaign.tokens <= TOKENS
    assert len(placed.campaign.sketches) <= SKETCHES * 400


def test_what_is_known_is_renewed_and_takes_no_room() -> None:
    """Mails alike do not fill a campaign, however many; a full one learns no new link and renews what it knows."""
    stream = Stream()
    stream.add(mail(OFFER))
    for _ in range(TOKENS // 4):
        placed = stream.add(mail(OFFER), at=1)
    assert placed.bands and placed.campaign.tokens < TOKENS // 4
    stream.index.remember(replace(placed.campaign, tokens=TOKENS), ())
    full = stream.add(mail(OFFER, link="https://else.example/1"), at=2)
    assert {band.token for band in full.bands} == {band.token for band in placed.bands} - _link() and full.bands
    assert full.campaign.tokens == TOKENS


def _link() -> set[bytes]:
    """The token of the link that `mail` has unless told."""
    return set(print_of(mail(OFFER)).tokens) - set(print_of(mail(OFFER, link="https://else.example/1")).tokens)


def test_the_index_of_one_run_is_bounded() -> None:
    """With room for three campaigns the first is forgotten: found by nothing, and never an error."""
    index, draw = MemoryIndex(3), Random(6)
    grouper = Grouper(index)

    def place(text: str, count: int) -> Placement:
        raw = mail(text, subject=text[:30], author=f"a@h{count}.example", link=f"https://l{count}.example/")
        return grouper.place(print_of(raw), Arrival(hour(count), fresh(count)))

    texts = [" ".join("".join(draw.choices("abcdefghijklmnop", k=7)) for _ in range(50)) for _ in range(9)]
    for count, text in enumerate(texts):
        assert place(text, count).opened
    assert place(texts[0], 20).opened
    assert not place(texts[8], 21).opened


def test_another_seed_meets_in_other_tokens() -> None:
    """Nobody outside can compute which texts would meet."""
    from antiphon.campaign.fingerprint import fingerprint
    from antiphon.formats.message import parse_message

    message = parse_message(mail())
    one, other = (fingerprint(message, seed=seed) for seed in (b"one seed", b"other seed"))
    assert not set(one.tokens) & set(other.tokens)
    assert one.sketch != other.sketch


def test_a_gap_is_measured_in_days_of_arrival() -> None:
    """An old message that arrives late joins the wave it belongs to."""
    stream = Stream()
    first = stream.add(mail(), at=10 * 24)
    assert stream.add(mail(), at=0).campaign.id == first.campaign.id
    assert first.campaign.last_at - DAY < hour(10 * 24)
