"""One run: every section within the time that is left, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bench.grouping import (
    adversary,
    corpora,
    cost,
    daemons,
    gold,
    machine,
    mailboxes,
    ours,
    peers,
    sample,
    scale,
    silver,
    streams,
    survival,
)
from bench.grouping.pairs import Score, Share, judge
from bench.grouping.reading import Read, read

SEED = 20261125
SHUFFLES = 5
RSPAMD = "rspamd, own fuzzy storage"


@dataclass(frozen=True, slots=True)
class Size:
    """How much a run does; `seconds` is its time limit: a section that would begin later is left out and named."""

    seconds: int
    copies: int
    pairs: int
    most: int | None
    campaigns: tuple[int, ...]
    kept: tuple[int, ...]
    timed: int
    framed: int


FULL = Size(
    seconds=3_600,
    copies=4,
    pairs=8,
    most=None,
    campaigns=(10_000, 100_000, 1_000_000),
    kept=(10_000, 100_000),
    timed=2_000,
    framed=200,
)
QUICK = Size(seconds=600, copies=1, pairs=2, most=600, campaigns=(10_000,), kept=(2_000,), timed=200, framed=20)


@dataclass
class Results:
    """What the page is made of; a section that was left out is not in `found`."""

    size: Size
    quick: bool
    keep: Callable[[Results], object]
    machine: dict[str, str] = field(default_factory=machine.facts)
    started: float = field(default_factory=time.monotonic)
    found: dict[str, Any] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def told(self, what: str) -> None:
        """One line of progress."""
        print(f"{time.monotonic() - self.started:7.0f} s  {what}", flush=True)

    def section(self, name: str, make: Callable[[], Any]) -> None:
        """One section, if its time has not run out; what was found so far is kept by `keep`."""
        if time.monotonic() - self.started > self.size.seconds:
            self.left_out[name] = f"the limit of {self.size.seconds} s had passed"
            return
        self.told(name)
        begun = time.monotonic()
        self.found[name] = make()
        self.seconds[name] = time.monotonic() - begun
        self.keep(self)


def run(size: Size, *, quick: bool, keep: Callable[[Results], object]) -> Results:
    """All sections, what the goals need first; `keep` is called after each."""
    results = Results(size, quick, keep)
    results.section("gold", lambda: _gold(size, results.told))
    if corpora.root() is None:
        results.left_out["real mail"] = "ANTIPHON_CORPORA names no folder"
    else:
        _on_real_mail(size, results)
    results.section("cost", lambda: cost.measure(_timed(size), results.told))
    results.section("framings", lambda: adversary.framings(SEED, size.framed))
    results.section("survival", lambda: survival.curves(SEED + 1, size.copies, results.told))
    results.section("welds", lambda: adversary.welds(SEED))
    results.section("led", lambda: mailboxes.led(SEED))
    results.section("fuzzy", lambda: _fuzzy(size))
    results.section("kept", lambda: scale.measure_kept(size.kept, results.told))
    results.section("scale", lambda: scale.measure(size.campaigns, results.told))
    keep(results)
    return results


def _gold(size: Size, told: Callable[[str], None]) -> dict[str, Any]:
    mails = gold.stream(SEED, copies=size.copies, pairs=size.pairs)
    reads = [read(mail.raw) for mail in mails]
    truth, masked = [mail.truth for mail in mails], [r.masked for r in reads]
    found = ours.evidence_of(mails)
    labels = silver.lone(ours.placed(found, mails))
    scores: dict[str, Score] = {"ours": judge(labels, truth, masked)}
    apart = {"ours": gold.mixed(mails, labels)}
    dealt = silver.lone(ours.placed(found, mails, hands=ours.of_ten(len(mails))))
    scores[ours.TEN], apart[ours.TEN] = judge(dealt, truth, masked), gold.mixed(mails, dealt)
    for name, (package, group) in peers.PEERS.items():
        if peers.version(package) is not None:
            told(f"gold: {name}")
            theirs = group(mails, reads)
            scores[name], apart[name] = judge(theirs, truth, masked), gold.mixed(mails, theirs)
    told("gold: shuffles")
    return {
        "messages": len(mails),
        "campaigns": len(set(truth)),
        "scores": scores,
        "apart": apart,
        "order": streams.order(mails, found, SHUFFLES, SEED),
    }


def _fuzzy(size: Size) -> dict[str, Any] | None:
    """rspamd's own fuzzy storage on the gold set; None where it can not be run."""
    mails = gold.stream(SEED, copies=size.copies, pairs=size.pairs)
    labels = daemons.fuzzy_labels([mail.raw for mail in mails])
    if labels is None:
        return None
    masked = [read(mail.raw).masked for mail in mails]
    return {"score": judge(labels, [mail.truth for mail in mails], masked), "apart": gold.mixed(mails, labels)}


def _on_real_mail(size: Size, results: Results) -> None:
    ham_mails = [corpora.read_folder(name, size.most) for name in corpora.HAM]
    spam_mails = {name: corpora.read_folder(name, size.most) for name in corpora.DEVELOPMENT}
    results.told("real mail is read")
    ham: list[Read] = [read(mail.raw) for mails in ham_mails for mail in mails]
    for name, mails in spam_mails.items():
        results.section(
            f"silver {name}",
            lambda name=name, mails=mails: silver.measure(
                name, mails, [read(m.raw) for m in mails], ham=ham, told=results.told
            ),
        )
    kept = [results.found[key] for key in results.found if key.startswith("silver ")]
    if kept:
        hard = [corpus.left_out.hard for corpus in kept]
        results.found["left_out"] = Share(sum(share.hits for share in hard), sum(share.of for share in hard))
        joined = [(spam_mails[corpus.corpus], corpus.labels) for corpus in kept]
        results.section("judged", lambda: sample.judged(sample.draw(joined), sample.judgements()))
    results.section("streams", lambda: _streams([*spam_mails.values()], ham_mails, results.told))
    results.section("addressees", lambda: _addressees(spam_mails))


def _streams(spam: list[list[gold.Mail]], ham: list[list[gold.Mail]], told: Callable[[str], None]) -> dict[str, Any]:
    mails = corpora.in_time(*spam, *ham)
    found = ours.evidence_of(mails)
    labels = ours.placed(found, mails)
    told("order: shuffles")
    return {
        "messages": len(mails),
        "ham": streams.ham_among(mails, labels),
        "order": streams.order(mails, found, SHUFFLES, SEED),
    }


def _addressees(spam: dict[str, list[gold.Mail]]) -> list[streams.Addressees]:
    orphans = corpora.read_folder(corpora.ORPHANS)
    forged = [mail for mails in spam.values() for mail in mails if streams.names_no_scheme(mail)]
    return [
        streams.addressees("orphaned one-click headers (relayed by a list)", orphans),
        streams.addressees("List-Unsubscribe values without a scheme", forged),
    ]


def _timed(size: Size) -> list[bytes]:
    """The messages that cost is measured on: real ones where there are any, else made-up ones."""
    real = [mail for name in corpora.DEVELOPMENT for mail in corpora.read_folder(name, size.timed // 2)]
    return [mail.raw for mail in real or gold.stream(SEED, copies=1, pairs=2)][: size.timed]
