"""XARF v4: what we print, under the official schemas, and the official samples through the library that we use."""

from __future__ import annotations

import base64
import json
import os
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
import xarf
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource

from antiphon.errors import MalformedInput
from antiphon.formats.xarf import MOST_MESSAGE_ID, Spam, print_xarf, refusals
from antiphon.terms import Identifier, Instant

VECTORS = Path(os.environ.get("ANTIPHON_VECTORS", "/nonexistent"))
official = pytest.mark.skipif(not VECTORS.is_dir(), reason="needs the vectors of public specifications")
HEADERS = b"Message-ID: <1@shop.example>\r\nCFBL-Feedback-ID: 1:2\r\n"
SPAM = Spam(
    report=Identifier(bytes(range(16))), at=Instant(1_780_308_000_000_000), name="Home", contact="desk@node.example",
    domain="node.example", address="2001:db8::1", port=40123, mail_from="word@shop.example", rcpt_to="",
    message_id="<1@shop.example>", reported=HEADERS,
)  # fmt: skip


def stored(kind: str) -> Iterator[tuple[str, dict[str, object]]]:
    """Schemas or samples of the specification's own archive, by their name."""
    with tarfile.open(VECTORS / "xarf-spec-v4.2.0-schemas-samples.tar.gz") as archive:
        for member in archive.getmembers():
            if f"/{kind}/v4/" in member.name and member.name.endswith(".json"):
                file = archive.extractfile(member)
                assert file is not None
                yield Path(member.name).name, json.load(file)


def by_the_specification(document: object) -> list[str]:
    """What the specification's own schema of spam says, with no part of the library between."""
    schemas = dict(stored("schemas"))
    registry = Registry().with_resources((s["$id"], Resource.from_contents(s)) for s in schemas.values() if "$id" in s)
    checker = Draft202012Validator(schemas["messaging-spam.json"], registry=registry, format_checker=FormatChecker())
    return [error.message for error in checker.iter_errors(document)]


def test_what_we_print_is_a_report_of_spam() -> None:
    """The library reads it back, with each fact in its place."""
    read = xarf.parse(print_xarf(SPAM).decode())
    assert (read.errors, read.warnings) == ([], [])
    report = read.report
    assert isinstance(report, xarf.SpamReport)
    assert (report.source_identifier, report.source_port) == ("2001:db8::1", 40123)
    assert (report.smtp_from, report.message_id, report.smtp_to) == ("word@shop.example", "<1@shop.example>", None)
    assert str(report.timestamp).startswith("2026-06-01")
    assert report.reporter == report.sender and report.reporter.contact == "desk@node.example"
    assert report.report_id == "00010203-0405-4607-8809-0a0b0c0d0e0f", "a UUID of version 4"


def test_its_evidence_is_the_header_block_byte_for_byte() -> None:
    """With its hash, and no line break in the base64."""
    (evidence,) = json.loads(print_xarf(SPAM))["evidence"]
    assert base64.b64decode(evidence["payload"], validate=True) == HEADERS
    assert evidence["hash"] == "sha256:" + sha256(HEADERS).hexdigest() and evidence["size"] == len(HEADERS)


@official
@pytest.mark.parametrize("changes", [{}, {"address": "192.0.2.1"}, {"rcpt_to": "word@home.example"}])
def test_the_official_schema_finds_nothing_against_it(changes: dict[str, str]) -> None:
    """The specification's own file, apart from the library."""
    assert by_the_specification(json.loads(print_xarf(replace(SPAM, **changes)))) == []


@official
def test_the_official_schema_refuses_what_we_refuse() -> None:
    """The control: without a port the same check fails."""
    document = json.loads(print_xarf(SPAM))
    del document["source_port"]
    assert by_the_specification(document) and refusals(document)


@pytest.mark.parametrize("changes", [{"mail_from": ""}, {"mail_from": "<>"}, {"port": 0}, {"port": 65536}])
def test_a_fact_that_is_missing_is_no_report(changes: dict[str, object]) -> None:
    """A null reverse-path and an unknown port can not be told as XARF."""
    with pytest.raises(MalformedInput, match="XARF"):
        print_xarf(replace(SPAM, **changes))


def test_a_message_id_that_is_too_long_stays_in_the_evidence_alone() -> None:
    """At the limit and one past it."""
    for length, there in ((MOST_MESSAGE_ID, True), (MOST_MESSAGE_ID + 1, False)):
        assert ("message_id" in json.loads(print_xarf(replace(SPAM, message_id="x" * length)))) is there


@official
def test_all_samples_of_the_specification_are_read() -> None:
    """32, one a type, each without an error."""
    samples = dict(stored("samples"))
    assert len(samples) == 32
    assert {name: refusals(sample) for name, sample in samples.items() if refusals(sample)} == {}


@official
def test_the_library_holds_the_official_schemas() -> None:
    """Byte by byte the same meaning: what it refuses, the specification refuses."""
    held = Path(xarf.__file__).parent / "schemas"
    own = {path.name: json.loads(path.read_text("utf-8")) for path in held.rglob("*.json")}
    assert {name for name, schema in stored("schemas") if own.get(name) != schema} == set()
