"""Reading a member's archive in over the control socket: what is known already, then the rest, some at a time."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from binascii import Error as NoBase64
from collections.abc import Mapping

from antiphon.desk.desk import Desk
from antiphon.desk.read_in import Piece, known, look_up, read_in, show_read
from antiphon.errors import MalformedInput, RefusedByLaw
from antiphon.registry.mandate import Mandate

MOST_MAILS = 1_000
"""In one request."""
Request = Mapping[str, object]


async def imported(desk: Desk, q: Request) -> object:
    """For each key what an earlier run did with that message, null where none took it."""
    mandate = await _member(desk, q)
    found = await known(desk, mandate, [_bytes(key) for key in _list(q, "keys")])
    return [dict(show_read(taken)) if taken is not None else None for taken in found]


async def import_mails(desk: Desk, turn: asyncio.Lock, q: Request) -> object:
    """Takes some messages; what DNS is asked, where the member wants that, is asked before the node's turn is held."""
    mandate = await _member(desk, q)
    pieces = [_piece(each) for each in _list(q, "mails")]
    fetched = await look_up(desk, pieces) if q.get("online") else []
    async with turn:
        found = await read_in(desk, mandate, pieces, fetched)
    return [{**show_read(read.taken), "again": read.again, "why": read.why} for read in found]


async def _member(desk: Desk, q: Request) -> Mandate:
    address = str(q.get("address", "")).strip().lower()
    found = await desk.store.read(lambda tx: tx.find(Mandate, address=address))
    if not found:
        raise RefusedByLaw(
            f"{address or 'Nobody'} is not a member.", ("known",), advice=f"`antiphon member add {address}` first."
        )
    return found[0]


def _list(q: Request, name: str) -> list[object]:
    value = q.get(name)
    if not isinstance(value, list) or len(value) > MOST_MAILS:
        raise MalformedInput(f"This verb needs {name!r} as a list of at most {MOST_MAILS}.")
    return value


def _piece(each: object) -> Piece:
    if not isinstance(each, dict):
        raise MalformedInput("A mail is an object of key, path and raw.")
    try:
        return Piece(_bytes(each.get("key")), str(each.get("path", "")), b64decode(str(each.get("raw")), validate=True))
    except NoBase64 as error:
        raise MalformedInput("The raw bytes of a mail are given in base64.") from error


def _bytes(value: object) -> bytes:
    try:
        return bytes.fromhex(value if isinstance(value, str) else "-")
    except ValueError as error:
        raise MalformedInput("A key is given in hex.") from error
