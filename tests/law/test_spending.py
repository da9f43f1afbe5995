"""The inequality as a machine: any interleaving of reports, windows, spends, crashes and two workers."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from antiphon.errors import AlreadyTaken, RefusedByLaw
from antiphon.ledger.allowance import Act, Armed, Permit, Side, spend
from antiphon.terms import DAY, HOUR, Digest, Identifier, Instant
from tests.unit.ledger.test_allowance import NOW, coin, question


class DurableTill:
    """What survives a crash: taken keys and appended intents, all of one spend or nothing."""

    def __init__(self) -> None:
        self.taken: dict[tuple[Side, Digest], int] = {}
        self.intents = 0
        self._pending: dict[tuple[Side, Digest], int] = {}

    def take(self, side: Side, key: Digest, intent: int) -> None:
        if (side, key) in self.taken or (side, key) in self._pending:
            raise AlreadyTaken("spent")
        self._pending[side, key] = intent

    def append(self) -> int:
        self._pending = {}
        return self.intents

    def commit(self) -> None:
        self.taken |= self._pending
        self.intents += 1
        self._pending = {}

    def roll_back(self) -> None:
        self._pending = {}


class Spending(RuleBasedStateMachine):
    """Sightings come, members revoke, workers race and crash; the destination counts."""

    def __init__(self) -> None:
        super().__init__()
        self.till = DurableTill()
        self.now = NOW
        self.armed = Armed.COMMUNITY
        self.sightings: list[dict[str, object]] = []
        self.permits: list[Permit] = []
        self.attempts = 0
        self.inside = 0

    @rule(after=st.booleans(), clicked=st.booleans())
    def report(self, after: bool, clicked: bool) -> None:
        """A mail was reported, inside or after its member's window."""
        number = len(self.sightings)
        self.sightings.append(
            {
                "report": Identifier(number.to_bytes(16, "big")),
                "keys": (Digest(number.to_bytes(32, "big")),),
                "received_at": self.now,
                "hold_until": Instant(self.now + 30 * HOUR),
                "after_window": after,
                "clicked": clicked,
                "index": number,
            }
        )

    @rule(number=st.integers(0, 50), field=st.sampled_from(["mandate_live", "has_token"]))
    def revoke(self, number: int, field: str) -> None:
        """A member takes a consent back."""
        if self.sightings:
            self.sightings[number % len(self.sightings)][field] = False

    @rule(hours=st.integers(1, 60 * 24))
    def time_passes(self, hours: int) -> None:
        """The clock jumps."""
        self.now = Instant(self.now + hours * HOUR)

    @rule(level=st.sampled_from(sorted(Armed)))
    def arm(self, level: Armed) -> None:
        """A person arms or disarms."""
        self.armed = level

    @rule(number=st.integers(0, 50), crash=st.sampled_from(["none", "before-commit", "before-socket", "after-socket"]))
    def attempt(self, number: int, crash: str) -> None:
        """A worker tries to make one request and may crash anywhere; nothing is ever sent again on its behalf."""
        if not self.sightings:
            return
        chosen = self.sightings[number % len(self.sightings)]
        asked = question(
            Act.REQUEST, now=self.now, armed=self.armed, published_size=len(self.sightings), coins=(coin(**chosen),)
        )
        try:
            permit = spend(asked, self.till)
        except (RefusedByLaw, AlreadyTaken):
            self.till.roll_back()
            return
        if crash == "before-commit":
            self.till.roll_back()
            return
        self.till.commit()
        if crash == "before-socket":
            return
        permit.open_once(self.till.intents)
        self.attempts += 1
        self.inside += not chosen["after_window"]
        assert self.armed is Armed.COMMUNITY
        assert chosen.get("mandate_live", True)
        assert chosen.get("has_token", True)
        assert self.now - int(str(chosen["received_at"])) <= 30 * DAY

    @invariant()
    def attempts_never_exceed_intents_nor_intents_sightings(self) -> None:
        """LAW §2."""
        assert self.attempts <= self.till.intents <= len(self.till.taken) <= len(self.sightings)

    @invariant()
    def nothing_inside_a_window(self) -> None:
        """A sighting inside the window buys nothing."""
        assert self.inside == 0


TestSpending = Spending.TestCase
TestSpending.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
