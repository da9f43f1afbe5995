"""Only 127.0.0.0/8 and ::1 can be reached from a test: proved by trying to escape, here and in a child."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Callable

import pytest

# Documentation addresses (RFC 5737, RFC 3849): should the guard fail, nobody is there.
OUTSIDE, OUTSIDE_6 = "192.0.2.1", "2001:db8::1"
NAME = "escape.example"


def connect_ex() -> None:
    """The quiet way: an error number instead of an exception."""
    with socket.socket() as sock:
        sock.settimeout(1)
        sock.connect_ex((OUTSIDE, 443))


def sendto() -> None:
    """A datagram, which needs no connection."""
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.sendto(b"?", (OUTSIDE, 53))


def sendmsg() -> None:
    """A datagram by the other call."""
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.sendmsg([b"?"], [], 0, (OUTSIDE, 53))


def connected_datagram() -> None:
    """A datagram socket that is connected first."""
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.connect((OUTSIDE, 53))


def create_connection() -> None:
    """The convenient way."""
    socket.create_connection((OUTSIDE, 443), timeout=1).close()


def over_six() -> None:
    """IPv6."""
    with socket.socket(socket.AF_INET6) as sock:
        sock.settimeout(1)
        sock.connect((OUTSIDE_6, 443))


def mapped() -> None:
    """An IPv4 address in IPv6 clothes."""
    with socket.socket(socket.AF_INET6) as sock:
        sock.settimeout(1)
        sock.connect((f"::ffff:{OUTSIDE}", 443))


def asyncio_stream() -> None:
    """An event loop's own connection."""
    asyncio.run(asyncio.wait_for(asyncio.open_connection(OUTSIDE, 443), 1))


def look_up() -> None:
    """A name: the question alone already tells somebody."""
    socket.getaddrinfo(NAME, 443)


def look_up_old() -> None:
    """A name, by the old call."""
    socket.gethostbyname(NAME)


def look_up_reverse() -> None:
    """An address's name."""
    socket.getnameinfo((OUTSIDE, 443), 0)


def any_address() -> None:
    """The unspecified address, which some systems read as this machine and some do not."""
    with socket.socket() as sock:
        sock.settimeout(1)
        sock.connect(("0.0.0.0", 9))


ESCAPES: tuple[Callable[[], None], ...] = (
    connect_ex,
    sendto,
    sendmsg,
    connected_datagram,
    create_connection,
    over_six,
    mapped,
    asyncio_stream,
    look_up,
    look_up_old,
    look_up_reverse,
    any_address,
)


@pytest.mark.escapes
@pytest.mark.parametrize("escape", ESCAPES)
def test_nothing_leaves_this_process(escape: Callable[[], None]) -> None:
    """Each way out that Python offers is refused before a packet is made."""
    with pytest.raises(PermissionError, match="only 127"):
        escape()


@pytest.mark.escapes
@pytest.mark.parametrize("escape", ESCAPES)
def test_nothing_leaves_a_child_process(escape: Callable[[], None]) -> None:
    """The same ways are refused in a Python that the test starts."""
    program = f"import runpy; runpy.run_path({__file__!r})[{escape.__name__!r}]()"
    child = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert child.returncode != 0
    assert "only 127.0.0.0/8 and ::1 can be reached" in child.stderr


@pytest.mark.escapes
def test_nothing_leaves_a_grandchild() -> None:
    """The guard is inherited from process to process."""
    inner = f"import socket; socket.create_connection(({OUTSIDE!r}, 443), timeout=1)"
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}], check=True)"
    child = subprocess.run([sys.executable, "-c", outer], capture_output=True, text=True, timeout=30, check=False)
    assert "only 127.0.0.0/8 and ::1 can be reached" in child.stderr


@pytest.mark.escapes
@pytest.mark.parametrize("flag", ["-I", "-E", "-S"])
def test_no_child_starts_with_a_flag_that_drops_the_guard(flag: str) -> None:
    """A Python that ignores PYTHONPATH or the site would run without the guard, so it does not start."""
    with pytest.raises(PermissionError, match="without the socket guard"):
        subprocess.run([sys.executable, flag, "-c", "pass"], check=True)


@pytest.mark.escapes
def test_no_child_starts_with_an_environment_that_drops_the_guard() -> None:
    """An empty environment drops the guard too."""
    with pytest.raises(PermissionError, match="without the socket guard"):
        subprocess.run([sys.executable, "-c", "pass"], env={}, check=True)


@pytest.mark.escapes
def test_an_escape_that_is_swallowed_is_still_written_down() -> None:
    """Code that catches everything does not hide an attempt: the log has it, and the fixture reads the log."""
    with pytest.raises(PermissionError):
        sendto()
    with open(os.environ["ANTIPHON_GUARD_LOG"], encoding="utf-8") as log:
        assert OUTSIDE in log.read()


def test_loopback_and_local_sockets_work() -> None:
    """The guard is no wall around the house: both loopbacks and local sockets pass."""
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "127.45.6.7"), (socket.AF_INET6, "::1")):
        with socket.create_server((address, 0), family=family) as server:
            socket.create_connection(server.getsockname()[:2], timeout=5).close()
    left, right = socket.socketpair()
    with left, right:
        left.sendall(b"!")
        assert right.recv(1) == b"!"
