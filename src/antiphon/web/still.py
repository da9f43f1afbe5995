"""*Is this yours?* as files beside the ledger: what a web server shows while the node has no time, or is gone.

They hold what a notice or complaint held and the way to check it, nothing that needs an answer and nothing that moves,
so each is written once. Nobody lists the folder: the name of a file is the link of a mail. Above it stands the page
that every request names: how this node asks.
"""

from __future__ import annotations

from hashlib import sha256
from html import escape

from antiphon.complaint.known import Complaint
from antiphon.desk.desk import Desk
from antiphon.desk.dossier import answer_address
from antiphon.desk.log import PUBLISHED, number
from antiphon.desk.notify import reply_address
from antiphon.ledger.allowance import Act
from antiphon.optout.attempt import Attempt
from antiphon.optout.case import Case
from antiphon.ports import Shelf, Transaction
from antiphon.terms import Digest, show_instant
from antiphon.web.checking import check_us, proof_at
from antiphon.web.frame import POLICY, commands, page, table
from antiphon.web.hostdesk import told_of
from antiphon.web.senderdesk import STOP_RECORD

INDEX = "index.html"
HIDDEN = ("desk/index.html", "desk/complaint/index.html")
"""What stands where a server would list a folder."""
CHARSET = "<meta charset='utf-8'>"


class Still:
    """The files of every notice and complaint whose entry is published. `shelf` is what `public_url` shows."""

    def __init__(self, desk: Desk, shelf: Shelf) -> None:
        self._desk, self._shelf, self._since = desk, shelf, 0

    async def keep_up(self) -> None:
        """Writes what is new since the last time, and all of it after a start. Raises StorageFailed."""
        desk, since = self._desk, self._since
        size = min(desk.log.anchored, await desk.store.read(lambda tx: number(tx, PUBLISHED)))
        if size <= since:
            return
        if not since:
            self._shelf.put(INDEX, _page(desk, "How this node asks", _policy(desk)))
            nothing = _page(desk, "There is nothing here", "<p>No mail of ours carries this link.</p>")
            for hidden in HIDDEN:
                self._shelf.put(hidden, nothing)
        for path, data in await desk.store.read(lambda tx: _files(tx, desk, since, size)):
            self._shelf.put(path, data)
        self._since = size


def _files(tx: Transaction, desk: Desk, since: int, size: int) -> list[tuple[str, bytes]]:
    files: list[tuple[str, bytes]] = []
    for attempt in tx.find(Attempt, act__in=(Act.NOTICE, Act.COMPLAINT), intent__ge=since, intent__lt=size):
        proof, case, told = proof_at(tx, desk, attempt.intent), tx.get(Case, attempt.case), None
        if attempt.act == Act.COMPLAINT:
            told = tx.get(Complaint, attempt.intent)
        if proof is None or case is None or (told is None and case.notice_intent != attempt.intent):
            continue
        place = f"desk/complaint/{told.token}" if told is not None else f"desk/{case.reply_token}"
        title = f"Is this {'complaint' if told is not None else 'mail'} really ours? Yes."
        body = _of_complaint(desk, case, told) if told is not None else _of_notice(desk, case, attempt)
        files += [(f"{place}.tlog-proof", proof), (f"{place}.html", _page(desk, title, body))]
    return files


def _of_notice(desk: Desk, case: Case, notice: Attempt) -> str:
    rows = [["originator", case.originator], ["the notice left on", show_instant(notice.at)[:10]],
            ["ledger entry of the notice", f"{notice.intent:,}"], ["name in the ledger", case.tag.hex()]]  # fmt: skip
    return (
        "<p class='lead'>People whose mailboxes we look after do not want mail of "
        f"<strong>{escape(case.originator)}</strong>. The notice that brought you here asks for that once, on behalf "
        f"of all of them.</p>{table('What we know', ['what', 'value'], rows)}"
        f"{_answer('<em>done</em>, <em>dispute</em> or <em>stop</em>', reply_address(desk, case))}"
        f"{check_us(desk, notice.message, f'{case.reply_token}.tlog-proof')}{_who(desk)}"
    )


def _of_complaint(desk: Desk, case: Case, told: Complaint) -> str:
    digest, box = Digest(sha256(told.message).digest()), answer_address(desk, told.token)
    return (
        f"{told_of(told, case.originator)}{_answer('<em>done</em>, <em>not us</em> or <em>stop</em>', box)}"
        f"{check_us(desk, digest, f'{told.token}.tlog-proof', what='complaint')}{_who(desk)}"
    )


def _answer(words: str, box: str) -> str:
    return (
        "<h2>Your answer</h2><p>This page is a copy that stands still. The page that takes an answer is busy or away: "
        f"try it again, or write {words} to <code>{escape(box)}</code>.</p>"
    )


def _who(desk: Desk) -> str:
    house = desk.house
    said = ", ".join((house.name, house.legal_name, house.postal_address))
    return f"<h2>Who we are</h2><p>{escape(said)}</p>"


def _policy(desk: Desk) -> str:
    """Where whoever got a request reads by which rules (LAW §5: a public policy URL)."""
    return (
        "<p class='lead'>This node speaks for people who get mail that they do not want. It asks whoever sends it, by "
        "the way that this mail itself publishes, once for each such mail and never more.</p><h2>What it does</h2>"
        "<p>First one notice, for everybody together, and time to act on it. A mail that comes after that time is "
        "answered by one opt-out request through the address in its own List-Unsubscribe field, for the person who got "
        "it. A person may also ask for itself, once, from the first day. No redirect is followed, no form filled in, "
        "no login tried.</p><h2>How often</h2><p>At most one attempt a minute and 1,000 a day to one host, one "
        "organisation and one network, over all "
        "that this node asks; half of it when answers slow down; none while <code>Retry-After</code> runs.</p>"
        "<h2>How to check it</h2><p>Each attempt stands in a <a href='ledger/checkpoint'>public ledger</a> before it "
        "is made; a request names its entry in <code>User-Agent</code>. <code>antiphon audit</code> says whether more "
        "was asked than may be.</p><h2>How to stop it</h2><p>Publish this under the name of the host that is asked; it "
        f"is looked up before each attempt:</p>{commands([STOP_RECORD])}<p>Who holds a domain can pause everything "
        "that is asked of it, and whoever has a notice's link can answer it, at <a href='desk/'>the sender desk</a>."
        f"</p>{_who(desk)}"
    )


def _page(desk: Desk, title: str, body: str) -> bytes:
    """A page that brings its own policy, whatever serves it."""
    allowed = POLICY["Content-Security-Policy"].partition("; frame-ancestors")[0]
    policy = (
        f"<meta http-equiv='Content-Security-Policy' content=\"{allowed}\"><meta name='referrer' content='no-referrer'>"
    )
    text = bytes(page(desk.house.name, title, body).body).decode()
    return text.replace(CHARSET, CHARSET + policy, 1).encode()
