"""After the hold: where a channel really leads. Look-ups only of DNS and RDAP, never of the URL (LAW §4, §5)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from antiphon.desk.desk import Desk
from antiphon.desk.history import tell
from antiphon.desk.question import Destination
from antiphon.errors import Unreachable
from antiphon.formats.domain import organisational_domain, parse_domain
from antiphon.formats.publicness import is_public
from antiphon.ledger.entry import ChannelKind
from antiphon.optout.case import Case
from antiphon.optout.channel import chain_allowed
from antiphon.optout.destination import Pair, PairState, prefix_of
from antiphon.ports import Answer, Questions, Transaction
from antiphon.terms import Domain

STOP_WORDS = frozenset({"v=antiphon1; stop", "v=antiphon1;stop"})


@dataclass(frozen=True, slots=True)
class Stop:
    """What `_antiphon.<host>` says: `absent` lets an attempt pass, `stopped` ends the case, else we wait."""

    absent: bool
    stopped: bool


async def ask_stop(desk: Desk, host: str, questions: Questions | None = None) -> Stop:
    """One DNS look-up before each attempt; no answer and a malformed record both mean wait."""
    answer = await desk.resolver.ask(f"_antiphon.{host}", "TXT", questions)
    words = {" ".join(value.split()) for value in answer.values}
    return Stop(absent=answer.status == "absent", stopped=answer.status == "found" and bool(words & STOP_WORDS))


async def resolve(desk: Desk, host: str, questions: Questions | None = None) -> tuple[str, Answer]:
    """The one public address that the attempt will be pinned to, and the answer; empty when there is none."""
    answer = Answer("absent", ())
    for kind in ("A", "AAAA"):
        answer = await desk.resolver.ask(host, kind, questions)
        if answer.status == "found":
            # One address that is not public spoils the name: a second answer could be the one that is dialled.
            public = all(is_public(value) for value in answer.values)
            return (sorted(answer.values)[0] if public and answer.values else ""), answer
    return "", answer


async def pair_state(desk: Desk, case: Case, host: str, address: str, *, questions: Questions) -> PairState:
    """What a person decided about this domain at this network; a new pair is held, with what they need to see."""
    domain, prefix = organisational_domain(parse_domain(host)), prefix_of(address)
    known = await desk.store.read(lambda tx: tx.get(Pair, domain, prefix))
    if known is not None:
        return known.state
    ptr = await desk.resolver.ask(address, "PTR", questions)
    try:
        holder = await desk.registrar.holder(address)
    except Unreachable:
        holder = ""
    pair = Pair(
        domain=domain,
        prefix=prefix,
        pair=desk.chance.draw(6).hex(),
        state=PairState.HELD,
        address=address,
        host=host,
        ptr=", ".join(ptr.values),
        holder=holder,
        case=case.case,
        why="",
        changed_at=desk.clock.now(),
    )

    def work(tx: Transaction) -> None:
        if tx.get(Pair, domain, prefix) is None:
            tx.add(pair)
            tell(tx, case.case, pair.changed_at, who="node", what=f"{host} at {prefix} waits for a person", why="new")

    await desk.store.write(work)
    return PairState.HELD


async def locate(
    desk: Desk, case: Case, seen: Destination, *, clicked: bool = False, anywhere: bool = False
) -> tuple[Destination, Stop]:
    """Everything about a destination that was foreseen, looked up in the order in which it may be refused, with the
    questions that one message has. `seen.host` is the name whose owner is asked: of the URL, or of the mail address.
    `clicked`: a member who was shown the URL approved it and whatever pair it has, for itself, unless a person refused
    that pair (LAW §4). `anywhere`: no originator named this place, and its mail may be taken wherever it says."""
    host, questions = seen.host, Questions()
    stop = await ask_stop(desk, host, questions)
    exchanger = host if seen.kind is ChannelKind.ONE_CLICK else await exchanger_of(desk, host, questions)
    address, answer = await resolve(desk, exchanger, questions) if exchanger else ("", Answer("absent", ()))
    chain = tuple(Domain(name) for name in (*answer.chain, exchanger) if name != host)
    inside = bool(address) and (anywhere or chain_allowed(chain, host, case.domain, desk.rules.providers))
    enough = (PairState.ALLOWED, PairState.HELD) if clicked else (PairState.ALLOWED,)
    allowed = inside and await pair_state(desk, case, exchanger, address, questions=questions) in enough
    to = replace(
        seen,
        address=address,
        prefix=prefix_of(address) if address else "",
        usable=seen.usable and inside,
        pair_allowed=allowed,
        no_stop_published=stop.absent,
        exchanger=exchanger,
    )
    return to, stop


async def exchanger_of(desk: Desk, domain: str, questions: Questions) -> str:
    """The preferred mail exchanger; the domain itself without MX; none for a null MX (RFC 7505 §3)."""
    answer = await desk.resolver.ask(domain, "MX", questions)
    if answer.status == "absent":
        return domain
    ranked = sorted((int(p), name) for p, _, name in (v.partition(" ") for v in answer.values) if p.isdigit())
    return ranked[0][1].rstrip(".").lower() if ranked else ""
