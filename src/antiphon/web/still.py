"""*Is this yours?* as files beside the ledger: what a web server shows while the node has no time, or is gone.

They hold what the notice held and the way to check it, nothing that needs an answer and nothing that moves, so each is
written once. Nobody lists the folder: the name of a file is the link of a notice.
"""

from __future__ import annotations

from html import escape

from antiphon.desk.desk import Desk
from antiphon.desk.log import PUBLISHED, number
from antiphon.desk.notify import reply_address
from antiphon.ledger.allowance import Act
from antiphon.optout.attempt import Attempt
from antiphon.optout.case import Case
from antiphon.ports import Shelf, Transaction
from antiphon.terms import show_instant
from antiphon.web.frame import POLICY, page, table
from antiphon.web.senderdesk import check_us, proof_of

INDEX = "index.html"
CHARSET = "<meta charset='utf-8'>"


class Still:
    """The files of every notice whose entry is published. `shelf` is the folder that stands for `/desk/`."""

    def __init__(self, desk: Desk, shelf: Shelf) -> None:
        self._desk, self._shelf, self._since = desk, shelf, 0

    async def keep_up(self) -> None:
        """Writes what is new since the last time, and all of it after a start. Raises StorageFailed."""
        desk, since = self._desk, self._since
        size = min(desk.log.anchored, await desk.store.read(lambda tx: number(tx, PUBLISHED)))
        if size <= since:
            return
        if not since:
            self._shelf.put(INDEX, _page(desk, "There is nothing here", "<p>No notice carries this link.</p>"))
        for path, data in await desk.store.read(lambda tx: _files(tx, desk, since, size)):
            self._shelf.put(path, data)
        self._since = size


def _files(tx: Transaction, desk: Desk, since: int, size: int) -> list[tuple[str, bytes]]:
    files: list[tuple[str, bytes]] = []
    for notice in tx.find(Attempt, act=Act.NOTICE, intent__ge=since, intent__lt=size):
        case = tx.get(Case, notice.case)
        if case is None or case.notice_intent != notice.intent:
            continue
        proof, token = proof_of(tx, desk, case), case.reply_token
        if proof is not None:
            files.append((f"{token}.tlog-proof", proof))
            files.append((f"{token}.html", _page(desk, "Is this mail really ours? Yes.", _body(desk, case, notice))))
    return files


def _body(desk: Desk, case: Case, notice: Attempt) -> str:
    rows = [["originator", case.originator], ["the notice left on", show_instant(notice.at)[:10]],
            ["ledger entry of the notice", f"{notice.intent:,}"], ["name in the ledger", case.tag.hex()]]  # fmt: skip
    house, box = desk.house, escape(reply_address(desk, case))
    return (
        "<p class='lead'>People whose mailboxes we look after do not want mail of "
        f"<strong>{escape(case.originator)}</strong>. The notice that brought you here asks for that once, on behalf "
        f"of all of them.</p>{table('What we know', ['what', 'value'], rows)}"
        "<h2>Your answer</h2><p>This page is a copy that stands still. The page that takes an answer is busy or away: "
        f"try it again, or write <em>done</em>, <em>dispute</em> or <em>stop</em> to <code>{box}</code>.</p>"
        f"{check_us(desk, notice, f'{case.reply_token}.tlog-proof')}<h2>Who we are</h2>"
        f"<p>{escape(house.name)}, {escape(house.legal_name)}, {escape(house.postal_address)}</p>"
    )


def _page(desk: Desk, title: str, body: str) -> bytes:
    """A page that brings its own policy, whatever serves it."""
    allowed = POLICY["Content-Security-Policy"].partition("; frame-ancestors")[0]
    policy = (
        f"<meta http-equiv='Content-Security-Policy' content=\"{allowed}\"><meta name='referrer' content='no-referrer'>"
    )
    text = bytes(page(desk.house.name, title, body).body).decode()
    return text.replace(CHARSET, CHARSET + policy, 1).encode()
