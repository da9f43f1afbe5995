"""Each rule of the law switched off once: a desk that asks for anything gets a permit, and the world sees an offence.

With its rule in place every one of these attempts is refused, by that rule alone. What stands behind a second fence is
named in `FENCED`: there the rule taken out is not enough.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from antiphon.errors import AlreadyTaken, AnchorLost, MalformedInput, RefusedByLaw
from antiphon.ledger import allowance
from tests.law.careless import attempt, complaint, notice, opt_out, request
from tests.law.scenes import OPEN, SCENES, at


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Every node of a test ends with it."""
    yield
    while OPEN:
        OPEN.pop().close()


FENCED: dict[str, type[BaseException]] = {
    "anchor-agrees": AnchorLost,
    "paid": MalformedInput,
    "distinct": MalformedInput,
    "unspent": AlreadyTaken,
}
"""What refuses where the rule alone is gone: the anchor is not written over, an intent without a leaf, or with one
twice, has no encoding, and a spend key is unique in the store."""


def test_every_rule_has_a_scene() -> None:
    """No rule stands in the table that nobody switched off."""
    assert {rule.name for rule in allowance.RULES} == set(SCENES)


def test_the_lawful_ones_leave() -> None:
    """A request, an own opt-out, a notice and a complaint of these scenes, with nothing changed, are no offence."""
    for stage, wanted in (("requesting", request), ("opting-out", opt_out), ("proposed", notice), ("deaf", complaint)):
        node = at(stage)
        attempt(node, wanted(node))
        node.check()
        assert len(node.tally.attempts) >= 1


@pytest.mark.parametrize("name", SCENES)
def test_a_rule_refuses_alone_and_without_it_the_world_sees_an_offence(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted at a stranger, beyond what was said, or against what people decided."""
    node, wanted = SCENES[name]()
    node.check()
    with pytest.raises(RefusedByLaw) as refused:
        attempt(node, wanted)
    assert refused.value.rules == (name,)
    monkeypatch.setattr(allowance, "RULES", tuple(rule for rule in allowance.RULES if rule.name != name))
    if name in FENCED:
        with pytest.raises(FENCED[name]):
            attempt(node, wanted)
        return
    attempt(node, wanted)
    assert node.tally.offences
