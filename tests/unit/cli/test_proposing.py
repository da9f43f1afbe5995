"""What the doctor proposes to the configuration that Debian's packages bring, and to what became of it."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from antiphon.cli.proposing import SERVERS, Here, propose
from antiphon.errors import BrokenSettings, UnreadableFile
from tests.door import syntax

MILTER, REPORTS, PROGRAM = "127.0.0.1:7357", "/srv/reports", "/usr/bin/antiphon"
URLS = {name: f"http://127.0.0.1:81/rspamd/5ec2e7/{name}" for name in ("originators", "subjects", "seen")}


@pytest.fixture
def here(tmp_path: Path) -> Here:
    return Here(tmp_path / "etc", MILTER, REPORTS, PROGRAM, lambda: URLS)


def lay_out(here: Here, server: str) -> Path:
    """The files of Debian's package, in a folder of their own."""
    folder = Path("/etc") / SERVERS[server].folder
    if not folder.is_dir():
        pytest.skip(f"no {folder} here: needs Debian's package")
    return Path(shutil.copytree(folder, here.etc / folder.name))


def apply(diff: str) -> None:
    """As the page says."""
    done = subprocess.run(["patch", "-p1", "-d", "/"], input=diff, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + diff
    assert "offset" not in done.stdout and "fuzz" not in done.stdout, done.stdout


def said(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("server", SERVERS)
def test_what_was_proposed_and_applied_is_not_proposed_again(here: Here, server: str) -> None:
    """Looking writes nothing; applied, the lines of this machine are there, and nothing is lacking."""
    folder = lay_out(here, server)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    diff = propose(server, here)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    expected = {
        "postfix": [MILTER], "dovecot": [REPORTS, PROGRAM], "rspamd": list(URLS.values()), "exim": [REPORTS, PROGRAM],
    }  # fmt: skip
    assert all(word in diff for word in expected[server]) and "/var/lib/antiphon" not in diff
    apply(diff)
    assert propose(server, here) == ""


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("inet:127.0.0.1:11332", ["inet:127.0.0.1:11332"]),
        ("\n    { unix:/run/a, timeout=1s },\n    inet:h:1", ["{ unix:/run/a, timeout=1s }", "inet:h:1"]),
        (f"{{ inet:{MILTER} }} inet:h:1", ["inet:h:1"]),
    ],
)  # fmt: skip
def test_other_milters_of_postfix_stay_and_ours_comes_first(here: Here, value: str, kept: list[str]) -> None:
    """As Postfix itself reads it; one of ours that would refuse mail while the node is down is replaced."""
    folder = lay_out(here, "postfix")
    with open(folder / "main.cf", "a", encoding="utf-8") as file:
        file.write(f"smtpd_milters = {value}\nbiff = no\n")
    apply(propose("postfix", here))
    first, *others = re.findall(r"\{[^}]*\}|[^\s,]+", said("postconf", "-c", str(folder), "-xh", "smtpd_milters"))
    assert f"inet:{MILTER}," in first and "default_action=accept" in first
    assert others == kept
    assert propose("postfix", here) == ""


EDITS = {
    "postfix": ("main.cf", "content_timeout=10s", "content_timeout=20s"),
    "dovecot": ("conf.d/99-antiphon.conf", "Junk", "Spam"),
    "rspamd": ("local.d/multimap.conf", "score = 2.0", "score = 0.5"),
}


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")


@pytest.mark.parametrize("server", EDITS)
def test_an_edit_of_ours_is_theirs(here: Here, server: str) -> None:
    """Another pause, folder or score is left alone; what would not reach this node is shown, and no more."""
    folder, (name, old, new) = lay_out(here, server), EDITS[server]
    apply(propose(server, here))
    change(folder / name, old, new)
    assert propose(server, here) == ""
    urls = {**URLS, "seen": "http://127.0.0.1:82/rspamd/0ther/seen"}
    diff = propose(server, replace(here, milter="127.0.0.1:1", reports="/elsewhere", urls=lambda: urls))
    removed = [line for line in diff.splitlines() if re.match(r"-[^-]", line)]
    assert diff and len(removed) <= 1 and not any(new in line for line in removed)


HOUSE, KEPT = (
    "plugin {{\n  sieve_plugins = sieve_extdata\n  sieve_pipe_bin_dir = {folder}\n}}\n"
    "plugin {{\n  imapsieve_mailbox1_name = Ham\n  imapsieve_mailbox1_before = file:/x\n}}\n",
    ["sieve_plugins = sieve_imapsieve sieve_extprograms sieve_extdata", "imapsieve_mailbox1_name = Ham",
     "imapsieve_mailbox2_name = Spam", "imapsieve_mailbox3_from = Spam"],
)  # fmt: skip
"""What a house with Dovecot 2.3 may have, and what is there beside ours."""
NEWER_HOUSE, NEWER_KEPT = (
    "sieve_plugins {{\n  sieve_extdata = yes\n}}\nsieve_pipe_bin_dir = {folder}\n",
    ["sieve_imapsieve = yes", "sieve_extprograms = yes", "sieve_extdata = yes",
     "mailbox Spam {{\n  sieve_script antiphon-junked", "imapsieve_from Spam {{"],
)  # fmt: skip
"""The same of 2.4, whose lists are added to and whose mailboxes have no numbers."""


def test_what_dovecot_has_already_is_kept(here: Here) -> None:
    """Its plugins, its numbers, its folder for programs, and what it calls Junk; read by Dovecot itself."""
    folder = lay_out(here, "dovecot")
    house, kept = (NEWER_HOUSE, NEWER_KEPT) if syntax.newer() else (HOUSE, KEPT)
    (folder / "conf.d" / "91-house.conf").write_text(house.format(folder=folder), "utf-8")
    change(folder / "conf.d" / "15-mailboxes.conf", "mailbox Junk {", "mailbox Spam {")
    apply(propose("dovecot", here))
    found = said("doveconf", "-n", "-c", str(folder / "dovecot.conf"))
    for line in (*kept, f"sieve_pipe_bin_dir = {folder}"):
        assert line.replace("{{", "{") in found, found
    assert (folder / "antiphon-report").stat().st_mode & 0o111
    assert '"Spam/*"' in (folder / "antiphon" / "junked.sieve").read_text("utf-8")
    assert propose("dovecot", here) == ""


def test_the_newer_syntax_of_dovecot_has_its_own_file(here: Here) -> None:
    """Where `dovecot_config_version` says so."""
    folder = here.etc / "dovecot"
    (folder / "conf.d").mkdir(parents=True)
    (folder / "dovecot.conf").write_text("dovecot_config_version = 2.4.0\n", "utf-8")
    diff = propose("dovecot", here)
    assert "sieve_script antiphon-junked" in diff and "plugin {" not in diff


@pytest.mark.parametrize("split", ["true", "false"])
def test_both_ways_of_debians_exim(here: Here, split: str) -> None:
    """Two files of ours in the split configuration; two places in the one template, before what delivers."""
    folder = here.etc / "exim4"
    folder.mkdir(parents=True)
    (folder / "update-exim4.conf.conf").write_text(f"dc_use_split_config='{split}'\n", "utf-8")
    template = folder / "exim4.conf.template"
    template.write_text("begin acl\nx\nbegin routers\nlocal:\nbegin transports\nmail:\nbegin retry", "utf-8")
    apply(propose("exim", here))
    assert (folder / "conf.d" / "router" / "150_antiphon").exists() is (split == "true")
    order = [
        template.read_text("utf-8").find(word)
        for word in ("transport = antiphon_delivered", "local:", "driver = pipe", "mail:")
    ]
    assert order == sorted(order) if split == "false" else order[0] == -1
    assert propose("exim", here) == ""


def test_what_is_not_here_is_said(here: Here) -> None:
    """No such server, and no such door."""
    with pytest.raises(UnreadableFile):
        propose("postfix", here)
    lay_out(here, "postfix")
    with pytest.raises(BrokenSettings):
        propose("postfix", replace(here, milter=""))
