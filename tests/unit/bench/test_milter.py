"""The bench of the milter runs, and sends the same mails every way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).resolve().parents[3] / "bench" / "milter.py"


@pytest.mark.skipif(
    os.getuid() != 0 or not Path("/usr/sbin/postfix").exists(), reason="needs Debian's postfix, and root"
)
def test_every_mail_goes_every_way() -> None:
    """A tiny run: Postfix takes every mail, with the milter, with the node down, and with one that says nothing."""
    command = [sys.executable, str(PROGRAM), "--mails", "5", "--bytes", "1000", "--json"]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout)
    assert [row["mails"] for row in found["figures"]] == [5, 5, 5, 5, 1]
    bare, *_, hangs = found["figures"]
    assert hangs["session_ms"] > bare["session_ms"], "nobody was waited for: the milter was not asked at all"
