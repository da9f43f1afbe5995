"""The page: docs/benchmarks/grouping.md, the survival table beside it, and the pictures. Counts and digests only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.grouping import plot
from bench.grouping.adversary import AGES
from bench.grouping.goals import Found, goals
from bench.grouping.operators import OPERATORS, STRENGTHS
from bench.grouping.pairs import Score, Share
from bench.grouping.run import RSPAMD, SEED, Results
from bench.grouping.survival import Curve

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "benchmarks"
_DRAWN = (
    "ours",
    "exact masked text",
    "Pyzor digest",
    "TLSH <= 30",
    "ssdeep >= 80",
    "ssdeep >= 40",
    "MinHash J >= .7, 3-word shingles",
)


def write(results: Results, folder: Path = FOLDER) -> Path:
    """Writes everything; returns the page."""
    folder.mkdir(parents=True, exist_ok=True)
    if "survival" in results.found:
        curves: dict[str, Curve] = results.found["survival"]
        (folder / "grouping-survival.csv").write_text("\n".join(_csv(curves)) + "\n", "utf-8")
        (folder / "grouping-survival.svg").write_text(_picture(curves), "utf-8")
    page = folder / "grouping.md"
    page.write_text("\n".join(_lines(results)) + "\n", "utf-8")
    return page


def _csv(curves: dict[str, Curve]) -> Iterator[str]:
    yield "method,operator,strength,survived,mutants"
    for name, curve in curves.items():
        for (operator, strength), share in curve.items():
            yield f'"{name}",{operator},{strength},{share.hits},{share.of}'


def _picture(curves: dict[str, Curve]) -> str:
    series = {
        name: {op.name: [curves[name][op.name, s].value for s in STRENGTHS] for op in OPERATORS}
        for name in _DRAWN
        if name in curves
    }
    return plot.panels(series, [str(s) for s in STRENGTHS], "Mutants that join the campaign of their seed, by strength")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A table of the page; the first column is text, the others are figures."""
    yield "| " + " | ".join(head) + " |"
    yield "|---|" + "--:|" * (len(head) - 1)
    yield from ("| " + " | ".join(row) + " |" for row in rows)
    yield ""


def figure(value: float | None) -> str:
    """A share with three places; a dash for a share of nothing."""
    return "-" if value is None else f"{value:.3f}"


def _bounded(share: Share) -> str:
    if share.value is None:
        return "-"
    low, high = share.bounds
    return f"{share.value:.4f} ({low:.4f}-{high:.4f})"


def _score(name: str, score: Score, more: Sequence[str] = ()) -> list[str]:
    return [
        name,
        _bounded(score.precision),
        figure(score.recall.value),
        figure(score.hard.value),
        figure(score.v),
        *more,
    ]


def _lines(results: Results) -> Iterator[str]:
    facts, found = results.machine, results.found
    yield "# Grouping, measured"
    yield ""
    yield "Made by `make bench-grouping`; do not edit. How it is made, and what the words mean, stands in"
    yield "[bench/grouping/README.md](../../bench/grouping/README.md)."
    yield ""
    if results.quick:
        yield "**A quick run: the figures are of a small part and say little.**"
        yield ""
    yield from table(
        ["this run", ""],
        [[name, value] for name, value in facts.items()] + [["seed", str(SEED)], ["time taken", _took(results)]],
    )
    if results.left_out:
        yield "Left out: " + "; ".join(f"{name} ({why})" for name, why in results.left_out.items()) + "."
        yield ""
    yield "## Goals"
    yield ""
    words = {True: "yes", False: "**no**", None: "not measured"}
    yield from table(
        ["goal", "asked", "measured", "met"], [[g.name, g.asked, g.measured, words[g.met]] for g in goals(found)]
    )
    for name, make in _SECTIONS.items():
        if any(key == name or key.startswith(f"{name} ") for key in found):
            yield from make(found)


def _took(results: Results) -> str:
    return ", ".join(f"{name} {seconds:.0f} s" for name, seconds in results.seconds.items())


def _gold(found: Found) -> Iterator[str]:
    it, fuzzy = found["gold"], found.get("fuzzy")
    scores, apart = dict(it["scores"]), dict(it["apart"])
    if fuzzy:
        scores[RSPAMD], apart[RSPAMD] = fuzzy["score"], fuzzy["apart"]
    yield f"## Gold by construction: {it['messages']:,} made-up messages of {it['campaigns']} mailings"
    yield ""
    yield "Hard recall is recall over pairs whose masked text differs. Bounds are Wilson's, 95 %, as if pairs were"
    yield "independent."
    yield ""
    rows = [_score(name, score) for name, score in scores.items()]
    yield from table(["method", "precision", "recall", "hard recall", "V"], rows)
    yield "Pairs of two mailings that were put together, of each kind of negative (the fewer the better):"
    yield ""
    kinds = list(apart["ours"])
    rows = [[name, *(f"{m[k].hits} of {m[k].of}" for k in kinds)] for name, m in apart.items()]
    yield from table(["method", *kinds], rows)


def _survival(found: Found) -> Iterator[str]:
    curves: dict[str, Curve] = found["survival"]
    yield "## Survival: mutants that join the campaign of their seed"
    yield ""
    yield "![Survival by operator and strength](grouping-survival.svg)"
    yield ""
    yield "Ours, and the best of the peers for that operator and strength; all figures are in"
    yield "[grouping-survival.csv](grouping-survival.csv)."
    yield ""
    rows = []
    for operator in OPERATORS:
        row = [f"{operator.name}: {'; '.join(operator.does)}"]
        for strength in STRENGTHS:
            theirs = {
                name: curve[operator.name, strength].value or 0.0 for name, curve in curves.items() if name != "ours"
            }
            best = max(theirs, key=theirs.__getitem__, default="")
            row.append(f"{figure(curves['ours'][operator.name, strength].value)} ({figure(theirs.get(best))} {best})")
        rows.append(row)
    yield from table(["operator", "1", "2", "3"], rows)


def _silver(found: Found) -> Iterator[str]:
    yield "## Silver on real mail"
    yield ""
    yield "Truth is plain facts, each within 14 days: same account field, same attached file of 2 kB, same landing"
    yield "domain of nobody else, same masked text. It misses much, so that precision here is a lower bound. *Ever*:"
    yield "the same without the 14 days."
    yield ""
    for key in (key for key in found if key.startswith("silver ")):
        it = found[key]
        yield f"### {it.corpus}: {it.messages:,} messages"
        yield ""
        rows = [_score("ours", it.full, (figure(it.full_ever.precision.value), figure(it.full_ever.hard.value)))]
        rows += [
            _score(n, s, (figure(it.peers_ever[n].precision.value), figure(it.peers_ever[n].hard.value)))
            for n, s in it.peers.items()
        ]
        yield from table(
            ["method", "precision", "recall", "hard recall", "V", "precision, ever", "hard recall, ever"], rows
        )
        yield "One kind of evidence hidden from ours, and judged on the pairs that this kind defines:"
        yield ""
        yield from table(
            ["hidden", "pairs", "recall", "hard pairs", "hard recall", "precision"],
            [
                [
                    h.kind,
                    f"{h.recall.of:,}",
                    figure(h.recall.value),
                    f"{h.hard.of:,}",
                    figure(h.hard.value),
                    figure(h.precision.value),
                ]
                for h in (*it.hidden, it.left_out)
            ],
        )


def _streams(found: Found) -> Iterator[str]:
    it = found["streams"]
    yield f"## Ham in one stream of {it['messages']:,} messages, in order of arrival"
    yield ""
    yield from table(
        [
            "ham",
            "messages",
            "in a campaign with unwanted mail",
            "a copy of it is labelled unwanted",
            "with any message",
        ],
        [[h.kind, f"{h.messages:,}", str(h.with_spam), str(h.disputed), str(h.with_any)] for h in it["ham"]],
    )
    yield "## Order"
    yield ""
    yield "Adjusted Rand index between the true order and shuffles of the same messages:"
    yield ", ".join(f"{index:.4f}" for index in it["order"]) + " on real mail."
    yield ""


def _addressees(found: Found) -> Iterator[str]:
    yield "## Wrong addressees"
    yield ""
    yield "Each message inspected as if every well-formed signature were valid and its member had clicked."
    yield ""
    yield from table(
        ["headers", "messages", "with a channel that would be opened"],
        [[kind.kind, str(kind.messages), str(kind.reached)] for kind in found["addressees"]],
    )


def _welds(found: Found) -> Iterator[str]:
    yield "## What it costs to weld two campaigns"
    yield ""
    yield "Messages to inject before a later genuine message of one shares a campaign with one of the other; *young*"
    yield "campaigns had two messages each, *grown* ones ten."
    yield ""
    ways: dict[str, list[str]] = {}
    for weld in found["welds"]:
        ways.setdefault(weld.way, []).append(f"not with {weld.tried}" if weld.messages is None else str(weld.messages))
    yield from table(["way", *AGES], [[way, *figures] for way, figures in ways.items()])


def _led(found: Found) -> Iterator[str]:
    yield "## What one mailbox can do to the campaigns of others"
    yield ""
    yield "Messages of others that end where they do not belong, of so many, with the budget that did most (up to 64"
    yield "messages). *no limit*: as if nobody were told from anybody; *one mailbox*: all injected messages are one"
    yield "member's reports; *one mailbox a message*: what as many mailboxes as messages could do."
    yield ""
    rows = [[one.way, *(f"{moved} of {one.tried}" for moved in one.moved.values())] for one in found["led"]]
    yield from table(["way", *(found["led"][0].moved if found["led"] else ())], rows)


def _framings(found: Found) -> Iterator[str]:
    yield "## What it costs to make an innocent party the originator, or to have its channel opened"
    yield ""
    yield from table(["way", "of so many messages"], [[f.way, f"{f.named} of {f.tried}"] for f in found["framings"]])


def _cost(found: Found) -> Iterator[str]:
    yield "## Cost"
    yield ""
    yield "The same messages, one at a time. What one core does is told per second of processor time, which other"
    yield "work on the machine changes little. Memory is of all its processes, shared pages counted once."
    yield ""
    yield from table(
        ["what", "messages", "messages/s, one core", "us of processor time each", "messages/s by the clock", "memory"],
        [
            [
                speed.name,
                f"{speed.messages:,}",
                f"{speed.each_core_second:,.0f}",
                f"{1e6 / speed.each_core_second:,.0f}",
                f"{speed.each_second:,.0f}",
                _mega(speed.resident_bytes),
            ]
            for speed in found["cost"]
        ],
    )


def _mega(size: int) -> str:
    return f"{size / 2**20:,.0f} MiB" if size else "-"


def _scale(found: Found) -> Iterator[str]:
    yield "## Scale: one more message among synthetic campaigns, all in memory"
    yield ""
    yield "A level for which the machine has not twice the memory is left out, and its memory is reckoned from the one"
    yield "before."
    yield ""
    yield from _levels(found["scale"])


def _kept(found: Found) -> Iterator[str]:
    yield "## Scale in the node's store"
    yield ""
    yield "The same over SQLite: each message is a transaction of its own, on disk before the next. Memory is what the"
    yield "process has more than before; the store's cache has a limit, and the rest stays in the file."
    yield ""
    yield from _levels(found["kept"])


def _levels(levels: list[Any]) -> Iterator[str]:
    rows = [
        [f"{lv.campaigns:,}", _us(lv.joining_us), _us(lv.opening_us), _mega(lv.resident_bytes), str(lv.joined)]
        for lv in levels
    ]
    yield from table(
        ["campaigns", "a message that joins, us", "a message that opens one, us", "memory", "joined"], rows
    )


def _us(value: float | None) -> str:
    return "left out" if value is None else f"{value:.0f}"


def _judged(found: Found) -> Iterator[str]:
    it: dict[str, Any] = found["judged"]
    yield "## Blind sample of joined pairs"
    yield ""
    yield f"{it['drawn']:,} pairs drawn from the joins of this run, {it['right'].of:,} of them judged by the"
    yield "[rubric](../../bench/grouping/rubric.md); judgements are kept by digest in"
    yield "[judgements.csv](../../bench/grouping/judgements.csv)."
    yield ""
    rows = [[name, _bounded(it[key]), f"{it[key].hits} of {it[key].of}"] for name, key in _ASKED.items()]
    yield from table(["asked", "share (95 %)", "pairs"], rows)


_ASKED = {
    "joined rightly (same offer or template, and nothing speaks for two senders)": "right",
    "of these, pairs whose masked text differs": "hard",
    "same offer": "offer",
    "same template": "template",
    "same sender evidence": "sender",
}
_SECTIONS = {
    "gold": _gold,
    "survival": _survival,
    "silver": _silver,
    "judged": _judged,
    "streams": _streams,
    "addressees": _addressees,
    "welds": _welds,
    "led": _led,
    "framings": _framings,
    "cost": _cost,
    "scale": _scale,
    "kept": _kept,
}
