"""What the milter adds to a mail's way through Postfix: `make bench`, or `python bench/milter.py --json`.

One Postfix with a port for each way, one node; every mail goes each way in turn, in a session of its own, and stands
beside the same mail on the way without a milter. Needs Debian's Postfix, and root.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter, sleep

sys.path.insert(0, str(Path(__file__).parent))  # as a script, and from a test
from doors import DOMAIN, HERE, MEMBER, PostfixServer, Server, free_port, mail

CONTRIB = Path(__file__).resolve().parents[1] / "contrib" / "postfix" / "antiphon.cf"
NOBODY = f"zoe@{DOMAIN}"
WAYS: dict[str, tuple[str | None, str]] = {
    "no milter": (None, MEMBER),
    "ours, mail to a member": ("milter", MEMBER),
    "ours, mail to others": ("milter", NOBODY),
    "ours, node down": ("nobody", MEMBER),
    "ours, node hangs": ("silent", MEMBER),
}
"""Whom Postfix asks, and whom the mail is for."""
EVERY: dict[str | None, int] = {"silent": 100}
"""Where a mail takes seconds, one in so many goes that way."""
WARM = 10


class Ways(PostfixServer):
    """Postfix with one port a milter, each with the line of contrib."""

    def __init__(self, folder: Path, milters: dict[str | None, int]) -> None:
        super().__init__(folder)
        self.ports = {None: self.port}
        line = CONTRIB.read_text("utf-8").partition("smtpd_milters =")[2].strip()
        with open(self._folder / "master.cf", "a", encoding="utf-8") as rows:
            for name, port in milters.items():
                self.ports[name] = free_port()
                rows.write(f"{HERE}:{self.ports[name]} inet n - n - - smtpd\n")
                rows.write(f"  -o {{ smtpd_milters = {line.replace(':8892', f':{port}')} }}\n")
        self._say("reload")


def session(port: int, raw: bytes, recipient: str) -> tuple[float, float]:
    """Seconds from the connection to the goodbye, and from the mail's end to its acknowledgement."""
    began = perf_counter()
    with socket.create_connection((HERE, port), timeout=60) as link, link.makefile("rb") as lines:

        def hear(code: bytes) -> None:
            while (line := lines.readline())[3:4] == b"-":
                pass
            if not line.startswith(code):
                raise RuntimeError(f"expected {code!r}, had {line!r}")

        hear(b"220")
        for word, code in (
            (b"EHLO client.example", b"250"), (f"MAIL FROM:<b@{DOMAIN}>".encode(), b"250"),
            (f"RCPT TO:<{recipient}>".encode(), b"250"), (b"DATA", b"354"),
        ):  # fmt: skip
            link.sendall(word + b"\r\n")
            hear(code)
        link.sendall(raw)
        ended = perf_counter()
        link.sendall(b".\r\n")
        hear(b"250")
        acknowledged = perf_counter() - ended
        link.sendall(b"QUIT\r\n")
        hear(b"221")
        return perf_counter() - began, acknowledged


def turns(postfix: Ways, count: int, size: int) -> Iterator[tuple[str, float, float]]:
    """Each mail each way, in milliseconds; the first ones warm everything up and are not told."""
    for number in range(-WARM, count):
        for way, (milter, recipient) in WAYS.items():
            if number % EVERY.get(milter, 1):
                continue
            took = session(postfix.ports[milter], mail(number, size), recipient)
            if number >= 0:
                yield way, 1000 * took[0], 1000 * took[1]


def measure(count: int, size: int) -> dict[str, object]:
    """Everything that is printed."""
    folder = Path(tempfile.mkdtemp(prefix="antiphon-bench-"))
    ours = Server("ours", folder)
    silent = socket.create_server((HERE, 0))  # connections are made, and never answered
    ports = {"milter": ours.said["milter"], "nobody": free_port(), "silent": silent.getsockname()[1]}
    postfix = Ways(folder, ports)
    sleep(1.0)  # a reload is heard, not answered
    whole: dict[str, list[float]] = {way: [] for way in WAYS}
    ends: dict[str, list[float]] = {way: [] for way in WAYS}
    try:
        for way, session_ms, end_ms in turns(postfix, count, size):
            whole[way].append(session_ms)
            ends[way].append(end_ms)
    finally:
        postfix.close()
        ours.close()
        silent.close()
        shutil.rmtree(folder, ignore_errors=True)
    bare = whole["no milter"]
    rows = []
    for way, times in whole.items():
        step = EVERY.get(WAYS[way][0], 1)
        added = sorted(time - before for time, before in zip(times, bare[::step], strict=True))
        rows.append({
            "way": way, "mails": len(times), "session_ms": round(median(times), 2),
            "end_ms": round(median(ends[way]), 2), "added_ms": round(median(added), 2),
            "added_p95_ms": round(added[min(len(added) - 1, len(added) * 95 // 100)], 2),
        })  # fmt: skip
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "load": os.getloadavg()[0],
        "mails": count,
        "bytes": len(mail(0, size)),
        "figures": rows,
    }


def told(found: dict[str, object]) -> str:
    """A table for people."""
    rows: list[dict[str, float]] = found["figures"]  # type: ignore[assignment]  # a list of rows
    lines = [
        f"{found['date']}, {found['machine']}, load {found['load']:.1f}: {found['mails']} mails of {found['bytes']} "
        "bytes, one after the other, each way in turn; medians in ms",
        "",
        f"{'way':<26}{'mails':>7}{'session':>10}{'end to 250':>12}{'added':>9}{'added, p95':>12}",
    ]
    for row in rows:
        lines.append(
            f"{row['way']:<26}{row['mails']:>7}{row['session_ms']:>10.1f}{row['end_ms']:>12.1f}"
            f"{row['added_ms']:>9.1f}{row['added_p95_ms']:>12.1f}"
        )
    return "\n".join(lines)


def main() -> None:
    """Measures, and prints a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mails", type=int, default=300, help="how many, each way")
    parser.add_argument("--bytes", type=int, default=8000, help="how big each is")
    parser.add_argument("--json", action="store_true", help="for programs")
    given = parser.parse_args()
    if os.getuid() != 0 or not Path("/usr/sbin/postfix").exists():
        print("Left out: this needs Debian's postfix, and root.")
        return
    found = measure(given.mails, given.bytes)
    print(json.dumps(found, indent=2) if given.json else told(found))


if __name__ == "__main__":
    main()
