"""Peers on the same messages: each makes one digest of the content, and joins by single linkage what is near enough.

Exact text, subject and MinHash are written here; Pyzor, TLSH and ssdeep are their own published libraries, which are
in the lock of the bench only. A peer whose library is missing is left out and named.
"""

from __future__ import annotations

import email
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import partial
from importlib import import_module, metadata
from typing import Any

from rensa import RMinHash
from xxhash import xxh3_64_intdigest

from bench.grouping.gold import Mail
from bench.grouping.pairs import components
from bench.grouping.reading import Read

Labels = list[Hashable]
Peer = Callable[[Sequence[Mail], Sequence[Read]], Labels]

FEWEST_CHARACTERS = 50
"""TLSH makes no digest of less."""
_BUCKET = 4_000
"""Of a 7-gram of ssdeep that more digests than this hold, nothing is compared."""


def _by_key(keys: Sequence[Hashable]) -> Labels:
    """Together is who has the same key; what has none is alone."""
    return [key if key else f"alone-{at}" for at, key in enumerate(keys)]


def exact_text(mails: Sequence[Mail], reads: Sequence[Read]) -> Labels:
    """Same masked text."""
    return _by_key([read.masked for read in reads])


def same_subject(mails: Sequence[Mail], reads: Sequence[Read]) -> Labels:
    """Same subject, digits masked."""
    return _by_key([read.masked_subject for read in reads])


def pyzor_digest(raw: bytes) -> str | None:
    """Pyzor's digest; None where Pyzor itself fails."""
    digester = import_module("pyzor.digest").DataDigester
    try:
        return str(digester(email.message_from_bytes(raw)).value)
    except Exception:  # noqa: BLE001 - foreign code on hostile mail: whatever it raises, it has no digest
        return None


_NOTHING = "da39a3ee5e6b4b0d3255bfef95601890afd80709"


def pyzor(mails: Sequence[Mail], reads: Sequence[Read]) -> Labels:
    """Same Pyzor digest; the digest of nothing joins nobody."""
    found = [pyzor_digest(mail.raw) for mail in mails]
    return _by_key([digest if digest != _NOTHING else None for digest in found])


def _distinct(digests: Sequence[Any]) -> tuple[list[Any], list[int]]:
    """Each digest once, and where each message finds its own; -1 for none."""
    places: dict[Any, int] = {}
    found = [-1 if digest is None else places.setdefault(digest, len(places)) for digest in digests]
    return list(places), found


def _linked(digests: Sequence[Any], edges: Callable[[list[Any]], Iterator[tuple[int, int]]]) -> Labels:
    different, place = _distinct(digests)
    label = components(len(different), edges(different))
    return [f"alone-{at}" if found < 0 else label[found] for at, found in enumerate(place)]


def tlsh(mails: Sequence[Mail], reads: Sequence[Read], *, near: int) -> Labels:
    """TLSH distance of at most `near` (J. Oliver, C. Cheng, Y. Chen, 2013)."""
    library = import_module("tlsh")

    def edges(different: list[str]) -> Iterator[tuple[int, int]]:
        opened = []
        for text in different:
            one = library.Tlsh()
            one.fromTlshStr(text)
            opened.append(one)
        for at, one in enumerate(opened):
            diff = one.diff
            yield from ((at, other) for other in range(at) if diff(opened[other]) <= near)

    texts = [read.text.encode("utf-8", "replace") for read in reads]
    found = [library.hash(text) if len(text) >= FEWEST_CHARACTERS else "" for text in texts]
    return _linked([digest if digest not in ("", "TNULL") else None for digest in found], edges)


def ssdeep(mails: Sequence[Mail], reads: Sequence[Read], *, least: int) -> Labels:
    """ssdeep score of at least `least` (J. Kornblum, 2006)."""
    library = import_module("ssdeep")

    def edges(different: list[str]) -> Iterator[tuple[int, int]]:
        # Digests without a run of seven characters in common score 0, so only those that share one are compared.
        grams: dict[tuple[int, str], list[int]] = defaultdict(list)
        for at, digest in enumerate(different):
            size, one, two = digest.split(":", 2)
            mine = {(int(size), run) for run in _runs(one)} | {(2 * int(size), run) for run in _runs(two)}
            near = {other for gram in mine if len(grams[gram]) <= _BUCKET for other in grams[gram]}
            yield from ((at, other) for other in near if library.compare(digest, different[other]) >= least)
            for gram in mine:
                grams[gram].append(at)

    return _linked(
        [library.hash(read.text.encode("utf-8", "replace")) if read.text.strip() else None for read in reads], edges
    )


def _runs(text: str) -> set[str]:
    # As ssdeep does, a run of more than three equal characters counts as three.
    kept = "".join(c for at, c in enumerate(text) if at < 3 or text[at - 3 : at] != c * 3)
    return {kept[at : at + 7] for at in range(len(kept) - 6)}


def minhash(mails: Sequence[Mail], reads: Sequence[Read], *, least: float = 0.7) -> Labels:
    """Jaccard of at least `least` over shingles of three words, as rspamd's fuzzy check takes them."""
    sets = [_shingles(read.words) for read in reads]
    different, place = _distinct([shingles or None for shingles in sets])
    label = components(len(different), _alike(different, least))
    return [f"alone-{at}" if found < 0 else label[found] for at, found in enumerate(place)]


def _shingles(words: Sequence[str]) -> frozenset[int]:
    return frozenset(
        xxh3_64_intdigest(" ".join(three).encode()) for three in zip(words, words[1:], words[2:], strict=False)
    )


def _alike(sets: Sequence[frozenset[int]], least: float) -> Iterator[tuple[int, int]]:
    """Pairs that meet in a band of a 128-place sketch (4 rows each: .9998 of those at .7), their sets then compared."""
    buckets: dict[tuple[int, tuple[int, ...]], list[int]] = defaultdict(list)
    for at, shingles in enumerate(sets):
        sketch = RMinHash(num_perm=128, seed=7)
        sketch.update([str(one) for one in shingles])
        places = sketch.digest()
        met: set[int] = set()
        for band in range(0, 128, 4):
            bucket = buckets[band, tuple(places[band : band + 4])]
            met.update(bucket)
            bucket.append(at)
        for other in met:
            common = len(shingles & sets[other])
            if common >= least * (len(shingles) + len(sets[other]) - common):
                yield at, other


PEERS: dict[str, tuple[str, Peer]] = {
    "exact masked text": ("", exact_text),
    "subject, digits masked": ("", same_subject),
    "Pyzor digest": ("pyzor", pyzor),
    "TLSH <= 30": ("py-tlsh", partial(tlsh, near=30)),
    "TLSH <= 100": ("py-tlsh", partial(tlsh, near=100)),
    "ssdeep >= 80": ("ssdeep-wheel", partial(ssdeep, least=80)),
    "ssdeep >= 40": ("ssdeep-wheel", partial(ssdeep, least=40)),
    "MinHash J >= .7, 3-word shingles": ("", minhash),
}
"""Each peer by name: the package that it needs, and how it groups."""


def version(package: str) -> str | None:
    """The version of a peer's library; empty for what is written here, None where it is missing."""
    if not package:
        return ""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
