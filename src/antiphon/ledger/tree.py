"""The Merkle tree of the ledger (RFC 9162 §2.1), over hashes kept by whoever calls.

Kept are the roots of all complete subtrees: (level, index) is the root over leaves index * 2^level up to, not with,
(index + 1) * 2^level. Appending touches each once; a hash once kept never changes. Level 8 * L is tile level L.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256

from antiphon.terms import Digest

HashReader = Callable[[int, int], Digest]
"""The kept hash at (level, index); asked only for complete subtrees of the tree at hand."""

KeptHash = tuple[tuple[int, int], Digest]

EMPTY_ROOT = Digest(sha256(b"").digest())


def leaf_hash(data: bytes) -> Digest:
    """RFC 9162 §2.1.1: the hash of one leaf's data."""
    return Digest(sha256(b"\x00" + data).digest())


def node_hash(left: Digest, right: Digest) -> Digest:
    """RFC 9162 §2.1.1: the hash of two children."""
    return Digest(sha256(b"\x01" + left + right).digest())


def append_hashes(size_before: int, leaf_hashes: Sequence[Digest], read: HashReader) -> list[KeptHash]:
    """What is to be kept besides when leaves are appended: each new leaf hash, and each subtree that it completes.

    At most 2 hashes a leaf on average; `read` is asked for hashes of the tree before only.
    """
    fresh: dict[tuple[int, int], Digest] = {}
    for position, hashed in enumerate(leaf_hashes, start=size_before):
        level, index, value = 0, position, hashed
        fresh[level, index] = value
        while index & 1:
            left = fresh.get((level, index - 1)) or read(level, index - 1)
            level, index, value = level + 1, index >> 1, node_hash(left, value)
            fresh[level, index] = value
    return list(fresh.items())


def root(read: HashReader, size: int) -> Digest:
    """The root over the first `size` leaves; that of an empty tree is SHA-256 of nothing."""
    return _range_root(0, size, read) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, read: HashReader) -> tuple[Digest, ...]:
    """RFC 9162 §2.1.3.1: from the leaf's sibling up to a child of the root. Raises ValueError unless index < size."""
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    path, low, high = [], 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(_range_root(middle, high, read))
            high = middle
        else:
            path.append(_range_root(low, middle, read))
            low = middle
    return tuple(reversed(path))


def consistency_proof(old: int, new: int, read: HashReader) -> tuple[Digest, ...]:
    """RFC 9162 §2.1.4.1: that the tree of `old` leaves is a beginning of that of `new`. Empty for old = 0 and
    old = new. Raises ValueError unless 0 <= old <= new."""
    if not 0 <= old <= new:
        raise ValueError(f"no consistency from {old} to {new}")
    if old in (0, new):
        return ()
    path, low, high = [], 0, new
    while high != old:
        middle = low + _split(high - low)
        if old <= middle:
            path.append(_range_root(middle, high, read))
            high = middle
        else:
            path.append(_range_root(low, middle, read))
            low = middle
    if low:
        path.append(_range_root(low, high, read))
    return tuple(reversed(path))


def verify_inclusion(leaf: Digest, path: Sequence[Digest], *, index: int, size: int, root: Digest) -> bool:
    """RFC 9162 §2.1.3.2: whether the path leads from the leaf hash at `index` to the root of a tree of `size`."""
    if not 0 <= index < size or not _are_digests(leaf, root, *path):
        return False
    value, last = leaf, size - 1
    for sibling in path:
        if last == 0:
            return False
        if index & 1 or index == last:
            value = node_hash(sibling, value)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            value = node_hash(value, sibling)
        index, last = index >> 1, last >> 1
    return last == 0 and value == root


def verify_consistency(path: Sequence[Digest], *, old: int, new: int, old_root: Digest, new_root: Digest) -> bool:
    """RFC 9162 §2.1.4.2: whether the tree of `new` leaves extends that of `old`. An empty old tree proves nothing:
    False, and the caller's to handle."""
    if not 0 < old <= new or not _are_digests(old_root, new_root, *path):
        return False
    if old == new:
        return not path and old_root == new_root
    steps = [old_root, *path] if old & (old - 1) == 0 else list(path)
    if len(steps) < 2:
        return False
    first, last = old - 1, new - 1
    while first & 1:
        first, last = first >> 1, last >> 1
    old_value = new_value = steps[0]
    for sibling in steps[1:]:
        if last == 0:
            return False
        if first & 1 or first == last:
            old_value, new_value = node_hash(sibling, old_value), node_hash(sibling, new_value)
            while not first & 1 and first:
                first, last = first >> 1, last >> 1
        else:
            new_value = node_hash(new_value, sibling)
        first, last = first >> 1, last >> 1
    return last == 0 and old_value == old_root and new_value == new_root


def small_root(hashes: Sequence[Digest]) -> Digest:
    """The root over leaf hashes held in memory, such as those of the deliveries of one hour."""
    return root(_kept(hashes), len(hashes))


def small_proof(hashes: Sequence[Digest], index: int) -> tuple[Digest, ...]:
    """The inclusion proof of one of them. Raises ValueError for an index that is not there."""
    return inclusion_proof(index, len(hashes), _kept(hashes))


def _kept(hashes: Sequence[Digest]) -> HashReader:
    def nothing_before(level: int, index: int) -> Digest:
        raise KeyError((level, index))

    kept = dict(append_hashes(0, list(hashes), nothing_before))
    return lambda level, index: kept[level, index]


def _range_root(low: int, high: int, read: HashReader) -> Digest:
    """The root over leaves low up to high, where low is a multiple of a power of two not below high - low."""
    value: Digest | None = None
    for level, index in reversed(list(_complete(low, high))):
        kept = read(level, index)
        value = kept if value is None else node_hash(kept, value)
    assert value is not None, "an empty range has no root"
    return value


def _complete(low: int, high: int) -> Iterator[tuple[int, int]]:
    """The complete subtrees that make up a range, the biggest first."""
    while low < high:
        level = (high - low).bit_length() - 1
        yield level, low >> level
        low += 1 << level


def _split(size: int) -> int:
    """The largest power of two below size (RFC 9162 §2.1.1)."""
    return 1 << (size - 1).bit_length() - 1


def _are_digests(*values: bytes) -> bool:
    return all(len(value) == 32 for value in values)
