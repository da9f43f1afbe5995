"""The pipe: one message on standard input is handed to the node on this machine, or laid down for it.

Runs once for each message, so it loads as little as it can. It ends with success only when the message is durable: the
node said so, or it lies sealed and synced in the node's folder, from which the node takes it when it is back.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from typing import BinaryIO

from antiphon.errors import AntiphonError, HomeUnusable, MalformedInput, RefusedByLaw, StorageFailed
from antiphon.formats.handed import MESSAGE_BYTES, Event, Handed, print_handed, seal_handed

SOCKET = "socket"
KEY = "key"
ENDING = ".handed"
ANSWER_BYTES = 4096
WAIT_SECONDS = 5.0
"""How long the node may take; then the message is laid down instead. What comes twice is folded into one."""
TRY_AGAIN = 75
"""The exit code that mail programs know as *later* (EX_TEMPFAIL); they keep the message and come again."""


def main(arguments: list[str], stdin: BinaryIO | None = None) -> int:
    """`--member ADDRESS [--event EVENT] [--folder FOLDER]`, the message on standard input. Says on standard error what
    went wrong, and returns the exit code."""
    try:
        member, event, folder = _parse(arguments)
        raw = (stdin or sys.stdin.buffer).read(MESSAGE_BYTES + 1)
        said = hand_in(folder, Handed(event, member, raw))
    except AntiphonError as error:
        sys.stderr.write(f"antiphon: {error.sentence()}\n")
        return TRY_AGAIN if error.temporary else error.exit_code
    if said:
        sys.stderr.write(f"antiphon: {said}\n")
    return 0


def hand_in(folder: str, handed: Handed) -> str:
    """Hands one message over, and returns a sentence for people where there is one to say. Raises MalformedInput for
    what is no message, RefusedByLaw where the node says no, StorageFailed or HomeUnusable where it was not kept."""
    if not handed.raw.strip():
        raise MalformedInput("There is no message on standard input.")
    if len(handed.raw) > MESSAGE_BYTES:
        raise MalformedInput(f"A message has at most {MESSAGE_BYTES} bytes.")
    answer = ask(os.path.join(folder, SOCKET), handed)
    if answer is None:
        lay_down(folder, handed)
        return "The node is not there; the message waits for it."
    if "error" in answer:
        raise RefusedByLaw(str(answer["error"]), (), advice=str(answer.get("advice", "")))
    return ""


def ask(place: str, handed: Handed) -> dict[str, object] | None:
    """What the node answers; None where it is not there, or can not keep anything now."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(WAIT_SECONDS)
        try:
            line.connect(place)
            line.sendall(print_handed(handed))
            line.shutdown(socket.SHUT_WR)
            said = b""
            while len(said) < ANSWER_BYTES and (piece := line.recv(ANSWER_BYTES)):
                said += piece
            answer = json.loads(said)
        except (OSError, ValueError):
            return None
    return answer if isinstance(answer, dict) and not answer.get("later") else None


def lay_down(folder: str, handed: Handed) -> None:
    """Leaves it in the node's folder, durable when this returns. Raises HomeUnusable where no node ever was, and
    StorageFailed where nothing can be written."""
    try:
        with open(os.path.join(folder, KEY), encoding="ascii") as file:
            key = bytes.fromhex(file.read().strip())
    except (OSError, ValueError) as error:
        raise HomeUnusable(
            f"{folder} is not where a node takes reports: {error}.",
            advice="Name its folder with --folder or ANTIPHON_REPORTS; doors.reports in its settings says which.",
        ) from error
    name = os.urandom(16).hex()
    hidden, path = os.path.join(folder, f".{name}"), os.path.join(folder, name + ENDING)
    try:
        handle = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            # The node is another user. Sealed as it is, anybody may read it who can come into the folder.
            os.fchmod(handle, 0o644)
            rest = memoryview(seal_handed(key, handed))
            while rest:
                rest = rest[os.write(handle, rest) :]
            os.fsync(handle)
        finally:
            os.close(handle)
        os.rename(hidden, path)
        listing = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(listing)
        finally:
            os.close(listing)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(hidden)
        raise StorageFailed(f"The message could not be kept in {folder}: {error.strerror}.") from error


def _parse(arguments: list[str]) -> tuple[str, Event, str]:
    given = {"--member": "", "--event": Event.REPORTED.value, "--folder": os.environ.get("ANTIPHON_REPORTS", "")}
    words = iter(arguments)
    for word in words:
        name, given_here, value = word.partition("=")
        if name not in given:
            raise _usage(f"{name} is no option of `antiphon report`.")
        given[name] = value if given_here else next(words, "")
    try:
        event = Event(given["--event"])
    except ValueError:
        raise _usage(f"{given['--event']!r} is no event; there are {', '.join(Event)}.") from None
    if not given["--member"]:
        raise _usage("Whose message is it?", "Give --member ADDRESS.")
    return given["--member"], event, given["--folder"] or os.path.join(_home(), "reports")


def _usage(what: str, advice: str = "`antiphon report --help` tells how.") -> MalformedInput:
    error = MalformedInput(what, advice=advice)
    error.exit_code = 2
    return error


def _home() -> str:
    if home := os.environ.get("ANTIPHON_HOME"):
        return home
    from platformdirs import user_state_path

    return str(user_state_path("antiphon"))
