"""A person's signature: made here, with a key that never goes to the node."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from antiphon.cli.frame import default_operator_key, line
from antiphon.errors import UnreadableFile

one_key = click.option(
    "--key", "keys", type=click.Path(path_type=Path), multiple=True, help="Your key's file; else the one of `init`."
)


def private_key(file: Path) -> bytes:
    """The key in a file. Raises UnreadableFile with what is wrong with it."""
    try:
        private = bytes.fromhex(file.read_text("ascii").strip())
    except (OSError, ValueError) as error:
        raise UnreadableFile(
            f"No operator's key can be read from {file}.", advice="Name it with --key, or set ANTIPHON_OPERATOR_KEY."
        ) from error
    if len(private) != 32:
        raise UnreadableFile(f"{file} holds {len(private)} bytes; an operator's key has 32.")
    return private


def signed(
    home: Path, verb: str, keys: Sequence[Path], arguments: Callable[[list[int]], dict[str, object]]
) -> dict[str, Any]:
    """Prepares, signs here with every key, and submits over one line to the node. `arguments` are told the ledger
    entries of the keys. Raises UnreadableFile for a key that this node does not know."""
    from antiphon.formats.note import public_key, sign

    own = {public_key(private).hex(): private for private in map(private_key, keys or [default_operator_key(home)])}

    async def put_all() -> dict[str, Any]:
        async with line(home) as put:
            known = {row["key"]: row["entry"] for row in (await put("status"))["operators"] if not row["revoked"]}
            if missing := own.keys() - known.keys():
                raise UnreadableFile(
                    f"This node knows no operator with the key {min(missing)}.",
                    advice="`antiphon operator list` shows whom it knows.",
                )
            entries = [known[public] for public in own]
            prepared = await put(f"{verb}-prepare", **arguments(entries))
            signatures = [
                {"by": known[public], "signature": sign(private, bytes.fromhex(prepared["sign"])).hex()}
                for public, private in own.items()
            ]
            return dict(await put(verb, id=prepared["id"], signatures=signatures))

    return asyncio.run(put_all())
