"""What a secret seed makes of evidence: tokens to find by, marks and sketches to compare by. Nothing goes back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b
from struct import pack

from rensa import RMinHash
from xxhash import xxh3_64_digest

SLOTS = 128
"""Places of a sketch; an estimated likeness is off by .04 (one standard deviation)."""
ROWS = 3
BANDS = 21
"""Places that must agree for two texts to meet in a band, and bands: of texts that are alike by .5 all but 6 % meet in
one. A band is rare however many texts there are."""
PHRASES = 32
"""Places of a sketch each of which is a token by itself, as it stands for one phrase of three words: of two texts
so many of these agree as they are alike, and of a campaign as many as it has used of a text's phrases."""
VOCABULARY_SLOTS = 64
"""Places of the sketch of a text's longer words, whatever their order."""
VOCABULARY_LETTERS = 5
"""Shorter words stand in every text."""
FEW_WORDS = 12
"""A text of fewer words is no text: it gets no sketch."""
FIGURES = 32
"""Numbers remembered of one text."""
MARK = 4
"""Bytes of a mark."""

_FIGURE = re.compile(r"\d[\d.,:/-]*\d|\d")


class Keys:
    """What one secret seed makes of evidence."""

    def __init__(self, seed: bytes) -> None:
        self._key = blake2b(seed, digest_size=32, person=b"antiphon-token").digest()
        self._sketch_seed = int.from_bytes(blake2b(seed, digest_size=7, person=b"antiphon-sketch").digest(), "big")
        width, end = ROWS * 4, SLOTS * 4
        places = [(b"b", at, at + width) for at in range(0, BANDS * width, width)]
        places += [(b"p", at, at + 4) for at in range(end - 4 * PHRASES, end, 4)]
        self._places = [(kind, at, to, self._sketch_seed + at) for kind, at, to in places]

    def token(self, kind: bytes, value: bytes) -> bytes:
        """Eight bytes that stand for this value of this kind of evidence."""
        return kind + blake2b(value, digest_size=7, key=self._key, person=kind).digest()

    def each(self, kind: bytes, values: Iterable[str]) -> tuple[bytes, ...]:
        """A token for each value."""
        return tuple(self.token(kind, value.encode("utf-8", "replace")) for value in values)

    def mark(self, value: str) -> bytes:
        """Four bytes that stand for this value, zero for an empty one."""
        return xxh3_64_digest(value.encode("utf-8", "replace"), seed=self._sketch_seed)[:MARK] if value else bytes(MARK)

    def figures(self, bare: str) -> bytes:
        """The numbers of a text, as short digests in order: bills, alerts and reports differ in little else."""
        found = {xxh3_64_digest(number.encode(), seed=self._sketch_seed)[:2] for number in set(_FIGURE.findall(bare))}
        return b"".join(sorted(found)[:FIGURES])

    def sketch(self, words: Sequence[str]) -> tuple[bytes, tuple[bytes, ...]]:
        """The sketch of a text and its bands; nothing for a text of few words."""
        if len(words) < FEW_WORDS:
            return b"", ()
        sketch = RMinHash(num_perm=SLOTS, seed=self._sketch_seed)
        sketch.update([*map(" ".join, zip(words, words[1:], words[2:], strict=False))])
        places: list[int] = sketch.digest()
        packed = pack(f">{SLOTS}I", *places)
        bands = [kind + xxh3_64_digest(packed[at:to], seed)[:7] for kind, at, to, seed in self._places]
        return packed[3::4], tuple(bands)

    def vocabulary(self, words: Sequence[str]) -> bytes:
        """The sketch of the longer words of a text, which survives new sentences about the same offer."""
        if len(words) < FEW_WORDS:
            return b""
        sketch = RMinHash(num_perm=VOCABULARY_SLOTS, seed=self._sketch_seed)
        sketch.update([word for word in set(words) if len(word) >= VOCABULARY_LETTERS])
        return bytes([place & 255 for place in sketch.digest()])


keys_of = lru_cache(maxsize=4)(Keys)
"""The keys of a seed; making them costs more than using them once."""
