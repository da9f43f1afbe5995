"""D16: every mail of a world carries words that would give its member away, in every encoding that was ever seen. All
that leaves the node is looked through: what any host of the world was told, every name that DNS was asked, what is
published, and the log. What an originator issued itself goes back to it alone, for members who agreed."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from antiphon.drill.canaries import MARK, Canaries, Search, issued_in
from antiphon.world.demo import Demo, audit_of
from antiphon.world.party import TEMPERS
from antiphon.world.traffic import MEMBERS

CAST = ("deaf", "prompt", "compliant", "feedback", "unreachable", "hosted-acting", "hosted-ignoring", "hosted-phishing")
NAMED, UNNAMED = MEMBERS[:7], MEMBERS[7:]
"""Members who agree to all that others do, and those who agree to be counted and to nothing else."""
SHOWN = 10


@dataclass(frozen=True, slots=True)
class RedactionFigures:
    """`planted` words in `mails`; `messages` and their `bytes` that were looked through, `files` that were published.
    `recovered`: where something was found, and what. `unnamed_shown`: opt-out tokens of members who did not agree to
    that; `strayed`: Message-IDs of theirs, or with anybody but who issued them. The controls: tokens and Message-IDs of
    those who did, attempts that destinations counted, and complaints among the messages. `stuck`: why the days did not
    pass; what left until then was looked through all the same."""

    planted: int
    mails: int
    messages: int
    bytes: int
    files: int
    names_asked: int
    recovered: tuple[str, ...]
    unnamed_shown: int
    strayed: tuple[str, ...]
    tokens_shown: int
    issued_shown: int
    attempts: int
    complaints: int
    lawful: bool
    stuck: str = ""

    @property
    def holds(self) -> bool:
        """Nothing was found, of much, in much."""
        looked = min(self.planted, self.messages, self.files, self.names_asked) > 0
        shown = min(self.tokens_shown, self.issued_shown, self.attempts) > 0
        return (
            looked
            and shown
            and not (self.recovered or self.unnamed_shown or self.strayed)
            and self.lawful
            and not self.stuck
        )


async def redaction_drill(
    *, days: int, seed: int, node_command: Sequence[str], progress: Callable[[str], None]
) -> RedactionFigures:
    """One world of so many days; it ends early where the node ends by itself, or keeps time from passing."""
    folder, canaries = Path(tempfile.mkdtemp(prefix="antiphon-")), Canaries(seed)
    tempers = [temper for temper in TEMPERS if temper.name in CAST]
    demo = Demo(folder, seed=seed, days=days, node_command=node_command, tempers=tempers)
    try:
        demo.stage.planter, demo.network.heard = canaries, []
        demo.consents = dict.fromkeys(UNNAMED, "count")
        await demo.prepare()
        heard = demo.network.heard
        await demo.live(
            lambda day: progress(f"day {day} of {days}: {len(canaries.planted):,} planted, {len(heard)} heard")
        )
        await demo.finish()
        verdict = await audit_of(node_command, folder)
        return _looked_through(demo, canaries, lawful=bool(verdict["lawful"]))
    except RuntimeError as error:
        why = str(error).strip().splitlines()[-1]
        progress(why)
        return replace(_looked_through(demo, canaries, lawful=False), stuck=why)
    finally:
        await demo.close()
        shutil.rmtree(folder, ignore_errors=True)


def _looked_through(demo: Demo, canaries: Canaries, *, lawful: bool) -> RedactionFigures:
    heard = demo.network.heard or []
    files = [path for path in sorted((demo.child.home / "public").rglob("*")) if path.is_file()]
    search = Search((MARK, *MEMBERS), (*canaries.planted, *canaries.issued))
    said = [
        *((f"message {number}", each) for number, each in enumerate(heard)),
        ("DNS", b"\n".join(demo.network.names.asked)),
    ]
    said += [(path.name, path.read_bytes()) for path in (*files, demo.folder / "node.log")]
    recovered = [f"{place}: {form}" for place, each in said for form in search.found_in(each)]
    issued = [(each, word) for _, each in said for word in sorted(issued_in(each))]
    strayed = [word for each, word in issued if not _goes_back(each, *canaries.issued.get(word, ("", "")))]
    whole = b"\n".join(heard)
    tokens = [(token, member) for party in demo.parties for token, member in party.recipients.items()]
    shown = [member for token, member in tokens if token.encode() in whole]
    return RedactionFigures(
        planted=len(canaries.planted),
        mails=sum(len(party.mails) for party in demo.parties),
        messages=len(heard),
        bytes=len(whole),
        files=len(files),
        names_asked=len(demo.network.names.asked),
        recovered=tuple(recovered[:SHOWN]),
        unnamed_shown=_count(shown, UNNAMED),
        strayed=tuple(strayed[:SHOWN]),
        tokens_shown=_count(shown, NAMED),
        issued_shown=len({word for _, word in issued}),
        complaints=sum(b"message/feedback-report" in each and b"CFBL-" not in each for each in heard),
        attempts=sum(party.tally.connections for party in demo.parties),
        lawful=lawful,
    )


def _goes_back(said: bytes, member: str, domain: str) -> bool:
    """Whether a message is for the one domain that issued this, about a member who agreed."""
    recipients = said.partition(b"\r\n")[0].split()[1:]
    return member in NAMED and bool(recipients) and all(each.endswith(f"@{domain}".encode()) for each in recipients)


def _count(shown: Iterable[str], members: Sequence[str]) -> int:
    return sum(member in members for member in shown)
