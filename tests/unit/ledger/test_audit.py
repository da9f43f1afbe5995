"""The audit against ledgers of a second encoder: what is good passes, every rule finds its breach, no rule is dead."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from antiphon.ledger import audit
from tests.unit.ledger import breaches_acts, breaches_encoding, breaches_files, breaches_openings, breaches_windows
from tests.unit.ledger.breaches import BREACHES, Breach, Published, published
from tests.unit.ledger.breaches_windows import PERMITTED
from tests.unit.ledger.building import Ledger, openings_file, write
from tests.unit.ledger.keys import cosignature_line, u, vkey
from tests.unit.ledger.story import good

WITNESS = "witness.example/w1"
FOLLOWS = {"attempts-covered": {"leaf-once", "nullifier-once"}}
"""A rule that follows from others, and is found when those are out of the table: the inequality is checked twice."""
assert all((breaches_acts, breaches_encoding, breaches_files, breaches_openings, breaches_windows))


def examined(made: Published, folder: Path) -> audit.Report:
    """The report on what is published in a new folder."""
    return audit.audit(write(made.files, folder), openings=made.openings, **made.options)


def take_out(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """The table of rules without some."""
    monkeypatch.setattr(audit, "RULES", tuple(rule for rule in audit.RULES if rule.name not in names))


def test_a_good_ledger_is_consistent(tmp_path: Path) -> None:
    """With every kind of entry and without openings the verdict is consistent, and no more."""
    report = examined(Published(good().ledger.files()), tmp_path)
    assert (report.offence, report.consistent, report.lawful, report.exit_code) == (None, True, False, 0)
    assert report.text().startswith("consistent: ledger.example/antiphon, 491 entries\n")
    assert "not pinned" in report.text() and "no witness" in report.text()


def test_the_good_ledger_holds_every_kind_and_two_levels() -> None:
    """Nothing of the page is left out of what the tests go on from."""
    ledger = good().ledger
    assert {entry[1] for entry in ledger.entries} == set(audit.KINDS)
    assert {"tile/0/000", "tile/entries/000", "tile/1/000.p/1"} <= ledger.files().keys()


def test_a_good_ledger_with_openings_is_lawful(tmp_path: Path) -> None:
    """All spends opened: lawful, with the figures of each destination by name."""
    story = good()
    report = examined(published(story), tmp_path)
    assert report.lawful and (report.opened, report.spends, report.erased) == (11, 11, 0)
    assert report.destinations == (
        audit.Destination("abuse.host.example", 2, 3, 18_000),
        audit.Destination("shop.example", 7, 8, 75_345),
    )


def test_an_erased_leaf_is_counted_and_no_offence(tmp_path: Path) -> None:
    """The verdict is still lawful, and says how many."""
    story = good()
    openings = story.ledger.openings(erased=frozenset({story.marks["request"]}))
    report = examined(Published(story.ledger.files(), openings), tmp_path)
    assert report.lawful and (report.opened, report.erased) == (10, 1)
    assert "erased: 1" in report.text()


def test_with_fewer_openings_it_says_for_how_many_it_is_lawful(tmp_path: Path) -> None:
    """One spend that is neither opened nor erased: consistent, exit code 0."""
    story = good()
    story.ledger.spent.pop()
    report = examined(published(story), tmp_path)
    assert (report.consistent, report.lawful, report.exit_code) == (True, False, 0)
    assert "lawful for 10 of 11 spends" in report.text()


@pytest.mark.parametrize("make", PERMITTED)
def test_what_the_rules_allow_is_no_offence(make: Breach, tmp_path: Path) -> None:
    """The same acts as in the breaches, within the rule."""
    assert examined(published(make()), tmp_path).offence is None


@pytest.mark.parametrize(("rule", "make"), BREACHES, ids=[name for name, _ in BREACHES])
def test_each_rule_finds_its_breach_and_alone(
    rule: str, make: Breach, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ledger that breaks one rule is found under its name, and passes when the rule is taken out."""
    take_out(monkeypatch, *FOLLOWS.get(rule, ()))
    made = published(make())
    report = examined(made, tmp_path)
    assert report.offence is not None
    assert (report.offence.rule, report.exit_code) == (rule, 1), report.offence
    assert report.offence.rule in report.text()
    take_out(monkeypatch, rule)
    assert examined(made, tmp_path).offence is None


def test_every_rule_has_a_breach() -> None:
    """No rule is dead."""
    assert {name for name, _ in BREACHES} == {rule.name for rule in audit.RULES}
    assert len({rule.name for rule in audit.RULES}) == len(audit.RULES)


def test_the_rules_are_those_of_the_pages() -> None:
    """The names in backquotes on the format pages, and those in the table."""
    pages = Path(__file__).parents[3] / "docs" / "formats"
    text = "".join((pages / page).read_text(encoding="utf-8") for page in ("entries.md", "openings.md"))
    named = set(re.findall(r"`([a-z]+(?:-[a-z]+)+)`[,:]", text))
    assert named - {rule.name for rule in audit.RULES} == set()
    assert {rule.name for rule in audit.RULES} - named == set()


def test_the_first_offence_is_the_one_that_is_named(tmp_path: Path) -> None:
    """Of two the one at the lower index."""
    story = good()
    first = story.ledger.own_opt_out(story.mails["spare 0"], change={0xA: u(4, 1)})
    story.ledger.dispute(story.other, 2)
    report = examined(Published(story.ledger.files()), tmp_path)
    assert report.offence is not None and (report.offence.index, report.offence.rule) == (first, "reserve-fits")


def test_a_thousand_changed_bytes_are_all_found(tmp_path: Path) -> None:
    """Any single byte of any published file."""
    draw, files = random.Random(2006), good().ledger.files()
    write(files, tmp_path)
    names = sorted(files)
    for number in range(1000):
        name = names[number % len(names)] if number < 100 else draw.choices(names, [len(files[n]) for n in names])[0]
        at, flip = draw.randrange(len(files[name])), draw.randrange(1, 256)
        changed = bytearray(files[name])
        changed[at] ^= flip
        (tmp_path / name).write_bytes(changed)
        report = audit.audit(tmp_path)
        (tmp_path / name).write_bytes(files[name])
        assert report.exit_code == 1, (name, at, flip)


def test_the_closed_list_of_files_holds_for_every_size(tmp_path: Path) -> None:
    """Sizes around full tiles: what belongs to the size is consistent, the files of two sizes together are not."""
    whole = good().ledger
    for size in (2, 255, 256, 257):
        ledger = whole.copy()
        ledger.entries, ledger.log = whole.entries[:size], "log"
        folder = tmp_path / str(size)
        files = ledger.files()
        report = audit.audit(write(files, folder))
        assert report.offence is None or report.offence.rule == "batch-size", report.offence
        ledger.entries.pop()
        offence = audit.audit(write(ledger.files(), folder)).offence
        assert offence is not None and offence.rule == "files-closed"


def test_since_finds_nothing_in_a_ledger_that_grew(tmp_path: Path) -> None:
    """Each earlier checkpoint, also by the key before the rotation, is of a prefix."""
    whole = good().ledger
    write(whole.files(), tmp_path)
    for size in (2, 256, 300, whole.size):
        older = whole.copy()
        older.entries, older.log = whole.entries[:size], whole.log if size == whole.size else "log"
        assert audit.audit(tmp_path, since=older.checkpoint()).offence is None


def test_a_witness_that_cosigned_is_named(tmp_path: Path) -> None:
    """And one that was given but did not cosign is not relied on."""
    ledger = good().ledger
    text = ledger.checkpoint().decode()
    extra = cosignature_line(WITNESS, "witness", text.split("\n\n")[0] + "\n")
    write(ledger.files() | {"checkpoint": (text + extra).encode()}, tmp_path)
    keys = [vkey("witness", WITNESS, 4), vkey("other witness", "witness.example/w2", 4)]
    report = audit.audit(tmp_path, vkey=vkey("next log"), witnesses=keys)
    assert (report.offence, report.vkey_pinned, report.witnesses) == (None, True, (WITNESS,))
    assert f"witnesses: {WITNESS}" in report.text() and "key: pinned" in report.text()


def test_a_link_or_device_is_an_extra_file(tmp_path: Path) -> None:
    """Only regular files are published."""
    write(good().ledger.files(), tmp_path)
    (tmp_path / "tile" / "2").symlink_to(tmp_path)
    offence = audit.audit(tmp_path).offence
    assert offence is not None and offence.rule == "files-closed"


def test_nothing_can_be_judged_without_a_ledger(tmp_path: Path) -> None:
    """No folder, no checkpoint, an empty tree without a key, keys and files of another kind: one sentence each."""
    with pytest.raises(audit.NotAuditable, match="no folder"):
        audit.audit(tmp_path / "missing")
    with pytest.raises(audit.NotAuditable, match="no published ledger"):
        audit.audit(tmp_path)
    write(Ledger().files(), tmp_path)
    with pytest.raises(audit.NotAuditable, match="--vkey"):
        audit.audit(tmp_path)
    assert audit.audit(tmp_path, vkey=vkey()).offence is None
    offence = audit.audit(tmp_path, vkey=vkey(name="other.example")).offence
    assert offence is not None and offence.rule == "vkey-pinned"
    for wrong in ("nonsense", vkey(kind=4), vkey().replace("+", "+0", 1), vkey().replace("+", "-")):
        with pytest.raises(audit.NotAuditable, match="verifier key"):
            audit.audit(tmp_path, vkey=wrong)
    with pytest.raises(audit.NotAuditable, match="no checkpoint"):
        audit.audit(tmp_path, vkey=vkey(), since=b"nonsense")
    with pytest.raises(audit.NotAuditable, match="can not be read"):
        audit.audit(tmp_path, vkey=vkey(), openings=tmp_path / "missing")


def test_a_checkpoint_of_too_many_entries_is_refused(tmp_path: Path) -> None:
    """At the limit the first missing bundle is an offence, one past it nothing is read."""
    ledger = good().ledger
    for size, found in ((audit.LIMIT_ENTRIES, True), (audit.LIMIT_ENTRIES + 1, False)):
        text = ledger.checkpoint().replace(b"\n%d\n" % ledger.size, b"\n%d\n" % size)
        write(ledger.files() | {"checkpoint": text}, tmp_path)
        if found:
            offence = audit.audit(tmp_path).offence
            assert offence is not None and offence.rule == "files-complete"
        else:
            with pytest.raises(audit.NotAuditable, match="at most"):
                audit.audit(tmp_path)


def test_the_file_runs_alone(tmp_path: Path) -> None:
    """As a program on its own: text and JSON, exit codes 0, 1 and 2."""
    story = good()
    write(story.ledger.files(), tmp_path / "ledger")
    (tmp_path / "openings").write_bytes(story.ledger.openings())
    (tmp_path / "audit.py").write_bytes(Path(audit.__file__).read_bytes())

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "audit.py", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    plain = run("ledger")
    assert (plain.returncode, plain.stderr) == (0, "") and plain.stdout.startswith("consistent")
    full = run("ledger", "--openings", "openings", "--vkey", vkey("next log"), "--json")
    assert full.returncode == 0
    report = json.loads(full.stdout)
    figures = ["consistent", "lawful", "entries", "size", "opened", "spends", "erased", "destinations"]
    assert list(report) == [*figures, "offence", "vkey_pinned", "witnesses"]
    assert (report["lawful"], report["offence"], report["vkey_pinned"], report["witnesses"]) == (True, None, True, [])
    (tmp_path / "ledger" / "stray").touch()
    broken = run("ledger", "--json")
    assert broken.returncode == 1
    assert json.loads(broken.stdout)["offence"]["rule"] == "files-closed"
    nothing = run("nowhere")
    assert (nothing.returncode, nothing.stdout) == (2, "") and "no folder" in nothing.stderr
    assert run().returncode == 2


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder and says nothing."""

    def log_message(self, *_: object) -> None:
        """Not here."""


def test_a_served_ledger_is_audited_by_its_url(tmp_path: Path) -> None:
    """The same verdict, and the report says that extra files were not looked for; a missing file is found."""
    write(good().ledger.files() | {"stray": b""}, tmp_path)
    handler = partial(Quiet, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        report = audit.audit(url)
        assert report.offence is None and "extra files" in report.text()
        with pytest.raises(audit.NotAuditable, match="no published ledger"):
            audit.audit(url + "elsewhere")
        (tmp_path / "tile" / "0" / "000").unlink()
        offence = audit.audit(url).offence
        assert offence is not None and offence.rule == "files-complete"
        server.shutdown()
    with pytest.raises(audit.NotAuditable, match="can not be read"):
        audit.audit(url)


def test_ten_thousand_entries_take_less_than_two_seconds(tmp_path: Path) -> None:
    """A ledger of 8,000 sightings and a year of hours."""
    story = good()
    for _ in range(230):
        story.ledger.close_day()
    assert story.ledger.size > 9_600
    write(story.ledger.files(), tmp_path)
    start = time.perf_counter()
    assert audit.audit(tmp_path).offence is None
    assert time.perf_counter() - start < 2


def test_an_opening_that_names_a_network_spend_without_signature_proves_no_delivery(tmp_path: Path) -> None:
    """Unsigned mail is a leaf like another; its delivery is not in an opening."""
    story = good()
    bare = next(spent for spent in story.ledger.spent if len(spent.mails[-1].signatures) == 0)
    bare.mails[-1].delivery = (0, 0, [bytes(32)])
    offence = examined(published(story), tmp_path).offence
    assert offence is not None and offence.rule == "delivery-proven"


def test_openings_of_an_empty_file_open_nothing(tmp_path: Path) -> None:
    """The label alone is a file of no openings."""
    report = examined(Published(good().ledger.files(), openings_file([])), tmp_path)
    assert (report.offence, report.opened, report.lawful) == (None, 0, False)


def test_without_openings_nothing_is_lawful(tmp_path: Path) -> None:
    """A ledger that spends nothing is consistent; lawful only to whoever asked with openings, be they none."""
    ledger = Ledger().begin()
    ledger.close_day()
    write(ledger.files(), tmp_path)
    assert not audit.audit(tmp_path).lawful
    assert audit.audit(tmp_path, openings=openings_file([])).lawful
