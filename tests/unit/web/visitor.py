"""A visitor of an ASGI application: one request, one answer, no socket."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import cast

from starlette.applications import Starlette


@dataclass(frozen=True)
class Seen:
    """What came back."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def text(self) -> str:
        """As a person reads it."""
        return self.content.decode()


class Visitor:
    """Somebody without script and cookies."""

    def __init__(self, application: Starlette) -> None:
        self._application = application

    async def get(self, path: str) -> Seen:
        """Looks at a page."""
        return await self.ask("GET", path)

    async def post(self, path: str, word: str) -> Seen:
        """Presses a button."""
        form = {"content-type": "application/x-www-form-urlencoded"}
        return await self.ask("POST", path, f"word={word}".encode(), form)

    async def ask(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Seen:
        """Says anything."""
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": path,
            "raw_path": path.encode(), "query_string": b"", "root_path": "", "scheme": "http", "server": ("node", 80),
            "client": ("127.0.0.1", 1),
            "headers": [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()],
        }  # fmt: skip
        status, headers, content = 0, dict[str, str](), b""

        async def receive() -> MutableMapping[str, object]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: MutableMapping[str, object]) -> None:
            nonlocal status, content
            if message["type"] == "http.response.start":
                status = int(str(message["status"]))
                pairs = cast("list[tuple[bytes, bytes]]", message["headers"])
                headers.update({name.decode(): value.decode() for name, value in pairs})
            else:
                content += cast("bytes", message.get("body", b""))

        await self._application(scope, receive, send)
        return Seen(status, headers, content)
