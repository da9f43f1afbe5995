"""The node and the auditor, written apart from the same pages, read and write the same bytes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.errors import MalformedInput
from antiphon.formats.checkpoint import Checkpoint, sign_checkpoint
from antiphon.ledger import audit, commitment, opening
from antiphon.ledger.entry import (
    KINDS,
    Approved,
    KeyRotated,
    OperatorKey,
    Vouched,
    parse_entry,
    print_entry,
    signed_part,
)
from antiphon.ledger.folder import folder_files, folder_paths
from antiphon.ledger.tree import append_hashes, leaf_hash, root
from antiphon.terms import Digest, LedgerDay
from tests.unit.ledger import entry_vectors
from tests.unit.ledger.building import Mail, write
from tests.unit.ledger.keys import ORIGIN, secret, sha
from tests.unit.ledger.records import records
from tests.unit.ledger.story import good

SINGLE = ("entry-encoding", "entry-sorted", "entry-values")
"""The rules on one entry alone."""


def accepted(raw: bytes) -> bool:
    """Whether the auditor reads these bytes as a canonical entry, at the place that its fields ask for."""
    for index in (0, 1, 2):
        note = audit.Checkpoint("log.example", 0, b"", b"", (), True)
        state = audit.State(note, None, (), None, audit.Openings(), [audit._entry(index, raw)])
        if not any(next(rule.check(state), None) for rule in audit.RULES if rule.name in SINGLE):
            return True
    return False


def readable(raw: bytes) -> bool:
    """Whether the node does."""
    try:
        return print_entry(parse_entry(raw)) == raw
    except MalformedInput:
        return False


any_entry = st.sampled_from(sorted(KINDS)).flatmap(lambda kind: records(KINDS[kind]))


def test_the_kinds_have_the_same_numbers_names_and_tags() -> None:
    """The table of the auditor against the classes of the node."""
    heads = re.findall(r"^([0-9a-f]{2}) ([A-Z]\w+):", audit._ENTRIES, re.MULTILINE)
    assert {int(number, 16): name for number, name in heads} == {kind: shape.__name__ for kind, shape in KINDS.items()}


@settings(max_examples=200, deadline=None)
@given(any_entry)
def test_the_auditor_accepts_what_the_node_prints(entry: object) -> None:
    """Any entry of any kind."""
    assert accepted(print_entry(entry))  # type: ignore[arg-type] # the strategy draws entries


@settings(max_examples=400, deadline=None)
@given(any_entry, st.data())
def test_both_refuse_the_same_changed_bytes(entry: object, data: st.DataObject) -> None:
    """A byte changed, left out or put in: canonical for both or for neither."""
    raw = print_entry(entry)  # type: ignore[arg-type] # the strategy draws entries
    at = data.draw(st.integers(0, len(raw)) | st.integers(0, min(len(raw), 12)))
    changed = raw[:at] + data.draw(st.binary(max_size=2)) + raw[at + data.draw(st.integers(0, 2)) :]
    assert accepted(changed) == readable(changed)


@pytest.mark.parametrize("name", entry_vectors.refused())
def test_the_auditor_refuses_the_malformed_vectors(name: str) -> None:
    """Bytes that the page's vectors call no entry."""
    assert not accepted(entry_vectors.refused()[name])


@pytest.mark.parametrize("name", entry_vectors.entries())
def test_signatures_of_the_vectors_verify_over_the_same_bytes(name: str) -> None:
    """The part that is signed is the same for both."""
    entry = entry_vectors.entries()[name]
    found = audit._entry(2, print_entry(entry))
    if isinstance(entry, KeyRotated | OperatorKey | Vouched | Approved) and found.kind:
        assert found.signed == signed_part(entry)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(sorted(opening.KINDS)).flatmap(lambda kind: records(opening.KINDS[kind])), max_size=4))
def test_the_auditor_reads_openings_of_the_node(found: list[opening.Opening]) -> None:
    """Any records: the same cases, spends and erasures, and no fault."""
    unique = list({one.place: one for one in found}.values())
    read = audit._openings(opening.print_openings(unique))
    assert not read.fault
    kinds = (opening.CaseOpening, opening.SpendOpening, opening.Erased)
    counts = [sum(isinstance(one, kind) for one in unique) for kind in kinds]
    assert [len(read.cases), len(read.spends), len(read.erased)] == counts


def test_the_node_reads_openings_of_the_second_encoder() -> None:
    """But for spends of unsigned mail, which the node does not open."""
    story = good()
    for spent in story.ledger.spent:
        spent.mails = [mail for mail in spent.mails if mail.signatures]
    data = story.ledger.openings()
    assert opening.print_openings(opening.parse_openings(data)) == data


def test_commitments_are_the_same() -> None:
    """Case tag, C2, leaf, nullifier, delivery and hidden values, by the node and by the second encoder."""
    for mail in good().mails.values():
        case = mail.case
        assert commitment.case_tag(case.salt, case.originator.decode(), case.epoch) == case.tag
        assert _committed(mail) == mail.committed
        assert [commitment.nullifier(b) for b in mail.bs] == mail.nullifiers("originator")
        delivered = leaf_hash(commitment.delivery_leaf(mail.salt(3), mail.bs, Digest(sha())))
        assert delivered == mail.delivered or not mail.bs
        assert commitment.hide(case.salt, "shop.example") == case.hide(b"shop.example")


def _committed(mail: Mail) -> bytes:
    c1 = commitment.commit_case(mail.salt(1), Digest(mail.case.tag), LedgerDay(mail.received))
    c2 = commitment.commit_mail(mail.salt(2), [host.decode() for host in mail.hosts], mail.bs, mail.size)
    return commitment.leaf(c1, c2)


@pytest.mark.parametrize("size", [2, 255, 256, 257, 491])
def test_a_folder_of_the_node_is_consistent(size: int, tmp_path: Path) -> None:
    """Tree, tiles, bundles, checkpoint and the closed list, written by the node over entries of the second encoder."""
    ledger = good().ledger
    raws = ledger.entries[:size]
    kept = dict(append_hashes(0, [leaf_hash(raw) for raw in raws], _never))

    def read(level: int, index: int) -> Digest:
        return kept[level, index]

    def entries(start: int, end: int) -> Sequence[bytes]:
        return raws[start:end]

    log = secret(ledger.log if size == 491 else "log").private_bytes_raw()
    note = sign_checkpoint(Checkpoint(ORIGIN, size, root(read, size)), log)
    files = dict(folder_files(note, size, read, entries))
    report = audit.audit(write(files, tmp_path))
    assert report.offence is None or report.offence.rule == "batch-size"
    assert set(folder_paths(size)) == files.keys()


def _never(level: int, index: int) -> Digest:
    raise KeyError((level, index))
