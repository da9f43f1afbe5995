"""The bench of the doors runs, and compares the same mails at every server."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[3] / "bench" / "doors.py"


def test_every_server_takes_every_mail() -> None:
    """A tiny run ends with one figure a server; only the peer that says so is not on disk before it answers."""
    command = [sys.executable, str(PROGRAM), "--mails", "20", "--bytes", "1000", "--json"]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout)
    durable = {row["server"]: row["durable"] for row in found["figures"]}
    ours = {"Antiphon, LMTP", "Antiphon, HTTP", "Antiphon, milter"}
    assert ours | {"aiosmtpd and a sync each"} <= {name for name, kept in durable.items() if kept}
    assert {name for name, kept in durable.items() if not kept} == {"aiosmtpd, not synced"}
    assert all(row["mails_per_second"] > 0 for row in found["figures"])
