"""The other side of each door: says one message to it, as an MTA or a mail store would."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Sequence
from pathlib import Path

from antiphon.errors import MalformedInput, Unreachable
from antiphon.formats.handed import Event, Handed
from antiphon.intake.milter import ACCEPT, QUIET, QUIET_BODY, QUIET_CONNECT, QUIET_MAIL, QUIET_RECIPIENT, packet
from antiphon.intake.pipe import SOCKET, ask

SECONDS = 10.0
TEXT = b"Subject: Antiphon probe\r\n\r\nThis message shows that a door works. It is read by nobody.\r\n"


async def knock(door: str, place: tuple[str, int] | Path, recipient: str) -> None:
    """One probe through one door; the door has taken it when this returns. Raises Unreachable, in words."""
    try:
        async with asyncio.timeout(SECONDS):
            if isinstance(place, Path):
                await _hand(place, recipient)
                return
            reader, writer = await asyncio.open_connection(*place)
            try:
                await WAYS.get(door, _send)(door, reader, writer, recipient)
            finally:
                writer.close()
    except (OSError, TimeoutError, EOFError, asyncio.IncompleteReadError) as error:
        raise Unreachable(f"The {door} door does not answer: {error or 'too slow'}.") from error


async def _hand(folder: Path, recipient: str) -> None:
    answer = await asyncio.to_thread(ask, str(folder / SOCKET), Handed(Event.REPORTED, recipient, TEXT))
    if answer is None or not answer.get("kept"):
        raise Unreachable(f"The reports door does not take messages: {(answer or {}).get('error', 'nobody is there')}.")


async def _send(door: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, recipient: str) -> None:
    hello = "LHLO" if door == "lmtp" else "EHLO"
    lines = [f"{hello} localhost", "MAIL FROM:<>", f"RCPT TO:<{recipient}>", "DATA"]
    await _reply(door, reader)
    for line in lines:
        writer.write(line.encode() + b"\r\n")
        await _reply(door, reader)
    writer.write(TEXT + b".\r\n")
    await _reply(door, reader)
    writer.write(b"QUIT\r\n")


async def _reply(door: str, reader: asyncio.StreamReader) -> None:
    while (line := await reader.readuntil(b"\n"))[3:4] == b"-":
        pass
    if line[:1] not in (b"2", b"3"):
        raise Unreachable(f"The {door} door refuses the probe: {line.decode('ascii', 'replace').strip()}.")


async def _tell(door: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, recipient: str) -> None:
    writer.write(packet(b"O", struct.pack(">III", 6, 0, QUIET_CONNECT | QUIET_MAIL | QUIET_RECIPIENT | QUIET_BODY)))
    said = await _packet(reader)
    if len(said) != 13 or said[:1] != b"O":
        raise MalformedInput("This is not a milter.")
    agreed = int.from_bytes(said[9:13], "big")
    steps: Sequence[tuple[bytes, bytes]] = (
        (b"C", b"localhost\x004\0\0127.0.0.1\0"), (b"M", b"<>\0"), (b"R", f"<{recipient}>\0".encode()), (b"T", b""),
        (b"L", b"Subject\0 Antiphon probe\0"), (b"B", TEXT.partition(b"\r\n\r\n")[2]), (b"E", b""),
    )  # fmt: skip
    for command, data in steps:
        writer.write(packet(command, data))
        if agreed & QUIET.get(command[0], 0):
            continue
        answer = await _packet(reader)
        if command != b"E" and answer == ACCEPT:
            raise Unreachable(f"The {door} door does not know the probe.")
    writer.write(packet(b"Q"))


async def _post(door: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, recipient: str) -> None:
    fields = (
        "POST /api/v1/reports HTTP/1.1", "Host: localhost", f"Authorization: Bearer {recipient.partition('@')[0]}",
        "Content-Type: message/rfc822", f"Content-Length: {len(TEXT)}", "Connection: close", "", "",
    )  # fmt: skip
    writer.write("\r\n".join(fields).encode() + TEXT)
    said = (await reader.readuntil(b"\r\n")).split()
    if said[1:2] != [b"202"]:
        told = b" ".join(said[1:]).decode("ascii", "replace")
        raise Unreachable(f"The {door} door refuses the probe: {told or 'this is no HTTP'}.")


WAYS = {"milter": _tell, "http": _post}


async def _packet(reader: asyncio.StreamReader) -> bytes:
    return await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big"))
