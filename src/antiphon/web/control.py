"""The door for programs on this machine: JSON lines over a unix socket in the home; each verb does one thing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from antiphon.desk import approve, arm, pair, withdraw
from antiphon.desk.desk import Desk
from antiphon.desk.log import SIZE, hash_at, number
from antiphon.desk.publish import publish_whole
from antiphon.desk.receive import take_report
from antiphon.errors import AntiphonError, MalformedInput, RefusedByLaw
from antiphon.formats.checkpoint import Proof, print_proof
from antiphon.ledger.allowance import Armed
from antiphon.ledger.tree import inclusion_proof
from antiphon.optout.approval import Scope
from antiphon.optout.case import Case
from antiphon.ports import Shelf, Transaction
from antiphon.registry.mandate import Mandate
from antiphon.terms import Identifier
from antiphon.web import archive, bell, complaints, digest, mailings, maps, overview, support, tickets, views, watches
from antiphon.web.checkup import Checkup
from antiphon.web.clicks import Clicks, find_report
from antiphon.web.keeping import Keeping
from antiphon.web.members import Members
from antiphon.web.originators import Judgements
from antiphon.web.unlocking import Openings

MOST_LINE = 32 * 1024 * 1024
OWN_TURN = frozenset({"backup", "import", *complaints.VERBS})
"""Verbs that take the turn themselves, for the part of their work that changes things."""
Request = dict[str, object]
Verb = Callable[[Request], Awaitable[object]]


class Control:
    """Serves the verbs of one node. `turn` is held by whoever changes things, so that a round is never cut."""

    def __init__(self, desk: Desk, wake: asyncio.Event, shelf: Callable[[Path], Shelf]) -> None:
        self._desk, self._wake, self._shelf = desk, wake, shelf
        self.turn, self.ended = asyncio.Lock(), asyncio.Event()
        self._prepared: dict[str, approve.Prepared] = {}
        self.verbs: dict[str, Verb] = {
            "status": self._view(views.status),
            "cases": self._view(views.cases),
            "originators": self._view(views.originators),
            "held": self._view(views.held),
            "overview": self._view(overview.overview),
            "case": lambda q: self._desk.store.read(lambda tx: views.case(tx, desk, self._case(tx, _text(q, "case")))),
            **(mailings.verbs(desk) | digest.verbs(desk) | bell.verbs(desk) | support.verbs(desk)),
            "operator-prepare": self._prepare_operator,
            "operator": lambda q: self._submit(q, approve.submit_operator),
            "vouch-prepare": self._prepare_vouching,
            "vouch": lambda q: self._submit(q, approve.submit_vouching),
            "approve-prepare": self._prepare_approval,
            "approve": lambda q: self._submit(q, approve.submit_approval),
            "pair": self._pair,
            "undo": self._undo,
            "withdraw": self._withdraw,
            "resolve": self._resolve,
            "arm": self._arm,
            "disarm": self._disarm,
            "resume": lambda q: arm.resume(desk, scope=_text(q, "scope"), value=_text(q, "value")),
            "report": self._report,
            **(Clicks(desk).verbs() | Checkup(desk).verbs() | Judgements(desk).verbs() | maps.verbs(desk)),
            **(complaints.verbs(desk) | tickets.verbs(desk) | watches.verbs(desk) | Members(desk).verbs()),
            "imported": lambda q: archive.imported(desk, q),
            "import": lambda q: archive.import_mails(desk, self.turn, q),
            "publish": self._publish,
            "proof": self._proof,
            **(Keeping(desk).verbs() | Openings(desk, shelf).verbs()),
            "stop": self._stop,
        }

    async def listen(self, path: Path) -> asyncio.Server:
        """Opens the socket for the home's owner only."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        server = await asyncio.start_unix_server(self._serve, path, limit=MOST_LINE)
        os.chmod(path, 0o600)
        return server

    async def handle(self, request: Request) -> Request:
        """One verb; every error is an answer, never the end of the node."""
        verb = self.verbs.get(str(request.get("verb")))
        try:
            if verb is None:
                raise MalformedInput(f"There is no verb {request.get('verb')!r}.")
            async with contextlib.nullcontext() if request["verb"] in OWN_TURN else self.turn:
                result = await verb(request)
            self._wake.set()
            return {"ok": True, "result": result}
        except AntiphonError as error:
            rules = list(error.rules) if isinstance(error, RefusedByLaw) else []
            said = {"code": error.code, "what": error.what, "advice": error.advice, "rules": rules,
                    "exit": error.exit_code}  # fmt: skip
            return {"ok": False, "error": said}
        except (ValueError, KeyError, TypeError) as error:
            said = {"code": "E100", "what": f"This request is not understood: {error}.", "advice": "", "rules": [],
                    "exit": 65}  # fmt: skip
            return {"ok": False, "error": said}

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                answer = await self.handle(json.loads(line))
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):
            pass
        finally:
            writer.close()

    def _view(self, view: Callable[[Transaction, Desk], object]) -> Verb:
        async def verb(_: Request) -> object:
            return await self._desk.store.read(lambda tx: view(tx, self._desk))

        return verb

    def _case(self, tx: Transaction, word: str) -> Identifier:
        """A case by its identifier, the beginning of it, or its originator's name."""
        found = [c for c in tx.find(Case) if c.case.hex().startswith(word) or c.originator == word]
        if not word or len({c.originator for c in found}) != 1:
            raise MalformedInput(f"{word!r} names no case, or several.", advice="`antiphon cases` lists them.")
        return max(found, key=lambda c: c.epoch).case

    def _keep(self, prepared: approve.Prepared) -> Request:
        token = self._desk.chance.draw(8).hex()
        self._prepared[token] = prepared
        return {"id": token, "sign": prepared.sign.hex(), "day": prepared.entry.day}

    async def _submit(
        self, q: Request, submit: Callable[[Desk, approve.Prepared, dict[int, bytes]], Awaitable[int]]
    ) -> object:
        prepared = self._prepared.pop(_text(q, "id"), None)
        if prepared is None:
            raise MalformedInput("Nothing was prepared under this id.", advice="Prepare it again.")
        given = q.get("signatures")
        rows = given if isinstance(given, list) else []
        signatures = {int(row["by"]): bytes.fromhex(row["signature"]) for row in rows}
        return {"entry": await submit(self._desk, prepared, signatures)}

    async def _prepare_operator(self, q: Request) -> object:
        key, by = bytes.fromhex(_text(q, "key")), _number(q, "by")
        return self._keep(
            await approve.prepare_operator(self._desk, _text(q, "name"), key, by=by, revoke=bool(q.get("revoke")))
        )

    async def _prepare_vouching(self, q: Request) -> object:
        name, why = _text(q, "originator"), _text(q, "why")
        return self._keep(await approve.prepare_vouching(self._desk, name, why, by=_number(q, "by")))

    async def _prepare_approval(self, q: Request) -> object:
        by = q.get("by")
        signers = tuple(int(index) for index in by) if isinstance(by, list) else ()
        name = await self._desk.store.read(lambda tx: self._case(tx, _text(q, "case")))
        return self._keep(
            await approve.prepare_approval(
                self._desk,
                name,
                Scope(_text(q, "scope")),
                by=signers,
                limit=_number(q, "limit", 0),
                days=_number(q, "days", 30),
                kinds=_number(q, "kinds", 0),
            )
        )

    async def _pair(self, q: Request) -> object:
        who, why = str(q.get("who", "operator")), _text(q, "why")
        await pair.decide(self._desk, _text(q, "id"), allow=bool(q.get("allow")), who=who, why=why)
        return {}

    async def _undo(self, q: Request) -> object:
        word = _text(q, "report")
        report = (await self._desk.store.read(lambda tx: find_report(tx, word))).report
        await withdraw.undo(self._desk, report, who="the member")
        return {"report": report.hex()}

    async def _withdraw(self, q: Request) -> object:
        name = await self._desk.store.read(lambda tx: self._case(tx, _text(q, "case")))
        await withdraw.withdraw_case(self._desk, name, who=str(q.get("who", "operator")), why=_text(q, "why"))
        return {}

    async def _resolve(self, q: Request) -> object:
        name = await self._desk.store.read(lambda tx: self._case(tx, _text(q, "case")))
        who, why = str(q.get("who", "operator")), _text(q, "why")
        await withdraw.decide_dispute(self._desk, name, resume=bool(q.get("resume")), who=who, why=why)
        return {}

    async def _arm(self, q: Request) -> object:
        await arm.arm(self._desk, Armed[_text(q, "level").upper()])
        return {"armed": _text(q, "level")}

    async def _disarm(self, q: Request) -> object:
        scope, value = str(q.get("scope", "everything")), str(q.get("value", ""))
        await arm.disarm(self._desk, scope=scope, value=value, who="operator", why=str(q.get("why", "")))
        return {}

    async def _report(self, q: Request) -> object:
        """A message handed in by its path or bytes: an upload (class C)."""
        address = _text(q, "address")
        found = await self._desk.store.read(lambda tx: tx.find(Mandate, address=address))
        if not found:
            raise RefusedByLaw(f"{address} is not a member.", ("known",), advice="`antiphon member add` first.")
        raw = bytes.fromhex(_text(q, "raw"))
        report = await take_report(
            self._desk, found[0], raw, at=self._desk.clock.now(), source=str(q.get("source", "import"))
        )  # fmt: skip
        return {
            "report": report.report.hex(),
            "state": report.state.value,
            "reasons": [word for word in report.reasons.split(",") if word],
            "sighting_reasons": [word for word in report.sighting_reasons.split(",") if word],
            "originator": report.originator,
            "campaign": report.campaign.hex() if report.campaign else "",
        }

    async def _publish(self, q: Request) -> object:
        await self._desk.log.anchor()
        return {"size": await publish_whole(self._desk, self._shelf(Path(_text(q, "path"))))}

    async def _proof(self, q: Request) -> object:
        index, size = _number(q, "entry"), self._desk.log.anchored
        if not 0 <= index < size:
            raise MalformedInput(f"There is no entry {index} under the checkpoint of {size} entries.")

        def work(tx: Transaction) -> bytes:
            path = inclusion_proof(index, size, lambda level, place: hash_at(tx, level, place))
            return print_proof(Proof(index, path, self._desk.log.note))

        return {
            "proof": (await self._desk.store.read(work)).decode(),
            "size": await self._desk.store.read(lambda tx: number(tx, SIZE)),
        }

    async def _stop(self, _: Request) -> object:
        self.ended.set()
        return {}


def _text(q: Request, name: str) -> str:
    value = q.get(name)
    if not isinstance(value, str) or not value:
        raise MalformedInput(f"This verb needs {name!r} as a text.")
    return value


def _number(q: Request, name: str, default: int | None = None) -> int:
    value = q.get(name, default)
    if not isinstance(value, int):
        raise MalformedInput(f"This verb needs {name!r} as a number.")
    return value
