"""The law's table: each rule is needed, and a permit is made in one way only."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from antiphon.errors import AlreadyTaken, RefusedByLaw
from antiphon.ledger import allowance
from antiphon.ledger.allowance import CLICKED, Act, Armed, Coin, Permit, Question, Side, judge, spend
from antiphon.terms import DAY, HOUR, Digest, Identifier, Instant

NOW = Instant(20_000 * DAY)
KEY = Digest(bytes(32))


def coin(**changes: object) -> Coin:
    """A sighting that could pay for a request."""
    good = Coin(
        report=Identifier(bytes(16)),
        member=Identifier(b"m" * 16),
        index=3,
        received_at=Instant(NOW - 2 * DAY),
        hold_until=Instant(NOW - HOUR),
        size=20_000,
        spendable_class=True,
        clicked=False,
        retracted=False,
        spared=False,
        retired=False,
        mandate_live=True,
        has_token=True,
        may_complain=True,
        consents_to_opt_out=True,
        asked=True,
        after_window=True,
        waiting=False,
        tries=0,
        last_try_at=None,
        spent=False,
        keys=(KEY,),
        to_signed=True,
    )
    return replace(good, **changes)  # type: ignore[arg-type]  # a test names the field it changes


def question(act: Act = Act.REQUEST, **changes: object) -> Question:
    """A lawful question for this act."""
    asked = act in (Act.REQUEST, Act.CLICKED_REQUEST)
    clicked = act in (Act.CLICKED_REQUEST, Act.CLICKED_OPT_OUT)
    good = Question(
        act=act,
        now=NOW,
        armed=Armed.COMMUNITY,
        one_click=True,
        published_size=10,
        anchor_agrees=True,
        halted=False,
        case_allows=True,
        same_case=True,
        accountable=True,
        channel_usable=True,
        pair_allowed=True,
        no_stop_published=True,
        approved=True,
        pace_allows=True,
        named_stand=True,
        click_names=True,
        mail_spaced=True,
        quorum=True,
        reserve=12_288,
        coins=(coin(asked=asked, clicked=clicked),),
    )
    return replace(good, **changes)  # type: ignore[arg-type]  # as above


class Till:
    """Purses in memory."""

    def __init__(self) -> None:
        self.taken: set[tuple[Side, Digest]] = set()
        self.entries = 0

    def take(self, side: Side, key: Digest, intent: int) -> None:
        if (side, key) in self.taken:
            raise AlreadyTaken("spent")
        self.taken.add((side, key))

    def append(self) -> int:
        self.entries += 1
        return self.entries - 1


BREACHES: dict[str, tuple[Act, dict[str, object], dict[str, object]]] = {
    "armed": (Act.REQUEST, {"armed": Armed.OWN}, {}),
    "not-halted": (Act.REQUEST, {"halted": True}, {}),
    "anchor-agrees": (Act.REQUEST, {"anchor_agrees": False}, {}),
    "case-allows": (Act.REQUEST, {"case_allows": False}, {}),
    "accountable": (Act.REQUEST, {"accountable": False}, {}),
    "channel-usable": (Act.REQUEST, {"channel_usable": False}, {}),
    "pair-allowed": (Act.REQUEST, {"pair_allowed": False}, {}),
    "no-stop-published": (Act.REQUEST, {"no_stop_published": False}, {}),
    "approved": (Act.REQUEST, {"approved": False}, {}),
    "named-stand": (Act.NOTICE, {"named_stand": False}, {}),
    "quorum": (Act.NOTICE, {"quorum": False}, {}),
    "mail-spaced": (Act.REQUEST, {"mail_spaced": False}, {}),
    "to-signed": (Act.CLICKED_REQUEST, {}, {"to_signed": False}),
    "paid": (Act.REQUEST, {"coins": (), "reserve": 0}, {}),
    "same-case": (Act.REQUEST, {"same_case": False}, {}),
    "distinct": (Act.REQUEST, {"coins": (coin(), coin())}, {}),
    "covered": (Act.REQUEST, {"reserve": 20_001}, {}),
    "one-member": (
        Act.OWN_OPT_OUT,
        {"coins": (coin(asked=False), coin(asked=False, member=Identifier(b"n" * 16), keys=(Digest(b"k" * 32),)))},
        {},
    ),
    "mandate-live": (Act.REQUEST, {}, {"mandate_live": False}),
    "may-identify": (Act.REQUEST, {}, {"has_token": False}),
    "may-complain": (Act.COMPLAINT, {}, {"may_complain": False}),
    "class-allows": (Act.REQUEST, {}, {"spendable_class": False}),
    "clicked": (Act.CLICKED_REQUEST, {}, {"clicked": False}),
    "consented": (Act.OWN_OPT_OUT, {}, {"consents_to_opt_out": False}),
    "committed": (Act.REQUEST, {}, {"index": 10}),
    "hold-over": (Act.REQUEST, {}, {"hold_until": Instant(NOW + 1)}),
    "fresh": (Act.REQUEST, {}, {"received_at": Instant(NOW - 30 * DAY - 1)}),
    "not-retracted": (Act.REQUEST, {}, {"retracted": True}),
    "not-spared": (Act.REQUEST, {}, {"spared": True}),
    "not-retired": (Act.REQUEST, {}, {"retired": True}),
    "unspent": (Act.REQUEST, {}, {"spent": True}),
    "not-asked-for": (Act.NOTICE, {}, {"asked": True}),
    "none-waiting": (Act.NOTICE, {}, {"waiting": True}),
    "tries-left": (Act.OWN_OPT_OUT, {}, {"tries": 3}),
    "tries-apart": (Act.OWN_OPT_OUT, {}, {"last_try_at": Instant(NOW - DAY + 1)}),
    "window-over": (Act.REQUEST, {}, {"after_window": False}),
    "pace": (Act.REQUEST, {"pace_allows": False}, {}),
}


def breach(name: str) -> Question:
    """A question that breaks exactly one rule."""
    act, of_question, of_coin = BREACHES[name]
    asked = question(act, **of_question)
    return replace(asked, coins=tuple(replace(c, **of_coin) for c in asked.coins)) if of_coin else asked  # type: ignore[arg-type]  # as above


def test_a_click_does_not_name_a_member_in_a_feedback_report() -> None:
    """It carries the originator's identifiers: that needs the consent *token*, whoever clicked (LAW §6)."""
    for act in CLICKED:
        asked = question(act)
        unnamed = replace(asked, coins=tuple(replace(c, has_token=False) for c in asked.coins))
        assert judge(unnamed) == ()
        assert [rule.name for rule in judge(replace(unnamed, click_names=False))] == ["may-identify"]
        assert judge(replace(asked, click_names=False)) == ()


def test_every_rule_has_a_breach() -> None:
    """No rule stands in the table that no test breaks."""
    assert {rule.name for rule in allowance.RULES} == set(BREACHES)


OWN_OPT_OUTS = {Act.OWN_OPT_OUT, Act.CLICKED_OPT_OUT}
ASKING = set(Act) - {Act.COMPLAINT}
BINDS = {
    "accountable": ASKING,
    "may-identify": ASKING,
    "may-complain": {Act.COMPLAINT},
    "approved": {Act.NOTICE, Act.REQUEST},
    "named-stand": {Act.NOTICE},
    "quorum": {Act.NOTICE},
    "one-member": OWN_OPT_OUTS,
    "to-signed": set(Act) - {Act.CLICKED_OPT_OUT},
    "clicked": {Act.CLICKED_OPT_OUT, Act.CLICKED_REQUEST},
    "consented": {Act.OWN_OPT_OUT},
    "not-asked-for": {Act.NOTICE, *OWN_OPT_OUTS},
    "none-waiting": {Act.NOTICE, *OWN_OPT_OUTS},
    "tries-left": OWN_OPT_OUTS,
    "tries-apart": OWN_OPT_OUTS,
    "window-over": {Act.REQUEST, Act.CLICKED_REQUEST},
    "mail-spaced": {Act.REQUEST, Act.CLICKED_REQUEST, *OWN_OPT_OUTS},
}
"""The rules that do not bind every act, as LAW §4 to §6 have it."""


def test_each_rule_binds_the_acts_that_the_law_names() -> None:
    """A clicked request stands in its member's window like any other; only what one act alone needs spares the rest."""
    assert {rule.name: rule.acts for rule in allowance.RULES} == {
        rule.name: BINDS.get(rule.name, set(Act)) for rule in allowance.RULES
    }


@pytest.mark.parametrize("act", Act)
def test_a_lawful_question_passes(act: Act) -> None:
    """Nothing fails where everything is as it should be."""
    assert judge(question(act)) == ()


@pytest.mark.parametrize("name", BREACHES)
def test_a_rule_refuses_its_breach_and_without_it_the_breach_passes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each rule alone stands between its breach and a permit."""
    asked = breach(name)
    assert [rule.name for rule in judge(asked)] == [name]
    with pytest.raises(RefusedByLaw) as refused:
        spend(asked, Till())
    assert refused.value.rules == (name,)
    monkeypatch.setattr(allowance, "RULES", tuple(rule for rule in allowance.RULES if rule.name != name))
    assert judge(asked) == ()


def test_all_failed_rules_are_named_the_deciding_one_first() -> None:
    """A refusal lists everything, in the order of the table."""
    asked = question(armed=Armed.OBSERVING, pace_allows=False, coins=(coin(spent=True),))
    assert [rule.name for rule in judge(asked)] == ["armed", "unspent", "pace"]


def test_a_refused_spend_takes_nothing() -> None:
    """Before the law has said yes, no purse is touched and no intent written."""
    till = Till()
    with pytest.raises(RefusedByLaw):
        spend(question(halted=True), till)
    assert not till.taken
    assert till.entries == 0


def test_a_purse_is_spent_once() -> None:
    """The second spend of the same key fails, whoever is first."""
    till = Till()
    spend(question(), till)
    with pytest.raises(AlreadyTaken):
        spend(question(), till)


def test_a_permit_can_not_be_made_by_hand() -> None:
    """Only a spent purse makes one."""
    with pytest.raises(TypeError):
        Permit(object(), Act.REQUEST, 0, 0)


def test_a_permit_opens_one_socket_and_only_under_the_anchor() -> None:
    """No socket for an intent that the anchor does not hold, and none twice."""
    permit = spend(question(), Till())
    with pytest.raises(RefusedByLaw):
        permit.open_once(permit.intent)
    permit.open_once(permit.intent + 1)
    with pytest.raises(RefusedByLaw):
        permit.open_once(permit.intent + 1)


def test_own_opt_outs_by_one_click_need_the_lesser_arming() -> None:
    """`arm own` lets out one-click own opt-outs and clicked requests, and nothing else."""
    for act in (Act.OWN_OPT_OUT, Act.CLICKED_OPT_OUT, Act.CLICKED_REQUEST):
        assert judge(question(act, armed=Armed.OWN)) == ()
        assert [r.name for r in judge(question(act, armed=Armed.OWN, one_click=False))] == ["armed"]
    assert [r.name for r in judge(question(Act.NOTICE, armed=Armed.OWN))] == ["armed"]


def test_unknown_is_no() -> None:
    """Every boolean of a question that says what is so is refused when it is false."""
    for field in fields(Question):
        if field.type == "bool" and field.name not in ("one_click", "click_names", "halted"):
            act = Act.NOTICE if field.name in ("named_stand", "quorum") else Act.REQUEST
            asked = question(act, **{field.name: False})
            assert judge(asked), field.name


def test_the_measures_are_those_of_the_law() -> None:
    """12 KiB for one click, 8 KiB beside a mail, 30 days (LAW §2, §3); to observe is the least."""
    assert (allowance.ONE_CLICK_RESERVE, allowance.MAIL_OVERHEAD, allowance.FRESH) == (12_288, 8_192, 30 * DAY)
    assert [int(level) for level in sorted(Armed)] == [0, 1, 2]
    assert sorted(Armed) == [Armed.OBSERVING, Armed.OWN, Armed.COMMUNITY]


def test_what_a_sighting_lacks_is_asked_of_the_sighting_alone() -> None:
    """`unfit` judges the rules about sightings that bind this act, and no other."""
    asked = question(
        armed=Armed.OBSERVING, pace_allows=False, coins=(coin(spent=True, tries=3, consents_to_opt_out=False),)
    )
    assert [rule.name for rule in allowance.unfit(asked)] == ["unspent"]
    assert allowance.unfit(question(halted=True)) == ()
    assert [r.name for r in allowance.unfit(question(Act.OWN_OPT_OUT, coins=(coin(asked=False, tries=3),)))] == [
        "tries-left"
    ]


@pytest.mark.parametrize("act", Act)
def test_a_complaint_takes_the_network_purse_and_all_else_the_other(act: Act) -> None:
    """The two purses of a sighting, each spent once."""
    till = Till()
    spend(question(act, coins=(coin(asked=act in (Act.REQUEST, Act.CLICKED_REQUEST), clicked=True),)), till)
    assert till.taken == {(Side.NETWORK if act is Act.COMPLAINT else Side.ORIGINATOR, KEY)}


def test_a_permit_says_what_it_is_for() -> None:
    """The act, the intent and the bytes that it may use."""
    permit = spend(question(reserve=15_000), Till())
    assert (permit.act, permit.intent, permit.reserve) == (Act.REQUEST, 0, 15_000)


@pytest.mark.parametrize("act", [Act.CLICKED_OPT_OUT, Act.CLICKED_REQUEST])
def test_a_click_stands_in_for_class_and_token_of_that_very_mail(act: Act) -> None:
    """An upload of a member with *count* only buys what it clicked, and nothing that was not clicked."""
    upload = coin(asked=act is Act.CLICKED_REQUEST, clicked=True, spendable_class=False, has_token=False)
    assert judge(question(act, coins=(upload,))) == ()
    unclicked = replace(upload, clicked=False)
    assert [r.name for r in judge(question(act, coins=(unclicked,)))] == ["may-identify", "class-allows", "clicked"]
    assert [r.name for r in judge(question(coins=(replace(upload, asked=True),)))] == ["may-identify", "class-allows"]


def test_whoever_was_never_asked_for_has_no_window_that_could_be_over() -> None:
    """A request answers mail that came although its member was asked for."""
    for act in (Act.REQUEST, Act.CLICKED_REQUEST):
        unasked = replace(question(act).coins[0], asked=False, after_window=True)
        assert [r.name for r in judge(question(act, coins=(unasked,)))] == ["window-over"]


def test_a_leaf_that_waits_for_its_batch_pays_for_nothing() -> None:
    """It has no index yet."""
    assert [r.name for r in judge(question(coins=(coin(index=None),)))] == ["committed"]


def test_limits_are_met_at_the_limit() -> None:
    """Exactly covered, exactly 30 days old, exactly now, exactly 24 hours apart, the third try: lawful."""
    assert judge(question(reserve=20_000)) == ()
    for changes in ({"received_at": Instant(NOW - 30 * DAY)}, {"received_at": NOW}, {"hold_until": NOW}, {"index": 9}):
        assert judge(question(coins=(coin(**changes),))) == (), changes
    assert [r.name for r in judge(question(coins=(coin(received_at=Instant(NOW + 1)),)))] == ["fresh"]
    own = coin(asked=False, tries=2, last_try_at=Instant(NOW - DAY))
    assert judge(question(Act.OWN_OPT_OUT, coins=(own,))) == ()
