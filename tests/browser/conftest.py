"""Debian's chromium, driven from outside: pages as people see them, on a phone and a desk, light and dark."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, sync_playwright

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
CHROMIUM = shutil.which("chromium")
SIZES = {"phone": {"width": 390, "height": 844}, "desk": {"width": 1280, "height": 800}}
SCHEMES = ("light", "dark")
QUIET = ("--no-sandbox", "--disable-background-networking", "--disable-component-update", "--no-first-run")
"""No sandbox: it needs a kernel that containers do not lend. The pages are our own, and nothing else is loaded."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for the tests of a module, since its event loop runs in this thread and no test of another room can
    have one of its own while it does; without chromium they are skipped."""
    if CHROMIUM is None:
        pytest.skip("Debian's chromium is not on this machine")
    with sync_playwright() as play:
        running = play.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield running
        running.close()


class Sight:
    """One way to look: its own size and scheme; no script of the page runs, and nothing but the page's own host is
    asked. `strange` holds what else was asked for."""

    def __init__(self, browser: Browser, size: str, scheme: str, *, script: bool = False) -> None:
        self.strange: list[str] = []
        self._context = browser.new_context(
            viewport=SIZES[size],  # type: ignore[arg-type]  # the two words of a size
            color_scheme=scheme,  # type: ignore[arg-type]  # one word of SCHEMES
            java_script_enabled=script,
            bypass_csp=script,
        )
        self.page: Page = self._context.new_page()

    def open(self, url: str) -> Page:
        """The page at this address."""
        host = "/".join(url.split("/")[:3])

        def look(route: Route) -> None:
            if route.request.url.startswith(host):
                route.continue_()
            else:
                self.strange.append(route.request.url)
                route.abort()

        self.page.route("**/*", look)
        self.page.goto(url)
        return self.page

    def faults(self) -> list[dict[str, Any]]:
        """What axe finds against WCAG 2.2 AA and its own best practices. Needs a sight with script, for axe itself."""
        self.page.add_script_tag(path=AXE)
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            {"rule": each["id"], "impact": each["impact"], "where": [node["html"] for node in each["nodes"]][:3]}
            for each in found["violations"]
        ]

    def close(self) -> None:
        """Ends."""
        self._context.close()


@pytest.fixture
def sight(browser: Browser) -> Iterator[Callable[..., Sight]]:
    """Opens sights, and closes them after the test."""
    opened: list[Sight] = []

    def look(size: str = "desk", scheme: str = "light", *, script: bool = False) -> Sight:
        opened.append(Sight(browser, size, scheme, script=script))
        return opened[-1]

    yield look
    for each in opened:
        each.close()


class Served:
    """Something that serves pages, in an event loop and thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def do(self, work: Awaitable[Any]) -> Any:
        """Runs it there, and waits."""

        async def act() -> Any:
            return await work

        return asyncio.run_coroutine_threadsafe(act(), self._loop).result(60)

    def close(self) -> None:
        """Ends the loop."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """A loop for the servers of one module."""
    loop = Served()
    yield loop
    loop.close()
