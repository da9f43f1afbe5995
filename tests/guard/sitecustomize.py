"""The socket guard: whatever runs under the tests reaches loopback and nothing else.

Python loads this file at start-up in every child process, because `tests/conftest.py` puts its folder first in
PYTHONPATH; in the test process itself `conftest` loads it. An audit hook can not be taken out again, and sees each
call of the `socket` module, whichever library made it. A child that would start without the guard is refused.

Each refusal is also written to the file named by ANTIPHON_GUARD_LOG, so that code which swallows the exception still
fails its test.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from typing import Any

FOLDER = os.path.dirname(os.path.abspath(__file__))
LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
WITH_ADDRESS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
WITH_NAME = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"})
UNGUARDED_FLAGS = ("-I", "-E", "-S")


class EscapeRefused(PermissionError):
    """Code under test tried to leave loopback, or to start a Python that could.

    An OSError, so that libraries close their sockets as they do for any refused connection.
    """


def is_loopback(host: object) -> bool:
    """True for an address in 127.0.0.0/8, ::1, and the one name that never leaves the machine."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host.decode() if isinstance(host, bytes) else str(host))
    except ValueError:
        return False
    return any(address in network for network in LOOPBACK)


def may_reach(family: int, address: Any) -> bool:
    """Whether a socket of this family may be pointed at this address; None means it was judged when it connected."""
    if family == socket.AF_UNIX or address is None:
        return True
    return family in (socket.AF_INET, socket.AF_INET6) and is_loopback(address[0])


def may_look_up(name: object) -> bool:
    """Whether a name may be resolved: one that needs no question to a name server."""
    if name is None or name in ("", b"", "localhost", b"localhost"):
        return True
    try:
        ipaddress.ip_address(name.decode() if isinstance(name, bytes) else str(name))
    except ValueError:
        return False
    return True


def may_start(executable: Any, arguments: Any, environment: Any) -> bool:
    """Whether a child may start: no Python without this guard."""
    words = [os.fsdecode(word) for word in ([arguments] if isinstance(arguments, str | bytes) else arguments)]
    program = os.fsdecode(executable) if executable else (words or [""])[0]
    if "python" not in os.path.basename(program) and not program.startswith(sys.prefix):
        return True
    path = (os.environ if environment is None else environment).get("PYTHONPATH", "")
    flags = [word for word in words[1:] if word.startswith("-") and not word.startswith("--")]
    return FOLDER in path.split(os.pathsep) and not any(flag.startswith(UNGUARDED_FLAGS) for flag in flags)


def refuse(what: str) -> None:
    """Write the attempt down, then raise."""
    log = os.environ.get("ANTIPHON_GUARD_LOG")
    if log:
        with open(log, "a", encoding="utf-8") as book:
            book.write(what + "\n")
    raise EscapeRefused(f"{what}: only 127.0.0.0/8 and ::1 can be reached from a test")


def watch(event: str, arguments: tuple[Any, ...]) -> None:
    """The audit hook."""
    if event in WITH_ADDRESS:
        if not may_reach(arguments[0].family, arguments[1]):
            refuse(f"{event} to {arguments[1]!r}")
    elif event in WITH_NAME:
        if not may_look_up(arguments[0]):
            refuse(f"{event} of {arguments[0]!r}")
    elif event == "socket.getnameinfo":
        if not is_loopback(arguments[0][0]):
            refuse(f"{event} of {arguments[0]!r}")
    elif event == "subprocess.Popen":
        executable, words, _, environment = arguments
        if not may_start(executable, words, environment):
            refuse(f"start of {words!r} without the socket guard")


sys.modules["uvloop"] = None  # type: ignore[assignment]  # it connects in C, where no audit hook sees it
sys.addaudithook(watch)
