"""Durable mails a second at each door, beside the peers, in one run: `make bench`, or `python bench/doors.py --json`.

Each server is a process of its own and acknowledges only what is on disk, but for the one that says otherwise; the same
client, the same mails, the same number of connections for all. Our doors are measured up to the acknowledgement: what a
node does with a mail afterwards is in bench/pipeline.py. Postfix takes part where Debian's package is and we are root.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from antiphon.backends.home import Home
from antiphon.desk.enrol import add_member
from antiphon.desk.ticket import make_ticket
from antiphon.doors import Doors
from antiphon.founding import initialise
from antiphon.intake.milter import packet
from antiphon.node import open_desk
from antiphon.settings import Doors as Places
from antiphon.settings import Settings
from antiphon.web.api import BASE, Api
from antiphon.web.pages import Pages, serve_pages
from antiphon.world.child import free_port

HERE, DOMAIN = "127.0.0.1", "choir.example"
MEMBER = f"ann@{DOMAIN}"
CONNECTIONS = 16
ROUNDS = 3
"""Each server is measured so often, in turn, and its best round counts."""
LINE = b"All the good things of this week, and one more for whoever comes early.\r\n"
TICKETS_USED_UP = 50
"""Mails that one ticket hands in: fewer than its pace lets in at once."""
TICKS = os.sysconf("SC_CLK_TCK")
FROM, TO, DATA, DOT = f"MAIL FROM:<b@{DOMAIN}>\r\n".encode(), f"RCPT TO:<{MEMBER}>\r\n".encode(), b"DATA\r\n", b".\r\n"


def mail(number: int, size: int) -> bytes:
    """One mail of about so many bytes, unlike any other."""
    head = f"From: News <n{number}@shop.example>\r\nTo: {MEMBER}\r\nMessage-ID: <{number}.{os.urandom(6).hex()}@x>\r\n"
    return head.encode() + b"Subject: Offer\r\n\r\n" + LINE * max(1, (size - 150) // len(LINE))


@dataclass(frozen=True, slots=True)
class Figure:
    """Mails a second of elapsed time, and processor time of the server for each, where it is one process."""

    server: str
    mails_per_second: float
    cpu_ms_per_mail: float | None
    durable: bool


# --- clients ----------------------------------------------------------------------------------------------------------

Hand = Callable[[bytes], Awaitable[None]]
"""Hands one mail over and returns when it is acknowledged."""


@asynccontextmanager
async def smtp_client(port: int, greeting: bytes) -> AsyncIterator[Hand]:
    """SMTP, or LMTP for the greeting LHLO."""
    reader, writer = await asyncio.open_connection(HERE, port)

    async def expect(code: bytes) -> None:
        while (line := await reader.readline())[3:4] == b"-":
            pass
        if not line.startswith(code):
            raise RuntimeError(f"expected {code!r}, had {line!r}")

    async def hand(raw: bytes) -> None:
        for word, code in ((FROM, b"250"), (TO, b"250"), (DATA, b"354"), (raw + DOT, b"250")):
            writer.write(word)
            await expect(code)

    await expect(b"220")
    writer.write(greeting + b" client.example\r\n")
    await expect(b"250")
    yield hand
    writer.close()


@asynccontextmanager
async def milter_client(port: int) -> AsyncIterator[Hand]:
    """As an MTA that agrees to all that saves answers."""
    reader, writer = await asyncio.open_connection(HERE, port)

    async def answer() -> bytes:
        return await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big"))

    async def hand(raw: bytes) -> None:
        head, _, body = raw.partition(b"\r\n\r\n")
        said = [packet(b"M", b"<b@shop.example>\0"), packet(b"R", f"<{MEMBER}>\0".encode()), packet(b"T")]
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            said.append(packet(b"L", name + b"\0" + value + b"\0"))
        writer.write(b"".join(said) + packet(b"B", body) + packet(b"E"))
        for _ in range(2):  # at the body's beginning and at its end
            await answer()

    writer.write(packet(b"O", struct.pack(">III", 6, 0x1FF, 0x1FFFFF)))
    await answer()
    yield hand
    writer.close()


@asynccontextmanager
async def http_client(port: int, tickets: list[str]) -> AsyncIterator[Hand]:
    """The API over a connection that stays, as long as one ticket's pace lets it."""
    state: list[tuple[asyncio.StreamReader, asyncio.StreamWriter, str]] = []
    count = 0

    async def hand(raw: bytes) -> None:
        nonlocal count
        if count % TICKETS_USED_UP == 0:
            if state:
                state.pop()[1].close()
            state.append((*await asyncio.open_connection(HERE, port), tickets.pop()))
        count += 1
        reader, writer, ticket = state[-1]
        writer.write(
            f"POST {BASE}/reports HTTP/1.1\r\nHost: node\r\nAuthorization: Bearer {ticket}\r\n"
            f"Content-Type: message/rfc822\r\nContent-Length: {len(raw)}\r\n\r\n".encode()
            + raw
        )
        head = await reader.readuntil(b"\r\n\r\n")
        if head[9:12] != b"202":
            raise RuntimeError(head.decode())
        await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]))

    yield hand
    if state:
        state[-1][1].close()


async def load(client: Callable[[], object], mails: list[bytes]) -> float:
    """Seconds that it took to hand all of them over, by all connections together."""
    waiting = list(mails)

    async def one() -> None:
        async with client() as hand:  # type: ignore[attr-defined]  # one of the three above
            while waiting:
                await hand(waiting.pop())

    began = perf_counter()
    await asyncio.gather(*(one() for _ in range(CONNECTIONS)))
    return perf_counter() - began


# --- servers ----------------------------------------------------------------------------------------------------------


class Folder:
    """aiosmtpd's hook: each mail a file of its own, and on disk before the answer where that is asked for."""

    def __init__(self, folder: Path, *, durable: bool) -> None:
        self._folder, self._durable, self._number = folder, durable, 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Kept when this returns."""
        self._number += 1
        with open(self._folder / f"{self._number}", "wb") as out:  # noqa: ASYNC230 - the peer is what it is
            out.write(envelope.original_content or b"")
            if self._durable:
                out.flush()
                os.fsync(out.fileno())
        return "250 kept"


async def serve_peer(folder: Path, *, durable: bool) -> None:
    """aiosmtpd as its documentation shows it."""
    kept = folder / "kept"
    kept.mkdir(exist_ok=True)
    controller = Controller(Folder(kept, durable=durable), HERE, port=free_port(), server_hostname="peer.example")
    controller.start()
    print(json.dumps({"smtp": controller.port}), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    controller.stop()


def found_home(folder: Path) -> tuple[Home, dict[str, int]]:
    """A home, and the ports that its doors will have."""
    ports = {name: free_port() for name in ("lmtp", "milter", "http")}
    places = Places(http="", lmtp=f"{HERE}:{ports['lmtp']}", milter=f"{HERE}:{ports['milter']}")
    settings = Settings(domain=f"node.{DOMAIN}", hosted_domains=(DOMAIN,), anchor=f"{folder}/anchor", doors=places)
    home = Home(folder / "home")
    initialise(home, settings, operator_key=folder / "operator", operator_name="bench")
    return home, ports


async def serve_ours(home: Home, ports: dict[str, int], tickets: int) -> None:
    """Our doors over a real home, as the node opens them; nothing is worked off meanwhile."""
    async with open_desk(home) as (desk, found, around):
        await add_member(desk, MEMBER, consents="count")
        made = [(await make_ticket(desk, MEMBER, name=f"{n}", days=1))[0] for n in range(tickets)]
        wake = asyncio.Event()
        doors = Doors(desk, found, wake, reports=home.reports, tls=around.tls)
        await doors.open(lambda *_, **__: None)
        ours = Pages(desk, {}, api=Api(desk, asyncio.Lock(), wake))
        pages = await serve_pages(ours, (HERE, ports["http"]), lambda _: None)
        print(json.dumps({**ports, "tickets": made}), flush=True)
        await asyncio.to_thread(sys.stdin.read)
        await pages.close()
        await doors.close()


class Server:
    """This program again, as a server."""

    def __init__(self, kind: str, folder: Path, tickets: int = 0) -> None:
        place = folder / kind
        place.mkdir()
        command = [sys.executable, __file__, "--serve", kind, "--folder", str(place), "--tickets", str(tickets)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.said = json.loads(self._process.stdout.readline())

    def cpu_seconds(self) -> float:
        """So far."""
        return cpu_of(self._process.pid)

    def close(self) -> None:
        """Ended when this returns."""
        self._process.communicate()


def cpu_of(pid: int) -> float:
    """User and system time of a process so far, and of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICKS


class PostfixServer:
    """Debian's Postfix, which takes mail into its queue and delivers none of it."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.port = folder / "postfix", free_port()
        for name in ("queue", "data"):
            (self._folder / name).mkdir(parents=True)
        shutil.chown(self._folder / "data", "postfix")
        folder.chmod(0o755)
        (self._folder / "main.cf").write_text(
            f"compatibility_level = 3.6\nqueue_directory = {self._folder}/queue\ndata_directory = {self._folder}/data\n"
            f"maillog_file = {self._folder}/log\nmaillog_file_prefixes = {self._folder}\ninet_interfaces = {HERE}\n"
            f"inet_protocols = ipv4\nmyhostname = mx.{DOMAIN}\nmydestination =\nvirtual_mailbox_domains = {DOMAIN}\n"
            f"virtual_mailbox_maps = static:x\nalias_maps =\ndefer_transports = lmtp\n"
            f"default_transport = error:nothing leaves\nrelay_transport = error:nothing leaves\nmynetworks = {HERE}\n"
            f"virtual_transport = lmtp:inet:{HERE}:9\ndisable_dns_lookups = yes\nsmtputf8_enable = no\n"
            "smtpd_client_connection_count_limit = 0\n"
        )
        rows = [f"{HERE}:{self.port} inet n - n - - smtpd", "postlog unix-dgram n - n - 1 postlogd"]
        rows += [f"{name} unix n - n - {'1' if name == 'qmgr' else '0'} {name}" for name in ("cleanup", "qmgr")]
        rows += [f"{name} unix - - n - 0 bounce" for name in ("bounce", "defer", "trace")]
        rows += ["rewrite unix - - n - - trivial-rewrite", "retry unix - - n - - error", "error unix - - n - - error"]
        rows += ["anvil unix - - n - 1 anvil", "proxymap unix - - n - - proxymap", "showq unix n - n - - showq"]
        (self._folder / "master.cf").write_text("\n".join(rows) + "\n")
        self._say("start")

    def close(self) -> None:
        """Ended when this returns."""
        self._say("stop")

    def _say(self, word: str) -> None:
        with open(self._folder / "out", "ab") as out:
            environment = {**os.environ, "MAIL_CONFIG": str(self._folder)}
            command = ["/usr/sbin/postfix", "-c", str(self._folder), word]
            subprocess.run(command, stdout=out, stderr=out, check=True, timeout=60, env=environment)


# --- the run ----------------------------------------------------------------------------------------------------------


def measure(count: int, size: int) -> dict[str, object]:
    """Everything that is printed."""
    folder = Path(tempfile.mkdtemp(prefix="antiphon-bench-"))
    best: dict[str, Figure] = {}
    tickets = (ROUNDS + 1) * (count // TICKETS_USED_UP + CONNECTIONS + 1)
    ours, synced, loose = Server("ours", folder, tickets), Server("peer", folder), Server("loose", folder)
    postfix = PostfixServer(folder) if os.getuid() == 0 and Path("/usr/sbin/postfix").exists() else None
    said = ours.said
    turns = [
        ("Antiphon, LMTP", ours, True, lambda: smtp_client(said["lmtp"], b"LHLO")),
        ("Antiphon, HTTP", ours, True, lambda: http_client(said["http"], said["tickets"])),
        ("Antiphon, milter", ours, True, lambda: milter_client(said["milter"])),
        ("aiosmtpd and a sync each", synced, True, lambda: smtp_client(synced.said["smtp"], b"EHLO")),
        ("aiosmtpd, not synced", loose, False, lambda: smtp_client(loose.said["smtp"], b"EHLO")),
    ]
    if postfix is not None:
        turns.append(("Postfix, into its queue", None, True, lambda: smtp_client(postfix.port, b"EHLO")))
    try:
        for _ in range(ROUNDS):
            for name, server, durable, client in turns:
                used = server.cpu_seconds() if server is not None else 0.0
                took = asyncio.run(load(client, [mail(number, size) for number in range(count)]))
                cpu = round(1000 * (server.cpu_seconds() - used) / count, 3) if server is not None else None
                figure = Figure(name, round(count / took, 1), cpu, durable)
                if name not in best or figure.mails_per_second > best[name].mails_per_second:
                    best[name] = figure
    finally:
        for each in (ours, synced, loose, postfix):
            if each is not None:
                each.close()
        shutil.rmtree(folder, ignore_errors=True)
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "load": os.getloadavg()[0],
        "mails": count,
        "bytes": len(mail(0, size)),
        "connections": CONNECTIONS,
        "figures": [asdict(figure) for figure in best.values()],
    }


def told(found: dict[str, object]) -> str:
    """A table for people."""
    rows: list[dict[str, float]] = found["figures"]  # type: ignore[assignment]  # a list of rows
    rates = {str(row["server"]): row["mails_per_second"] for row in rows}
    lines = [
        f"{found['date']}, {found['machine']}, load {found['load']:.1f}: {found['mails']} mails of {found['bytes']} "
        f"bytes, {found['connections']} connections, the best of {ROUNDS} rounds",
        "",
        f"{'server':<28}{'mails/s':>9}{'CPU ms':>9}  on disk before the answer",
    ]
    for row in rows:
        durable = "yes" if row["durable"] else "no"
        cpu = "" if row["cpu_ms_per_mail"] is None else f"{row['cpu_ms_per_mail']:.2f}"
        lines.append(f"{row['server']:<28}{row['mails_per_second']:>9,.0f}{cpu:>9}  {durable}")
    synced, loose = rates["aiosmtpd and a sync each"], rates["aiosmtpd, not synced"]
    lines += [
        "",
        f"HTTP to aiosmtpd and a sync each: {rates['Antiphon, HTTP'] / synced:.2f} (goal 5)",
        f"LMTP to aiosmtpd, not synced: {rates['Antiphon, LMTP'] / loose:.2f} (goal 1)",
    ]
    if postfix := rates.get("Postfix, into its queue"):
        lines.append(f"LMTP to Postfix, into its queue: {rates['Antiphon, LMTP'] / postfix:.2f} (the horizon is 1)")
    return "\n".join(lines)


def main() -> None:
    """Measures, and prints a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mails", type=int, default=2000, help="how many, each round")
    parser.add_argument("--bytes", type=int, default=8000, help="how big each is")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--serve", choices=("ours", "peer", "loose"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--tickets", type=int, default=0, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve == "ours":
        asyncio.run(serve_ours(*found_home(given.folder), given.tickets))
    elif given.serve:
        asyncio.run(serve_peer(given.folder, durable=given.serve == "peer"))
    else:
        found = measure(given.mails, given.bytes)
        print(json.dumps(found, indent=2) if given.json else told(found))


if __name__ == "__main__":
    main()
