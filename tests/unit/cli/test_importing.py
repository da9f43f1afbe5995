"""`antiphon import`: every message is counted once, whatever is in the way, and only what was allowed is asked."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from tests.unit.cli.letters import BOUNCE, ME, name_server, newsletter, put, run, shown, unsigned
from tests.unit.formats.dkim_vectors import SIGNER, record_of

KEY = {"s1._domainkey.shop.example": record_of(SIGNER)}
CLOSED = pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two homes to copy, since making one takes half a second."""
    folder = tmp_path_factory.mktemp("made")
    for name, domains in (("pending", "[]"), ("hosted", '["own.example"]')):
        (folder / f"{name}.toml").write_text(f"hosted_domains = {domains}\n")
        assert run(folder / name / "home", "init", "--settings", str(folder / f"{name}.toml")).exit_code == 0
        assert run(folder / name / "home", "member", "add", ME).exit_code == 0
    return folder


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    """A home whose member is pending: nobody proved the address."""
    return copytree(made / "pending", tmp_path, dirs_exist_ok=True) / "home"


@pytest.fixture
def hosted(made: Path, tmp_path: Path) -> Path:
    """A home that hosts the member's domain: the mandate is live."""
    return copytree(made / "hosted", tmp_path, dirs_exist_ok=True) / "home"


def taken(home: Path, *words: str, **environment: str) -> Any:
    """The summary of an import that ends well."""
    return shown(run(home, "import", *words, "--member", ME, "--json", **environment))


def adds_up(summary: Any) -> bool:
    """messages = accepted + evidence only + refused = already there + new."""
    parts = summary["accepted"] + summary["evidence_only"] + summary["refused"]
    return bool(summary["messages"] == parts == summary["already_there"] + summary["new"])


def test_mail_under_a_pending_mandate_is_evidence_only(home: Path, tmp_path: Path) -> None:
    """A bounce is no report at all; a second copy is no second report."""
    mail = put(tmp_path / "in", a=newsletter(1), b=unsigned(2), c=newsletter(1), d=BOUNCE)
    summary = taken(home, str(mail))
    assert adds_up(summary)
    assert (summary["evidence_only"], summary["refused"], summary["sightings"]) == (2, 2, 0)
    assert (summary["reasons"]["not-duplicate"], summary["reasons"]["not-a-robot"]) == (1, 1)


def test_mail_of_a_live_member_is_accepted_and_can_pay_for_nothing(hosted: Path, tmp_path: Path) -> None:
    """Without a key nobody answers for it; it is of class C in any case."""
    summary = taken(hosted, str(put(tmp_path / "in", a=newsletter(1))))
    assert (summary["accepted"], summary["sightings"]) == (1, 0)
    assert {"gate-passes", "class-allows"} <= set(summary["no_sighting"])


def test_without_online_no_name_is_asked_for(hosted: Path, tmp_path: Path) -> None:
    """Not of the name server, nor of a registry."""
    with name_server(KEY) as (place, asked):
        taken(hosted, str(put(tmp_path / "in", a=newsletter(1))), ANTIPHON_DNS=place)
    assert asked == []


def test_online_looks_keys_up_and_nothing_else(hosted: Path, tmp_path: Path) -> None:
    """Keys and DMARC records, so that somebody answers for the mail: a case, no sighting, no registry asked."""
    with name_server(KEY) as (place, asked):
        summary = taken(hosted, str(put(tmp_path / "in", a=newsletter(1))), "--online", ANTIPHON_DNS=place)
    assert summary["accepted"] == 1
    assert list(summary["no_sighting"]) == ["class-allows"]
    assert set(asked) == {"s1._domainkey.shop.example", "_dmarc.shop.example", "_dmarc.example"}
    (case,) = shown(run(hosted, "cases", "--json"))
    assert (case["originator"], case["reports"], case["sightings"]) == ("shop.example", 1, 0)


def test_online_proves_what_a_pending_mandate_assumes(home: Path, tmp_path: Path) -> None:
    """With keys at hand nothing is assumed: a mail whose signature is broken has no originator."""
    mail = put(tmp_path / "in", a=newsletter(1), b=newsletter(2).replace(b"Hello", b"Jello"))
    with name_server(KEY) as (place, _):
        taken(home, str(mail), "--online", ANTIPHON_DNS=place)
    found = shown(run(home, "quickstart", str(mail), "--member", ME, "--json"))
    assert [(each["originator"], each["messages"], each["assumed"]) for each in found["originators"]] == [
        ("shop.example", 1, False)
    ]


def test_a_name_server_that_fails_ends_the_run_before_anything_is_taken(hosted: Path, tmp_path: Path) -> None:
    """A verdict for good must not rest on a bad hour; later it goes on."""
    mail = str(put(tmp_path / "in", a=newsletter(1)))
    with name_server(None) as (place, _):
        ended = run(hosted, "import", mail, "--member", ME, "--online", ANTIPHON_DNS=place)
    assert (ended.exit_code, ended.stderr.count("\n")) == (69, 1)
    assert "The name server answers no question. Run this again later" in ended.stderr
    with name_server(KEY) as (place, _):
        summary = taken(hosted, mail, "--online", ANTIPHON_DNS=place)
    assert (summary["accepted"], summary["already_there"]) == (1, 0)


def test_a_second_run_finds_all_of_it(home: Path, tmp_path: Path) -> None:
    """The same counts, and nothing new; what was refused is known too."""
    mail = put(tmp_path / "in", a=newsletter(1), b=newsletter(1), c=BOUNCE)
    first, second = taken(home, str(mail)), taken(home, str(mail))
    for name in ("messages", "accepted", "evidence_only", "refused", "reasons"):
        assert first[name] == second[name]
    assert (second["already_there"], second["new"]) == (3, 0)
    assert shown(run(home, "status", "--json"))["reports"]["evidence-only"] == 1


def test_what_only_a_mandate_stood_against_is_judged_again(home: Path, tmp_path: Path) -> None:
    """A revoked member's mail is refused; it is not remembered as taken."""
    mail = str(put(tmp_path / "in", a=newsletter(1)))
    run(home, "member", "revoke", ME)
    assert (taken(home, mail)["refused"], taken(home, mail)["already_there"]) == (1, 0)


def test_a_campaign_counts_a_mail_once(home: Path, tmp_path: Path) -> None:
    """However often it is found, in however many copies."""
    taken(home, str(put(tmp_path / "in", a=newsletter(1), b=newsletter(1))))
    taken(home, str(put(tmp_path / "other", a=newsletter(1))))
    (campaign,) = shown(run(home, "campaigns", "--json"))
    assert campaign["messages"] == 1


def test_whoever_is_no_member_is_told_before_anything_is_read(home: Path, tmp_path: Path) -> None:
    """One sentence, and what to do."""
    ended = run(home, "import", str(tmp_path), "--member", "you@own.example")
    assert ended.exit_code == 77
    assert "you@own.example is not a member. `antiphon member add you@own.example` first." in ended.stderr


def test_one_bad_file_does_not_keep_the_others_out(home: Path, tmp_path: Path) -> None:
    """A bomb, a damaged archive, no mail, an empty file: a sentence each, and the mail is taken."""
    mail = put(tmp_path / "in", a=newsletter(1), b=unsigned(2), empty=b"")
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.eml", newsletter(3))
    (mail / "cut.zip").write_bytes(whole.getvalue()[:-30])
    (mail / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(100))
    ended = run(home, "import", str(mail), "--member", ME)
    assert ended.exit_code == 65
    assert "2 messages in" in ended.stdout
    assert "Not read: 2 no mail, 1 damaged" in ended.stdout
    assert "cut.zip: It is damaged, or packed in a way that is not read here. Export or copy it again." in ended.stderr


@pytest.mark.parametrize("name", ["nowhere", "empty", "photo.jpg"])
def test_a_path_without_mail_ends_with_its_own_code(home: Path, tmp_path: Path, name: str) -> None:
    """Missing, empty, of another kind."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    ended = run(home, "import", str(tmp_path / name), "--member", ME)
    assert ended.exit_code == 66
    assert len(ended.stderr.splitlines()) == 1


@CLOSED
def test_a_closed_folder_is_told_with_advice(home: Path, tmp_path: Path) -> None:
    """And its neighbour is read."""
    put(tmp_path / "in" / "closed", a=newsletter(1)).chmod(0)
    put(tmp_path / "in", b=newsletter(2))
    ended = run(home, "import", str(tmp_path / "in"), "--member", ME)
    (tmp_path / "in" / "closed").chmod(0o700)
    assert ended.exit_code == 65
    assert "It may not be read by you. Give yourself leave to read it" in ended.stderr


def test_a_message_past_a_limit_is_refused_by_name(home: Path, tmp_path: Path) -> None:
    """It is counted among the messages, told, and known the next time."""
    mail = put(tmp_path / "in", a=b"From: a@b.example\r\nTo: c@d.example\r\nX: " + b"x" * 70_000 + b"\r\n\r\n")
    ended = run(home, "import", str(mail), "--member", ME)
    assert ended.exit_code == 0
    assert "within-limits: It passes a limit of size or structure." in ended.stdout
    assert "a.eml: The header is too long" in ended.stderr
    assert taken(home, str(mail))["already_there"] == 1


def test_the_summary_fits_eighty_columns(hosted: Path, tmp_path: Path) -> None:
    """With a sentence for every reason."""
    ended = run(hosted, "import", str(put(tmp_path / "in", a=newsletter(1), b=BOUNCE)), "--member", ME)
    assert max(map(len, ended.stdout.splitlines())) <= 80
    assert "not-a-robot: A bounce, receipt or machine report is never a report." in ended.stdout
    assert "Why no sighting" in ended.stdout
