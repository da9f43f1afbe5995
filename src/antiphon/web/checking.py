"""How whoever got a mail of ours checks it alone: its entry, the way up to a signed checkpoint, and what to compare."""

from __future__ import annotations

from html import escape

from antiphon.desk.desk import Desk
from antiphon.desk.log import hash_at
from antiphon.formats.checkpoint import Proof, print_proof
from antiphon.formats.note import print_vkey
from antiphon.ledger.kept import StoredEntry
from antiphon.ledger.tree import inclusion_proof
from antiphon.ports import Transaction
from antiphon.terms import Digest
from antiphon.web.frame import commands


def proof_at(tx: Transaction, desk: Desk, index: int | None) -> bytes | None:
    """C2SP tlog-proof of one entry, its bytes as `extra`; None while it is not published."""
    log = desk.log
    if index is None or index >= log.anchored:
        return None
    kept = tx.get(StoredEntry, index)
    path = inclusion_proof(index, log.anchored, lambda level, place: hash_at(tx, level, place))
    return print_proof(Proof(index, path, log.note, kept.body if kept is not None else None))


def check_us(desk: Desk, digest: Digest | None, path: str, *, what: str = "notice") -> str:
    """How to check a mail alone, a notice or a complaint with this SHA-256; the proof of its entry is at `path`."""
    url = desk.house.public_url
    place = escape(url.rstrip("/") + "/ledger/", quote=True)
    where = f"Its files are at <a href='{place}'>{place}</a>. " if url else ""
    mine = ""
    if digest is not None:
        mine = (
            f"<p>Alone and offline: <a href='{path}'>this file</a> holds the entry of your {what} and its way up "
            f"to a checkpoint that we signed. The entry names the SHA-256 of the {what} as it left us, from its "
            "first DKIM-Signature line to its end:</p>"
            + commands([digest.hex(), print_vkey(desk.log.verifier)])
            + "<p>The first line is that digest, the second the key of our log. How to compare them is on the "
            "page <em>Check a notice</em> of the manual.</p>"
        )
    return (
        "<h2>Check us</h2><p>Everything that we ask stands in a public ledger before it is asked. "
        f"{where}<code>antiphon audit</code>, one file that trusts nothing of this node, says whether we asked "
        f"more than we may.</p>{mine}"
    )
