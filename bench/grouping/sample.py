"""The blind sample: joined pairs drawn by seed, shown to a judge without the reason, kept by digest only.

    python -m bench.grouping.sample show --from 0 --to 40      the pairs, on the terminal only
    python -m bench.grouping.sample judge yyu yyy nnn ...      their answers, in the order shown, from --from on

A pair is drawn by the digests of its two messages under a key, never by its place, so that most of a sample stays the
same when the engine changes, and judgements stay good.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Any

from antiphon.campaign.stream import arrived_at
from antiphon.campaign.visible import html, plain
from antiphon.formats.message import decode, parse_message
from bench.grouping import corpora, ours
from bench.grouping.gold import Mail
from bench.grouping.pairs import Share
from bench.grouping.reading import landing, read

DRAWN = 800
MOST_OF_ONE = 10
"""Pairs drawn of one campaign: a thousand copies of one message tell no more than ten."""
KEY = b"blind sample 1"
KEPT = Path(__file__).with_name("judgements.csv")
HEAD = ("one", "other", "offer", "template", "sender", "verdict", "judge", "on")
_WORDS = {"y": "yes", "n": "no", "u": "unclear"}


@dataclass(frozen=True, slots=True)
class Pair:
    """Two messages of one campaign, in the order in which they are shown, and whether their masked text differs."""

    one: Mail
    other: Mail
    hard: bool

    @property
    def digests(self) -> tuple[str, str]:
        """Their SHA-256, the smaller first."""
        first, second = sorted((sha256(self.one.raw).hexdigest(), sha256(self.other.raw).hexdigest()))
        return first, second


def draw(streams: Sequence[tuple[Sequence[Mail], Sequence[str | None]]], count: int = DRAWN) -> list[Pair]:
    """`count` pairs of joined messages: half among those whose masked text differs, half among all joins.

    A join is a message and one other of its campaign, chosen by key; of one campaign at most MOST_OF_ONE are drawn.
    """
    every: list[tuple[bytes, Hashable, Pair]] = []
    hard: list[tuple[bytes, Hashable, Pair]] = []
    for mails, labels in streams:
        digests = [sha256(mail.raw).digest() for mail in mails]
        masked = [read(mail.raw).masked for mail in mails]
        for at, group in _joins(labels):
            differing = [other for other in group if masked[other] != masked[at]]
            for kind, others in ((every, group), (hard, differing)):
                found = [(_rank(digests[at], digests[o]), o) for o in others if digests[o] != digests[at]]
                if found:
                    rank, other = min(found)
                    kind.append((rank, labels[at], Pair(mails[at], mails[other], masked[at] != masked[other])))
    drawn: dict[tuple[str, str], Pair] = {}
    taken: dict[Hashable, int] = defaultdict(int)
    for kind, most in ((hard, count // 2), (every, count), (hard, count)):
        for _, campaign, pair in sorted(kind, key=lambda one: one[0]):
            if len(drawn) < most and pair.digests not in drawn and taken[campaign] < MOST_OF_ONE:
                taken[campaign] += 1
                drawn[pair.digests] = pair
    return sorted(drawn.values(), key=lambda pair: blake2b("".join(pair.digests).encode(), key=KEY).digest())


def _joins(labels: Sequence[str | None]) -> Iterator[tuple[int, list[int]]]:
    """Each message with all of its campaign."""
    members: dict[str, list[int]] = defaultdict(list)
    for at, label in enumerate(labels):
        if label is not None:
            members[label].append(at)
    for group in members.values():
        yield from ((at, group) for at in group)


def _rank(one: bytes, other: bytes) -> bytes:
    return blake2b(one + other, key=KEY, digest_size=12).digest()


def verdict(offer: str, template: str, sender: str) -> str:
    """What follows from the three answers, by the rubric."""
    if "yes" in (offer, template) and sender != "no":
        return "right"
    return "wrong" if offer == template == "no" or sender == "no" else "unclear"


def judgements(kept: Path = KEPT) -> dict[tuple[str, str], dict[str, str]]:
    """All that were made, by the digests of the pair; the last one of a pair holds."""
    if not kept.exists():
        return {}
    with kept.open(encoding="utf-8", newline="") as lines:
        return {(row["one"], row["other"]): row for row in csv.DictReader(lines)}


def judged(pairs: Sequence[Pair], known: dict[tuple[str, str], dict[str, str]]) -> dict[str, Any]:
    """What the judgements say of these pairs; *unclear* counts as wrong."""
    rows = [(pair, known[pair.digests]) for pair in pairs if pair.digests in known]

    def share(rows: list[tuple[Pair, dict[str, str]]], field: str, word: str) -> Share:
        return Share(sum(row[field] == word for _, row in rows), len(rows))

    return {
        "drawn": len(pairs),
        "right": share(rows, "verdict", "right"),
        "hard": share([row for row in rows if row[0].hard], "verdict", "right"),
        **{field: share(rows, field, "yes") for field in ("offer", "template", "sender")},
    }


def joined() -> list[tuple[Sequence[Mail], Sequence[str | None]]]:
    """The development corpora as the engine groups them now."""
    found = []
    for name in corpora.DEVELOPMENT:
        mails = corpora.read_folder(name)
        found.append((mails, ours.placed(ours.evidence_of(mails), mails)))
    return found


def shown(mail: Mail, most: int) -> str:
    """A message for the judge; it goes to the terminal and nowhere else."""
    message = parse_message(mail.raw)
    texts, links, files = [], dict[str, None](), []
    pages = [part for part in message.parts() if part.content_type.startswith("text/") and not part.filename]
    for part in message.parts():
        if part not in pages:
            files.append(f"{part.content_type} {len(part.payload)}")
    chosen = [part for part in pages if part.content_type == "text/html"] or pages
    for part in chosen:
        seen = (html if part.content_type == "text/html" else plain)(decode(part.payload, part.charset))
        texts.append(seen.text)
        links.update(dict.fromkeys(domain for link in seen.links if (domain := landing(link))))
    fields = {name: "".join(f.text for f in message.all(name)[:1])[:90] for name in ("from", "subject")}
    at = arrived_at(message)
    day = datetime.fromtimestamp(at / 1e6, UTC).strftime("%Y-%m-%d") if at else "?"
    return (
        f"{day} | {fields['from']} | {fields['subject']}\n"
        f"   links {' '.join(list(links)[:5])} | files {'; '.join(files[:4])}\n"
        f"   {' '.join(texts)[:most]}"
    )


def main() -> None:
    """Shows pairs to a judge, or keeps the answers."""
    parser = argparse.ArgumentParser(description="The blind sample of joined pairs.")
    parser.add_argument("act", choices=["show", "judge"])
    parser.add_argument("answers", nargs="*", help="three letters a pair, of y, n, u: offer, template, sender")
    parser.add_argument("--from", dest="first", type=int, default=0)
    parser.add_argument("--to", type=int, default=40)
    parser.add_argument("--most", type=int, default=320, help="characters shown of a text")
    parser.add_argument("--judge", default="1", help="who judges: a number, not a name")
    asked = parser.parse_args()
    known = judgements()
    pairs = [pair for pair in draw(joined()) if pair.digests not in known]
    if asked.act == "show":
        for number, pair in enumerate(pairs[asked.first : asked.to], asked.first):
            print(f"--- {number}\nA  {shown(pair.one, asked.most)}\nB  {shown(pair.other, asked.most)}")
        return
    _keep(list(zip(pairs[asked.first :], asked.answers, strict=False)), asked.judge)


def _keep(answers: Sequence[tuple[Pair, str]], judge: str) -> None:
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    fresh = not KEPT.exists()
    with KEPT.open("a", encoding="utf-8", newline="") as lines:
        table = csv.writer(lines, lineterminator="\n")
        if fresh:
            table.writerow(HEAD)
        for pair, answer in answers:
            words = [_WORDS[letter] for letter in answer]
            table.writerow([*pair.digests, *words, verdict(*words), judge, today])


if __name__ == "__main__":
    main()
