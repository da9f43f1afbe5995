"""The world's DNS in a thread of its own."""

from __future__ import annotations

import asyncio
import threading

from antiphon.world.names import Names


class NameServer:
    """Serves what is recorded, on loopback, until closed."""

    def __init__(self) -> None:
        self.names = Names()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.names.open(), self._loop).result(10)

    def record(self, name: str, kind: str, *values: str) -> None:
        """As `Names.record`."""
        self._loop.call_soon_threadsafe(self.names.record, name, kind, *values)

    def close(self) -> None:
        """Ended when this returns."""

        async def end() -> None:
            self.names.close()
            for _ in range(8):
                await asyncio.sleep(0)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
