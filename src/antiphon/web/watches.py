"""Mailboxes elsewhere over the control socket: looked at, listed, left alone. Nothing of a secret passes here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from antiphon.desk.desk import Desk
from antiphon.desk.watch import add_watch, remove_watch
from antiphon.errors import MalformedInput
from antiphon.ports import Transaction
from antiphon.registry.agreement import VERSION
from antiphon.registry.mandate import Mandate, MandateState
from antiphon.registry.watch import SecretKind, Sight, Watch, WatchedFolder, WatchState
from antiphon.terms import Identifier, Instant, show_instant

Request = dict[str, object]
MOST_TEXT = 1000


def verbs(desk: Desk) -> dict[str, Callable[[Request], Awaitable[object]]]:
    """The verbs by name."""
    return {
        "watch-add": lambda q: _add(desk, q),
        "watch-list": lambda _: desk.store.read(_list),
        "watch-remove": lambda q: _remove(desk, q),
    }


async def _add(desk: Desk, q: Request) -> object:
    port, folders = q.get("port"), q.get("folders")
    if not isinstance(port, int) or not 0 < port < 65536 or not isinstance(folders, list):
        raise MalformedInput("A mailbox has a port, and a list of folders.")
    asked = Watch(
        member=Identifier(b""),
        server=_text(q, "server"),
        port=port,
        user=_text(q, "user"),
        secret_kind=SecretKind(_text(q, "secret_kind")),
        secret=_text(q, "secret"),
        bearer=bool(q.get("bearer")) or SecretKind(_text(q, "secret_kind")).is_consent,
        plain=bool(q.get("plain")),
        junk=str(q.get("junk", "")),
        folders="\n".join(str(name) for name in folders),
        nonce="",
        added_at=Instant(0),
        state=WatchState.WAITING,
        why="",
        since=Instant(0),
    )
    address = _text(q, "address")
    watch = await add_watch(desk, address, asked)
    return await desk.store.read(lambda tx: _shown(tx, watch))


def _list(tx: Transaction) -> object:
    return [_shown(tx, watch) for watch in tx.find(Watch, order="added_at")]


async def _remove(desk: Desk, q: Request) -> object:
    address = _text(q, "address")
    await remove_watch(desk, address)
    return {"address": address}


def _shown(tx: Transaction, watch: Watch) -> Request:
    mandate = tx.get(Mandate, watch.member)
    live = mandate is not None and mandate.state is MandateState.LIVE
    return {
        "address": mandate.address if mandate is not None else "",
        "server": f"{watch.server}:{watch.port}",
        "user": watch.user,
        "state": watch.state.value,
        "why": watch.why,
        "since": show_instant(watch.since),
        "folders": tx.count(WatchedFolder, member=watch.member),
        "mails": tx.count(Sight, member=watch.member),
        "mandate": mandate.state.value if mandate is not None else "",
        "to_prove": "" if live else f"subject {watch.nonce}, text: I agree to mandate {VERSION}",
    }


def _text(q: Request, name: str) -> str:
    value = q.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= MOST_TEXT or not value.isprintable():
        raise MalformedInput(f"This verb needs {name!r} as a text of at most {MOST_TEXT} characters.")
    return value
