"""Two scripted operators, who exist only in the world: they read what waits for a person and decide, with own keys."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from email import message_from_string
from pathlib import Path
from typing import Any

from antiphon.formats.note import public_key, sign
from antiphon.optout.approval import KEY_AGE_DAYS, LIMIT_FOR_ONE
from antiphon.terms import DAY, Instant, ledger_day
from antiphon.world.masks import STRANGERS, WEEKLY

NEVER_VOUCHED = (STRANGERS, WEEKLY)
"""Whom nobody knows."""
AGAIN = frozenset({"status", "cases", "case", "held", "arm", "pair", "member-add", "publish"})
ANSWER_BYTES = 64 * 1024 * 1024
PATIENCE, PAUSE_SECONDS = 600, 0.05
APPROVED_DAYS = 30


class Remote:
    """The node's control socket, as any program on the machine uses it."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    async def call(self, verb: str, **arguments: object) -> Any:  # noqa: ANN401 - what the verb answers
        """One verb; a refusal is returned as {"error": ...}. While the node is being started again we wait; a verb
        whose answer was lost is asked again where that is harmless, else it counts as refused. Raises RuntimeError
        when the node does not come back."""
        for _ in range(PATIENCE):
            with suppress(OSError):
                reader, writer = await asyncio.open_unix_connection(self._socket, limit=ANSWER_BYTES)
                writer.write(json.dumps({"verb": verb, **arguments}).encode() + b"\n")
                line = await reader.readline()
                writer.close()
                if line:
                    answer = json.loads(line)
                    return answer["result"] if answer["ok"] else {"error": answer["error"]}
                if verb not in AGAIN:
                    return {"error": {"code": "gone", "what": "the node ended before it answered"}}
            if verb == "stop":
                return {}
            await asyncio.sleep(PAUSE_SECONDS)
        raise RuntimeError("the node does not come back")

    async def reachable(self) -> bool:
        """Whether somebody listens."""
        with suppress(OSError):
            _, writer = await asyncio.open_unix_connection(self._socket)
            writer.close()
            return True
        return False


class Operators:
    """Ada was there first; Ben came on the same day. Both vouch from day 1 on, and approve when their keys count.

    `limits` says how many requests they approve for a case; for one below a hundred they do it once and never again.
    `harmful` are the originators whose mail they find to be phishing, once they see it.
    """

    def __init__(
        self,
        remote: Remote,
        keys: Mapping[str, bytes],
        start: Instant,
        limits: Mapping[str, int],
        *,
        harmful: Collection[str] = (),
    ) -> None:
        self._remote, self._keys, self._start, self._limits = remote, keys, start, limits
        self._harmful, self._judged = frozenset(harmful), set[str]()
        self._approved: set[str] = set()
        self._entries: dict[str, int] = {}
        self.refused: list[str] = []

    async def enrol(self) -> None:
        """Ben's key, signed by Ada's. Raises RuntimeError if the node takes neither."""
        status = await self._remote.call("status")
        self._entries["ada"] = status["operators"][0]["entry"]
        new = {"name": "ben", "key": public_key(self._keys["ben"]).hex(), "by": self._entries["ada"]}
        added = await self._sign("operator", new, "ada")
        if "error" in added:
            raise RuntimeError(f"the second operator was not added: {added['error']}")
        self._entries["ben"] = added["entry"]

    async def look(self, now: Instant) -> None:
        """Works off everything that waits for a person."""
        status = await self._remote.call("status")
        counts = ledger_day(now) - ledger_day(self._start) >= KEY_AGE_DAYS
        for need in status["needs"]:
            match need["kind"]:
                case "pair":
                    await self._decide(need)
                case "vouch" if now - self._start >= DAY:
                    await self._vouch(need["originator"])
                case "notice" if counts:
                    await self._notice(need)
                case "standing" if counts:
                    await self._standing(need)
        for name in sorted(self._harmful - self._judged) if counts else ():
            await self._judge(name)

    async def _notice(self, need: Mapping[str, Any]) -> None:
        """Reads it first: it goes to one abuse mailbox, and asks for what its rows name."""
        draft = message_from_string((await self._remote.call("case", case=need["case"]))["draft"] or "")
        if str(draft["To"]).startswith("abuse@") and any(p.get_filename() == "rows.csv" for p in draft.walk()):
            await self._approve(need, "notice", {})

    async def _standing(self, need: Mapping[str, Any]) -> None:
        limit = self._limits.get(need["originator"], LIMIT_FOR_ONE)
        if limit < LIMIT_FOR_ONE and need["case"] in self._approved:
            return
        if await self._approve(need, "standing", {"limit": limit, "days": APPROVED_DAYS}):
            self._approved.add(need["case"])

    async def _approve(self, need: Mapping[str, Any], scope: str, extra: Mapping[str, object]) -> bool:
        """One of the two signs; the other where one alone may approve no more."""
        said: dict[str, Any] = {}
        for name in self._entries:
            wish = {"case": need["case"], "scope": scope, "by": [self._entries[name]], **extra}
            said = await self._sign("approve", wish, name)
            if "error" not in said:
                return True
        self.refused.append(str(said["error"]))
        return False

    async def _vouch(self, originator: str) -> None:
        if not originator.endswith(NEVER_VOUCHED) and originator not in self._harmful:
            why = "We have known them for years."
            await self._sign("vouch", {"originator": originator, "why": why, "by": self._entries["ada"]}, "ada")

    async def _judge(self, originator: str) -> None:
        """As soon as there is a case to look at."""
        wish = {"deed": "phishing", "why": "imitates a bank, asks for passwords", "by": self._entries["ada"]}
        if "error" not in await self._sign("judge", {"originator": originator, **wish}, "ada"):
            self._judged.add(originator)

    async def _decide(self, need: Mapping[str, Any]) -> None:
        """From PTR and holder alone: the network must be the domain's own."""
        domain, ptr = need["domain"], need["ptr"]
        allow = (ptr == domain or ptr.endswith(f".{domain}")) and domain in need["holder"]
        why = f"PTR {ptr}, holder {need['holder']}"
        await self._remote.call("pair", id=need["pair"], allow=allow, who="ada", why=why)

    async def unlock(self, path: Path) -> bool:
        """Both sign that the openings be written to a file; whether their keys counted already."""
        wish = {"by": list(self._entries.values()), "path": str(path)}
        return "error" not in await self._sign("openings", wish, *self._entries)

    async def _sign(self, verb: str, wish: Mapping[str, object], *names: str) -> Any:  # noqa: ANN401 - as above
        prepared = await self._remote.call(f"{verb}-prepare", **wish)
        if "error" in prepared:
            return prepared
        asked = bytes.fromhex(prepared["sign"])
        signed = [{"by": self._entries[who], "signature": sign(self._keys[who], asked).hex()} for who in names]
        return await self._remote.call(verb, id=prepared["id"], signatures=signed)
