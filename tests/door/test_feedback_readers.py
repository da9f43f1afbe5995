"""Our complaint in a second reader of feedback reports that knows nothing of us: Sisimai, as Debian ships it."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from tests.unit.desk.test_complain import PEER, drafted, with_mails

READ = "use Sisimai; local $/; my $m = <STDIN>; print Sisimai->dump(\\$m, delivered => 1) // '[]'"


def has_sisimai() -> bool:
    """Whether this machine has the program (`apt-get install libsisimai-perl`)."""
    perl = shutil.which("perl")
    if perl is None:
        return False
    return subprocess.run([perl, "-MSisimai", "-e", "1"], capture_output=True, check=False).returncode == 0


def read_by_sisimai(message: bytes) -> list[dict[str, str]]:
    """What it makes of a mail, which it takes with bare line feeds, as a mailbox file holds it."""
    whole = message.replace(b"\r\n", b"\n")
    done = subprocess.run(["perl", "-e", READ], input=whole, capture_output=True, check=True, timeout=60)
    return list(json.loads(done.stdout))


@pytest.mark.skipif(not has_sisimai(), reason="Sisimai is not on this machine (libsisimai-perl)")
async def test_sisimai_reads_our_complaint() -> None:
    """A feedback report of abuse, who sent the mail and from where, for whom, and when."""
    (found,) = read_by_sisimai((await drafted(await with_mails())).message)
    assert (found["reason"], found["feedbacktype"], found["rhost"]) == ("feedback", "abuse", PEER)
    assert found["recipient"].endswith("@home.example") and len(found["recipient"].partition("@")[0]) == 24
    assert found["addresser"].endswith("@shop.example") and found["timezoneoffset"] == "+0000"
    assert found["subject"] == "Offers of the week" and found["messageid"].endswith("@shop.example")
