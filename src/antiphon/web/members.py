"""Members over the control socket: they come, rest, leave, and get their own copy."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from antiphon.desk import enrol, erase, withdraw
from antiphon.desk.desk import Desk
from antiphon.errors import MalformedInput
from antiphon.registry.agreement import agreement, how_to_prove
from antiphon.registry.mandate import Mandate
from antiphon.web.export import copy_of

Request = Mapping[str, object]


class Members:
    """What an operator does for members."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def verbs(self) -> dict[str, Callable[[dict[str, object]], Awaitable[object]]]:
        """The verbs by name."""
        return {
            "members": self.list,
            "member-add": self.add,
            "member-suspend": self.suspend,
            "member-revoke": self.revoke,
            "member-export": self.export,
        }

    async def list(self, _: Request) -> object:
        """Every mandate."""
        found = await self._desk.store.read(lambda tx: tx.find(Mandate, order="address"))
        return [
            {"address": m.address, "state": m.state.value, "consents": m.consents, "hosted": m.hosted} for m in found
        ]

    async def add(self, q: Request) -> object:
        """A new mandate, or other consents for a known one; with the text that its holder has to have read."""
        only = q.get("only", "")
        mandate = await enrol.add_member(
            self._desk,
            _address(q),
            consents=str(q.get("consent", "count")),
            only=",".join(map(str, only)) if isinstance(only, list) else str(only),
            by_postmaster=bool(q.get("by_postmaster")),
        )
        house, token = self._desk.house, mandate.report_token
        proof = "" if mandate.hosted else f"prove+{token}@{house.domain}"
        return {
            "address": mandate.address,
            "state": mandate.state.value,
            "report_address": f"report+{token}@{house.domain}",
            "proof_address": proof,
            "to_prove": how_to_prove(house.language, proof) if proof else "",
            "text": agreement(house.language, house.name),
        }

    async def suspend(self, q: Request) -> object:
        """A mandate rests until the address is proved anew."""
        await enrol.suspend(self._desk, _address(q), why=str(q.get("why", "")))
        return {}

    async def revoke(self, q: Request) -> object:
        """A mandate ends; with `erase` its member is forgotten as well."""
        if not q.get("erase"):
            await withdraw.revoke(self._desk, _address(q))
            return {"erased": False}
        gone = await erase.leave(self._desk, _address(q))
        return {"erased": True, "waits_for": "" if gone else self._desk.vault.away}

    async def export(self, q: Request) -> object:
        """The member's own copy."""
        return await self._desk.store.read(lambda tx: copy_of(tx, self._desk, _address(q)))


def _address(q: Request) -> str:
    value = q.get("address")
    if not isinstance(value, str) or not value:
        raise MalformedInput("This verb needs 'address' as a text.")
    return value
