"""The survival curve: of the mutants of one operator and strength, how many join the campaign of their seed.

One run an operator and strength, on the originals of every seed and these mutants alone, so that no other mutant can
be the bridge.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from random import Random

from bench.grouping import ours, peers
from bench.grouping.gold import Mail, campaigns
from bench.grouping.operators import OPERATORS, STRENGTHS
from bench.grouping.pairs import Share
from bench.grouping.reading import read
from bench.grouping.silver import lone

Curve = dict[tuple[str, int], Share]


def curves(seed: int, copies: int, told: Callable[[str], None]) -> dict[str, Curve]:
    """Ours and every peer: survivors by operator and strength."""
    mails = sorted(campaigns(Random(seed), copies), key=lambda mail: mail.at)
    reads = [read(mail.raw) for mail in mails]
    found = ours.evidence_of(mails)
    curves: dict[str, Curve] = {"ours": {}}
    curves.update({peer: {} for peer, (package, _) in peers.PEERS.items() if peers.version(package) is not None})
    for operator in OPERATORS:
        told(f"survival: {operator.name}")
        for strength in STRENGTHS:
            keep = [
                at
                for at, mail in enumerate(mails)
                if mail.made == "original" or (mail.made, mail.strength) == (operator.name, strength)
            ]
            these, texts = [mails[at] for at in keep], [reads[at] for at in keep]
            for name, curve in curves.items():
                if name == "ours":
                    labels: Sequence[Hashable] = lone(ours.placed([found[at] for at in keep], these))
                else:
                    labels = peers.PEERS[name][1](these, texts)
                curve[operator.name, strength] = survivors(these, labels)
    return curves


def survivors(mails: Sequence[Mail], labels: Sequence[Hashable]) -> Share:
    """Mutants that are where an original of their seed is, and no original of another."""
    home: dict[Hashable, set[str]] = {}
    for mail, label in zip(mails, labels, strict=True):
        if mail.made == "original":
            home.setdefault(label, set()).add(mail.truth)
    mutants = [(mail, label) for mail, label in zip(mails, labels, strict=True) if mail.made != "original"]
    return Share(sum(home.get(label) == {mail.truth} for mail, label in mutants), len(mutants))
