"""A backup, the keys that are not in it, and erasures that come after it."""

from __future__ import annotations

import json
import shutil
import subprocess
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from antiphon.backends.keybook import SLOT, FileBook
from antiphon.backends.vault import KeyVault
from antiphon.errors import MalformedInput
from tests.unit.cli.letters import ME, name_server, newsletter, put, run, shown

OTHER = "you@own.example"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with two members, some sealed mail of one of them, and a backup of it in `before`."""
    home, mail = tmp_path / "home", put(tmp_path / "mail", a=newsletter(1), b=newsletter(2))
    assert run(home, "quickstart", str(mail), "--member", ME).exit_code == 0
    assert run(home, "member", "add", OTHER).exit_code == 0
    shown(run(home, "backup", str(tmp_path / "before"), "--json"))
    return home


def unpacked(backup: Path) -> Path:
    """The backup as any `tar` unpacks it."""
    place = backup.with_name("unpacked")
    place.mkdir()
    subprocess.run(["tar", "-xf", backup, "-C", place], check=True)
    return place


def keys_in(database: Path) -> dict[str, bytes]:
    """What a database says of its members' keys."""
    with closing(apsw.Connection(str(database), apsw.SQLITE_OPEN_READONLY)) as connection:
        return {str(a): bytes(k) for a, k in connection.execute('SELECT "address", "data_key" FROM "mandate"')}


def test_no_backup_holds_a_members_key(home: Path) -> None:
    """Neither as a file nor anywhere in a file, wrapped or not."""
    book = (home / "keys" / "members").read_bytes()
    data = home.with_name("before").read_bytes()
    slots = [SLOT.unpack(book[at : at + SLOT.size]) for at in range(0, len(book), SLOT.size)]
    assert len(slots) >= 2 and not any(wrapped in data for _, _, wrapped in slots)
    assert sorted(path.name for path in (unpacked(home.with_name("before")) / "keys").iterdir()) == [
        "dkim-ed25519.sealed", "dkim-rsa.sealed", "log.sealed",
    ]  # fmt: skip


def test_after_an_erasure_an_older_backup_opens_nothing_of_that_member(home: Path) -> None:
    """With the master key, with the key book of the home, with its copy; the other member's key is there."""
    before = keys_in(unpacked(home.with_name("before")) / "antiphon.db")
    assert shown(run(home, "member", "revoke", ME, "--erase", "--json")) == {
        "address": ME, "erased": True, "waits_for": "",
    }  # fmt: skip
    master = (home / "keys" / "master").read_bytes()
    for book in (home / "keys" / "members", home.with_name("home-anchor") / "checkpoint.keys"):
        vault = KeyVault(master, FileBook(book))
        vault.seal(before[OTHER], b"", b"")
        with pytest.raises(MalformedInput, match="destroyed"):
            vault.seal(before[ME], b"", b"")


def test_a_home_restored_on_a_new_machine_has_the_living_and_not_the_erased(home: Path) -> None:
    """From the backup, the master key and the copy of the members' keys; the disk of the old home is gone."""
    run(home, "member", "revoke", ME, "--erase")
    backup, master = home.with_name("before"), home.with_name("master.key")
    shutil.copy(home / "keys" / "master", master)
    shutil.rmtree(home)
    checked = shown(run(home, "restore", "--check", str(backup), "--master-key", str(master), "--json"))
    assert (checked["members"], checked["members_erased"]) == (2, 1)
    again = home.with_name("again")
    assert shown(run(again, "restore", str(backup), "--master-key", str(master), "--json"))["members_erased"] == 1
    assert sorted(each["address"] == OTHER for each in shown(run(again, "member", "list", "--json"))) == [False, True]
    assert ME not in run(again, "member", "list").output
    # What the restored home does from now on follows into the copy, too.
    shown(run(again, "member", "revoke", OTHER, "--erase", "--json"))
    assert (again / "keys" / "members").read_bytes() == (home.with_name("home-anchor") / "checkpoint.keys").read_bytes()


def test_without_the_members_keys_a_restore_stops_unless_it_is_told_to_go_on(home: Path) -> None:
    """Nobody is forgotten by mistake: their keys are given up by a word, never by a file that was not found."""
    backup, master = home.with_name("before"), home / "keys" / "master"
    (home.with_name("home-anchor") / "checkpoint.keys").unlink()
    words = ("restore", str(backup), "--master-key", str(master))
    refused = run(home.with_name("again"), *words)
    assert refused.exit_code == 73 and "keys of 2 members are missing" in refused.stderr
    assert run(home, "restore", "--check", str(backup), "--without-keys").exit_code == 2
    assert run(home.with_name("again"), *words, "--member-keys", str(home / "nowhere")).exit_code == 66
    assert run(home.with_name("again"), *words, "--without-keys").exit_code == 0
    assert {each["address"] for each in shown(run(home.with_name("again"), "member", "list", "--json"))} == {ME, OTHER}
    assert run(home.with_name("once"), *words, "--member-keys", str(home / "keys" / "members")).exit_code == 0


def test_a_look_through_a_backup_leaves_no_copy_of_the_members_keys(home: Path) -> None:
    """The book is read where it lies, and unchanged."""
    book = home / "keys" / "members"
    before = book.read_bytes(), book.stat().st_mtime_ns
    shown(run(home, "restore", "--check", str(home.with_name("before")), "--json"))
    assert (book.read_bytes(), book.stat().st_mtime_ns) == before
    assert not [path for path in home.parent.iterdir() if path.name.startswith(".before")]


def test_an_erasure_that_can_not_reach_the_copy_says_so_until_it_does(home: Path) -> None:
    """In its answer, in the status and in the doctor's findings; the next round after the disk is back reaches it."""
    copy = home.with_name("home-anchor") / "checkpoint.keys"
    hidden = copy.rename(home.with_name("stick"))
    said = run(home, "member", "revoke", ME, "--erase")
    assert said.exit_code == 0 and "still to be reached" in said.output and str(copy) in said.output.replace("\n", "")
    erasures = shown(run(home, "status", "--json"))["erasures"]
    assert erasures["waiting"] == 1 and str(copy) in erasures["keys_away"]
    with name_server({}) as (server, _):
        found = json.loads(run(home, "doctor", "--json", ANTIPHON_DNS=server).stdout)
    assert "member-keys" in {each["check"] for each in found}
    hidden.rename(copy)
    shown(run(home, "backup", str(home.with_name("later")), "--json"))
    assert shown(run(home, "status", "--json"))["erasures"] == {"waiting": 0, "keys_away": ""}
    assert copy.read_bytes() == (home / "keys" / "members").read_bytes()
