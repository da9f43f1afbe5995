"""The tree of RFC 9162 §2.1 against its own definition, public vectors and another implementation."""

from __future__ import annotations

import json
import os
import tarfile
from base64 import b64decode
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.ledger.tree import (
    EMPTY_ROOT,
    HashReader,
    append_hashes,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root,
    small_proof,
    small_root,
    verify_consistency,
    verify_inclusion,
)
from antiphon.terms import Digest

MOST = 70
DATA = tuple(b"leaf %d" % number for number in range(MOST))
SIZES = range(1, MOST + 1)
TESTDATA = Path(os.environ.get("ANTIPHON_VECTORS", "/nowhere")) / "transparency-dev-merkle-testdata.tar.gz"


def never(level: int, index: int) -> Digest:
    """A tree in which nothing is kept."""
    raise KeyError((level, index))


def grown(size: int) -> HashReader:
    """What is kept once DATA[:size] was appended leaf by leaf."""
    kept: dict[tuple[int, int], Digest] = {}
    for position in range(size):
        kept.update(append_hashes(position, [leaf_hash(DATA[position])], lambda *at: kept[at]))
    return lambda level, index: kept[level, index]


READ = grown(MOST)


@cache
def defined(low: int, high: int) -> Digest:
    """MTH of a range, as RFC 9162 §2.1.1 defines it."""
    if high == low:
        return Digest(sha256(b"").digest())
    if high - low == 1:
        return Digest(sha256(b"\0" + DATA[low]).digest())
    middle = low + max(1 << power for power in range(7) if 1 << power < high - low)
    return Digest(sha256(b"\1" + defined(low, middle) + defined(middle, high)).digest())


def test_the_root_of_nothing_is_the_hash_of_nothing() -> None:
    """No leaf, no read."""
    assert root(never, 0) == EMPTY_ROOT == small_root([]) == sha256(b"").digest()


def test_leaves_and_nodes_are_hashed_apart() -> None:
    """A node can not be passed off as a leaf."""
    one, two = leaf_hash(b"one"), leaf_hash(b"two")
    assert node_hash(one, two) != leaf_hash(one + two)


@pytest.mark.parametrize("size", SIZES)
def test_the_root_is_the_defined_one(size: int) -> None:
    """For each size up to 70, from what a bigger tree keeps and from what this one keeps."""
    assert (
        root(READ, size)
        == root(grown(size), size)
        == small_root([leaf_hash(data) for data in DATA[:size]])
        == defined(0, size)
    )


@pytest.mark.parametrize("size", SIZES)
def test_each_leaf_is_proved(size: int) -> None:
    """Each inclusion proof of each size verifies, and for no other place, leaf or root."""
    whole = root(READ, size)
    for index in range(size):
        path, leaf = inclusion_proof(index, size, READ), leaf_hash(DATA[index])
        assert verify_inclusion(leaf, path, index=index, size=size, root=whole)
        assert small_proof([leaf_hash(data) for data in DATA[:size]], index) == path
        assert not verify_inclusion(leaf, path, index=index ^ 1, size=size, root=whole)
        assert not verify_inclusion(leaf_hash(b"other"), path, index=index, size=size, root=whole)
        assert not verify_inclusion(leaf, path, index=index, size=size, root=leaf_hash(b"other"))
        assert not verify_inclusion(leaf, (*path, whole), index=index, size=size, root=whole)
        assert not path or not verify_inclusion(leaf, path[1:], index=index, size=size, root=whole)


def test_a_proof_that_somebody_made_up_proves_nothing() -> None:
    """A place before the first, a path beyond the root, a step of the wrong length: each hashes to what it claims."""
    leaf, other = leaf_hash(b"a"), leaf_hash(b"b")
    assert verify_inclusion(leaf, (), index=0, size=1, root=leaf)
    assert not verify_inclusion(leaf, (), index=-1, size=1, root=leaf)
    assert not verify_inclusion(leaf, (other,), index=0, size=1, root=node_hash(other, leaf))
    short = Digest(other[:31])
    assert not verify_inclusion(leaf, (short,), index=0, size=2, root=node_hash(leaf, short))


@pytest.mark.parametrize("new", SIZES)
def test_each_beginning_is_proved(new: int) -> None:
    """Each consistency proof to each size verifies, and for no other roots."""
    new_root = root(READ, new)
    for old in range(1, new + 1):
        path, old_root = consistency_proof(old, new, READ), defined(0, old)
        roots = {"old_root": old_root, "new_root": new_root}
        other = leaf_hash(b"other")
        assert verify_consistency(path, old=old, new=new, **roots)
        assert not verify_consistency(path, old=old, new=new, old_root=other, new_root=new_root)
        assert not verify_consistency(path, old=old, new=new, old_root=old_root, new_root=other)
        assert not verify_consistency((*path, other), old=old, new=new, **roots)
        assert not path or not verify_consistency(path[:-1], old=old, new=new, **roots)


@given(st.lists(st.integers(0, 9), max_size=9), st.integers(0, 20))
def test_appending_in_blocks_keeps_the_same_hashes(blocks: list[int], first: int) -> None:
    """However leaves are cut into blocks, the same is kept, and each hash once."""
    kept = dict(append_hashes(0, [leaf_hash(data) for data in DATA[:first]], never))
    size = first
    for block in blocks:
        leaves = [leaf_hash(data) for data in DATA[size : size + block]]
        fresh = append_hashes(size, leaves, lambda *at: kept[at])
        assert not kept.keys() & {place for place, _ in fresh}
        kept.update(fresh)
        size += len(leaves)
    assert kept == dict(append_hashes(0, [leaf_hash(data) for data in DATA[:size]], never))


def test_appending_keeps_at_most_two_hashes_a_leaf() -> None:
    """The cost of an append does not grow with the tree."""
    assert len(append_hashes(0, [leaf_hash(data) for data in DATA], never)) < 2 * MOST


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 1), (70, 70)])
def test_a_leaf_that_is_not_there_has_no_proof(index: int, size: int) -> None:
    """One past the end is the caller's mistake."""
    with pytest.raises(ValueError, match="no leaf"):
        inclusion_proof(index, size, READ)


@pytest.mark.parametrize(("old", "new"), [(2, 1), (-1, 1)])
def test_a_tree_does_not_shrink(old: int, new: int) -> None:
    """There is no proof from more to fewer."""
    with pytest.raises(ValueError, match="no consistency"):
        consistency_proof(old, new, READ)


def test_an_empty_beginning_proves_nothing() -> None:
    """From nothing the path is empty, and the verifier leaves the case to its caller."""
    assert consistency_proof(0, 5, READ) == ()
    assert not verify_consistency((), old=0, new=0, old_root=EMPTY_ROOT, new_root=EMPTY_ROOT)


def test_roots_and_proofs_are_those_of_another_implementation() -> None:
    """Pymerkle agrees on each root and each inclusion path."""
    pymerkle = pytest.importorskip("pymerkle")
    other = pymerkle.InmemoryTree.init_from_entries(list(DATA))
    for size in SIZES:
        assert other.get_root(size) == root(READ, size)
        for index in range(size):
            leaf, path = leaf_hash(DATA[index]), inclusion_proof(index, size, READ)
            assert other.prove_inclusion(index + 1, size).path == [leaf, *path]


# transparency-dev/merkle testdata (Apache-2.0): name, refused, index and size or both sizes, hashes, proof.
ONE, TWO = "bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=", "+sVCA+fMaWzw38tCySodnbr3CtnmIfS9jZhmLwDjwSU="
THREE, FIVE = "rra8/idLcKFPsGel5VeCZNsPqbUa9eC6FZFY8yngbnc=", "Tju7H3tHjc/nH7YxYxUZo7yhLJrvyhYSv85ME6hiZNQ="
SIX, SEVEN = "duZ9rbzfHhDht03cYIq9L5jfsW+851J3tSMqEn8gh+8=", "3bib5AOAnjJXUNPSY814kpwpQreUKjS3fhIslZSnTIw="
EIGHT, SECOND = "XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=", "lqKW0iTyhcZ77pPDD4owkVfw2qNdxbh+QQt4YwoJz8c="
THIRD, SIXTH = "ApjRIpBtz8EIkstTpzmS/FufST6kybrbJ7eRtBJ6f+c=", "QnGia+DYqE8L1UyMMC58s6O10fpngKQLzOKHNHfatlg="
AB, EF = "Xwg/ChozygdqlSeYMlgNs+DvRYS9/x9UyKNg9Q3jAx4=", "vBoGQ7EuTS18d5GPROD095qDi2z57FtcKD4fTYhZnms="
HIGH, GH = "a0eq8p7jwq+a+Im8H7klTavTEXfxYjLdaqsDXKOb9uQ=", "yoVOoSjtBQtBs1/8G4e46yveRh6eO1WW7Oa51ZdaCuA="
LOW, LAST = "037kGJdt2VdTwcc4Yrk5j6Kiz5tP8P3+izDNlSCWFLc=", "DrxdNDf74tsVi58Sah0RjjCBgQMdCpSfje3t68VY72o="
SEVENTH = "sIaT7C5yFZcTBkHoIR5+7cy0wmQTlj7ubB4u0W/7Gl8="

INCLUSIONS = [
    ("0/happy-path", True, 0, 1, ONE, ONE, []),
    ("1/happy-path", True, 0, 8, ONE, EIGHT, [SECOND, AB, HIGH]),
    ("2/happy-path", True, 5, 8, SIXTH, EIGHT, [EF, GH, LOW]),
    ("3/happy-path", True, 2, 3, THIRD, THREE, [TWO]),
    ("4/happy-path", True, 1, 5, SECOND, FIVE, [ONE, AB, EF]),
    ("0/treeSize-div-@2", False, 0, 0, ONE, ONE, []),
    ("1/leafIdx-plus-@1", False, 1, 8, ONE, EIGHT, [SECOND, AB, HIGH]),
    ("1/trailing-garbage", False, 0, 8, ONE, EIGHT, [SECOND, AB, HIGH, ""]),
    ("1/wrong-leaf", False, 0, 8, "V3JvbmdMZWFm", EIGHT, [SECOND, AB, HIGH]),
]
CONSISTENCIES = [
    ("0/happy-path", True, 1, 1, ONE, ONE, []),
    ("1/happy-path", True, 1, 8, ONE, EIGHT, [SECOND, AB, HIGH]),
    ("2/happy-path", True, 6, 8, SIX, EIGHT, [LAST, GH, LOW]),
    ("3/happy-path", True, 2, 5, TWO, FIVE, [AB, EF]),
    ("4/happy-path", True, 6, 7, SIX, SEVEN, [LAST, SEVENTH, LOW]),
    ("3/swapped-roots", False, 2, 5, FIVE, TWO, [AB, EF]),
    ("3/empty-proof", False, 2, 5, TWO, FIVE, []),
    ("3/trailing-garbage", False, 2, 5, TWO, FIVE, [AB, EF, ""]),
    ("3/size1-XOR-@2", False, 0, 5, TWO, FIVE, [AB, EF]),
]


def raw(encoded: str) -> Digest:
    """Bytes of a vector, of whatever length."""
    return Digest(b64decode(encoded))


@pytest.mark.parametrize("row", INCLUSIONS, ids=lambda row: row[0])
def test_transcribed_inclusion_vectors_hold(row: tuple[str, bool, int, int, str, str, list[str]]) -> None:
    """A few of the public vectors are always run."""
    _, holds, index, size, leaf, whole, proof = row
    path = [raw(digest) for digest in proof]
    assert verify_inclusion(raw(leaf), path, index=index, size=size, root=raw(whole)) is holds


@pytest.mark.parametrize("row", CONSISTENCIES, ids=lambda row: row[0])
def test_transcribed_consistency_vectors_hold(row: tuple[str, bool, int, int, str, str, list[str]]) -> None:
    """A few of the public vectors are always run."""
    _, holds, old, new, first, second, proof = row
    path = [raw(digest) for digest in proof]
    assert verify_consistency(path, old=old, new=new, old_root=raw(first), new_root=raw(second)) is holds


def archived(folder: str) -> list[tuple[str, dict[str, Any]]]:
    """The vectors of a folder of the archive, by name."""
    with tarfile.open(TESTDATA) as archive:
        names = sorted(name for name in archive.getnames() if name.startswith(folder) and name.endswith(".json"))
        return [(name, json.load(file)) for name in names if (file := archive.extractfile(name))]


@pytest.mark.skipif(not TESTDATA.exists(), reason="needs ANTIPHON_VECTORS")
def test_all_public_inclusion_vectors_hold() -> None:
    """All 98 are decided as they say."""
    vectors = archived("testdata/inclusion/")
    for name, vector in vectors:
        proof = [raw(digest) for digest in vector["proof"] or ()]
        place = {"index": vector["leafIdx"], "size": vector["treeSize"], "root": raw(vector["root"] or "")}
        assert verify_inclusion(raw(vector["leafHash"] or ""), proof, **place) is not vector["wantErr"], name
    assert len(vectors) == 98


@pytest.mark.skipif(not TESTDATA.exists(), reason="needs ANTIPHON_VECTORS")
def test_all_public_consistency_vectors_hold() -> None:
    """All 98 are decided as they say, but one whose roots have 11 bytes: those are no hashes here."""
    vectors = archived("testdata/consistency/")
    for name, vector in vectors:
        proof = [raw(digest) for digest in vector["proof"] or ()]
        roots = {"old_root": raw(vector["root1"] or ""), "new_root": raw(vector["root2"] or "")}
        holds = verify_consistency(proof, old=vector["size1"], new=vector["size2"], **roots)
        expected = not vector["wantErr"] and not name.endswith("sizes-are-equal-one-and-proof-is-empty.json")
        assert holds is expected, name
    assert len(vectors) == 98
