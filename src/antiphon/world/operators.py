"""Two scripted operators, who exist only in the world: they read what waits for a person and decide, with own keys."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from antiphon.formats.note import public_key, sign
from antiphon.terms import DAY, Instant, ledger_day

AGAIN = frozenset({"status", "cases", "case", "held", "arm", "pair", "member-add", "openings", "publish"})
NEVER_VOUCHED = ("strangers.example", "-now.example")


class Remote:
    """The node's control socket, as any program on the machine uses it."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    async def call(self, verb: str, **arguments: object) -> Any:  # noqa: ANN401 - what the verb answers
        """One verb; a refusal is returned as {"error": ...}. While the node is being started again we wait; a verb
        whose answer was lost is asked again where that is harmless, else it counts as refused."""
        for _ in range(600):
            with suppress(OSError):
                reader, writer = await asyncio.open_unix_connection(self._socket, limit=64 * 1024 * 1024)
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
            await asyncio.sleep(0.05)
        raise RuntimeError("the node does not come back")


class Operators:
    """Ada was there first; Ben came on the same day. Both vouch on day 1 and approve from day 7 on."""

    def __init__(self, remote: Remote, keys: dict[str, bytes], start: Instant, limits: dict[str, int]) -> None:
        self._remote, self._keys, self._start = remote, keys, start
        self._limits = limits
        self._capped: set[str] = set()
        self._entries: dict[str, int] = {}
        self.refused: list[str] = []

    async def enrol(self) -> None:
        """Ben's key, signed by Ada's."""
        status = await self._remote.call("status")
        self._entries["ada"] = status["operators"][0]["entry"]
        added = await self._sign("operator", {"name": "ben", "key": public_key(self._keys["ben"]).hex(),
                                              "by": self._entries["ada"]}, ["ada"])  # fmt: skip
        self._entries["ben"] = added["entry"]

    async def look(self, now: Instant) -> None:
        """Works off everything that waits for a person."""
        status = await self._remote.call("status")
        counts = ledger_day(now) - ledger_day(self._start) >= 7
        for need in status["needs"]:
            if need["kind"] == "pair":
                await self._decide(need)
            elif need["kind"] == "vouch" and now - self._start >= DAY:
                await self._vouch(need["originator"])
            elif need["kind"] == "notice" and counts:
                await self._approve(need, "notice", {})
            elif need["kind"] == "standing" and counts:
                await self._standing(need)

    async def _standing(self, need: dict[str, Any]) -> None:
        limit = self._limits.get(need["originator"], 100)
        if limit < 100 and need["case"] in self._capped:
            return
        self._capped.add(need["case"])
        await self._approve(need, "standing", {"limit": limit, "days": 30})

    async def _approve(self, need: dict[str, Any], scope: str, extra: dict[str, Any]) -> None:
        said: dict[str, Any] = {}
        who = "ada" if scope == "notice" else "ben"
        for name in (who, "ada" if who == "ben" else "ben"):
            said = await self._sign(
                "approve", {"case": need["case"], "scope": scope, "by": [self._entries[name]], **extra}, [name]
            )
            if "error" not in said:
                return
        self.refused.append(str(said["error"]))

    async def _vouch(self, originator: str) -> None:
        if originator.endswith(NEVER_VOUCHED):
            return
        why = "known for years"
        await self._sign("vouch", {"originator": originator, "why": why, "by": self._entries["ada"]}, ["ada"])

    async def _decide(self, need: dict[str, Any]) -> None:
        """From PTR and holder alone: whoever holds the network must be the domain's own people."""
        own = need["ptr"] == need["domain"] or need["ptr"].endswith("." + need["domain"])
        allow = own and need["domain"] in need["holder"]
        why = f"PTR {need['ptr']}, holder {need['holder']}"
        await self._remote.call("pair", id=need["pair"], allow=allow, who="ada", why=why)

    async def _sign(self, verb: str, arguments: dict[str, Any], names: list[str]) -> Any:  # noqa: ANN401 - as above
        prepared = await self._remote.call(f"{verb}-prepare", **arguments)
        if "error" in prepared:
            return prepared
        data = bytes.fromhex(prepared["sign"])
        signatures = [{"by": self._entries[n], "signature": sign(self._keys[n], data).hex()} for n in names]
        return await self._remote.call(verb, id=prepared["id"], signatures=signatures)
