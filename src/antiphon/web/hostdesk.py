"""The page behind the link of a complaint, for the host that got it: is it ours, how to check it alone, three answers.

It says no more than the complaint said, nothing that moves, and its three answers only make us do less (LAW §6).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from hashlib import sha256
from html import escape

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from antiphon.complaint.known import Complaint
from antiphon.complaint.routing import ASKED_FIRST, AUTHORITY_ROW, REGISTRAR_ROW
from antiphon.desk.desk import Desk
from antiphon.desk.ground import first_asked
from antiphon.desk.hear import DONE, NOT_US, STOP, WORDS, hear_word
from antiphon.optout.case import Case
from antiphon.ports import Transaction
from antiphon.terms import Digest, show_instant
from antiphon.web.checking import check_us, proof_at
from antiphon.web.frame import POLICY, Markup, chip, page, table
from antiphon.web.rows import read_form

ANSWERS = {
    DONE: ("It is resolved", "Thank you. This rests for thirty days; whether it ends is judged by later mail."),
    NOT_US: ("This is not ours", "This rests for thirty days, and a person looks at why it was sent to you."),
    STOP: ("Send no more", "No complaint goes to your address any more, about anybody."),
}
FIND_CUSTOMER = (
    "Find your customer by <code>Source-IP</code> and <code>Arrival-Date</code> in the report, and do what your terms "
    "of use say."
)
TO_DO = {
    REGISTRAR_ROW: "Look at the domain itself, and do with it what your agreement says. A person here read its mail.",
    AUTHORITY_ROW: "Nothing, unless you want to: you take such reports, and this node's operator chose to send them.",
}
LEAD = "An address that you answer for handed over mail of"
LEADS = {
    REGISTRAR_ROW: "A domain that you registered signed mail of",
    AUTHORITY_ROW: "A person found phishing or malware in mail of",
}
FIRST_TOLD = {
    REGISTRAR_ROW: "The host of this mail was told before you and had its time; the complaint says since when.",
    AUTHORITY_ROW: "The host of this mail and the registrar of its domain were told before you, and had their time.",
}
PROOFS = ("complaint", "asked")
"""What can be proved: that this complaint is in the ledger, and that its originator was asked before."""
Find = Callable[[Request, type[Complaint], str], Awaitable[Complaint | Response]]
"""The one record of this kind whose field of this name is the link's token, or the one answer for every other link."""


class HostDesk:
    """What a host sees. `find` guards the way in, as for every page of the desk."""

    def __init__(self, desk: Desk, find: Find) -> None:
        self._desk, self._find = desk, find

    def routes(self) -> list[Route]:
        """The page, and the files that prove what the complaint says."""
        return [
            Route("/desk/complaint/{token}", self.show, methods=["GET", "POST"]),
            *(
                Route(f"/desk/complaint/{{token}}/{name}.tlog-proof", self.proof, methods=["GET"], name=name)
                for name in PROOFS
            ),
        ]

    async def show(self, request: Request) -> Response:
        """Verify, and three words with equal weight. To look changes nothing."""
        told = await self._find(request, Complaint, "token")
        if isinstance(told, Response):
            return told
        name, said = self._desk.house.name, ""
        if request.method == "POST":
            word = (await read_form(request)).get("word", "")
            if word not in WORDS:
                wrong = page(name, "Nothing was changed", "<p>The form has three words, and this is none.</p>")
                wrong.status_code = 400
                return wrong
            await hear_word(self._desk, told, word)
            said = f"<p role='status' class='lead'>{chip('✓', f'Noted: {word}', 'good')} {ANSWERS[word][1]}</p>"
        originator, asked = await self._desk.store.read(lambda tx: about(tx, told))
        return page(name, "Is this complaint really ours? Yes.", said + self._body(told, originator, asked))

    async def proof(self, request: Request) -> Response:
        """C2SP tlog-proof of one of the two entries."""
        told = await self._find(request, Complaint, "token")
        if isinstance(told, Response):
            return told
        which = request.url.path.rpartition("/")[2].partition(".")[0]
        _, asked = await self._desk.store.read(lambda tx: about(tx, told))
        index = told.intent if which == PROOFS[0] else asked
        found = await self._desk.store.read(lambda tx: proof_at(tx, self._desk, index))
        if found is None:
            answer = page(self._desk.house.name, "There is nothing here", "<p>There is no such proof yet.</p>")
            answer.status_code = 404
            return answer
        named = {**POLICY, "Content-Disposition": f"attachment; filename={which}.tlog-proof"}
        return PlainTextResponse(found, headers=named)

    def _body(self, told: Complaint, originator: str, asked: int | None) -> str:
        house, proof = self._desk.house, f"{told.token}/{PROOFS[0]}.tlog-proof"
        forms = "".join(
            f"<form method=post><input type=hidden name=word value='{word}'><button>{escape(ANSWERS[word][0])}</button>"
            "</form>"
            for word in (DONE, NOT_US, STOP)
        )
        return (
            f"{told_of(told, originator)}<h2>Your answer</h2><p>Each of the three only makes us do less. You need no "
            f"account, and nobody writes back.</p>{forms}<h2>What to do</h2>"
            f"<p>{TO_DO.get(told.rule, FIND_CUSTOMER)}</p>{_before(told, asked)}"
            + check_us(self._desk, Digest(sha256(told.message).digest()), proof, what="complaint")
            + "<h2>Not a host?</h2><p>Whoever holds the domain that this is about can say that it is wrong, at "
            "<a href='../'>the sender desk</a>.</p>"
            f"<h2>Who we are</h2><p>{escape(house.name)}, {escape(house.legal_name)}, "
            f"{escape(house.postal_address)}</p>"
        )


def _before(told: Complaint, asked: int | None) -> str:
    if told.rule in FIRST_TOLD:
        return f"<p>{FIRST_TOLD[told.rule]}</p>"
    if told.rule != ASKED_FIRST:
        return "<p>Nobody was asked before you: the originator offers nobody who could be.</p>"
    proved = (
        f" Entry {asked:,} shows it, and <a href='{told.token}/{PROOFS[1]}.tlog-proof'>this file</a> proves that entry."
        if asked is not None
        else ""
    )
    return f"<p>The originator was asked first, and had its time; the complaint says since when.{proved}</p>"


def about(tx: Transaction, told: Complaint) -> tuple[str, int | None]:
    """The originator, and the entry that shows that it was asked before this complaint left, if that was so."""
    case = tx.get(Case, told.case)
    originator = case.originator if case is not None else ""
    first = first_asked(tx, originator) if told.rule == ASKED_FIRST else None
    # Who was erased since takes its clock along; a later one proves nothing about an earlier complaint.
    before = first is not None and first.asked_at is not None and first.asked_at <= told.at
    return originator, first.started if first is not None and before else None


def told_of(told: Complaint, originator: str) -> str:
    """What the complaint said itself, and no more."""
    rows: list[list[object]] = [
        ["told", told.contact],
        ["about mail of", originator],
        ["what you answer for", told.object],
        ["the complaint left on", show_instant(told.at)[:10]],
        ["ledger entry of the complaint", Markup(f"{told.intent:,}")],
    ]
    return (
        f"<p class='lead'>{LEADS.get(told.rule, LEAD)} <strong>{escape(originator)}</strong> which its recipients "
        "reported. The complaint that brought you here tells you of it.</p>"
        + table("What we told you", ["what", "value"], rows)
    )
