"""A headless Chromium for the pages: opens one from disk, and ends a test in which it complained or asked for more."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Route

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
)
LAPTOP = (1366, 768)


@dataclass
class Opened:
    """A page in the browser; `page` is Playwright's. wrong: what the browser complained of. asked: every request."""

    page: Page
    path: Path
    wrong: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    @property
    def asked_elsewhere(self) -> list[str]:
        """The requests for anything but the file itself."""
        own = self.path.as_uri()
        return [url for url in self.asked if url.partition("#")[0] != own]

    def js(self, expression: str, *arguments: Any) -> Any:
        """What a JavaScript expression, or a function of one argument, gives in the page."""
        return self.page.evaluate(expression, *arguments)

    def check(self) -> None:
        """No error or warning so far, and no request left the file."""
        assert self.wrong == []
        assert self.asked_elsewhere == []


Open = Callable[..., Opened]


def executable() -> str | None:
    """The system's Chromium."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """A browser without a window; tests that need it are skipped where the system has none."""
    path = executable()
    if path is None:
        pytest.skip("no Chromium on the PATH: make browser")
    from playwright.sync_api import sync_playwright  # only where a page is opened

    flags = [*FLAGS, *(["--no-sandbox"] if os.getuid() == 0 else [])]
    with sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=path, args=flags)
        yield found
        found.close()


@pytest.fixture
def opened(chromium: Browser, tmp_path: Path) -> Iterator[Open]:
    """Call it with a page's HTML (or a file) and options of Playwright's `new_context`: the page, drawn, from disk.

    When the test ends, each page must have caused no message of the console above `info`, no uncaught error and no
    request but for itself.
    """
    contexts, pages = [], []

    def open_(html: str | Path, size: tuple[int, int] = LAPTOP, **options: Any) -> Opened:
        path = html if isinstance(html, Path) else tmp_path / f"page{len(pages)}.html"
        if isinstance(html, str):
            path.write_text(html, encoding="utf-8")
        context = chromium.new_context(viewport={"width": size[0], "height": size[1]}, **options)
        contexts.append(context)
        found = Opened(context.new_page(), path)
        pages.append(found)
        _listen(found)
        found.page.goto(path.as_uri())
        found.page.wait_for_selector("html[data-ready]", state="attached", timeout=20_000)
        return found

    yield open_
    for page in pages:
        page.check()
    for context in contexts:
        context.close()


def _listen(found: Opened) -> None:
    """Record what the page says and asks for; a request for anything else goes nowhere."""

    def said(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning", "assert"):
            found.wrong.append(f"{message.type}: {message.text}")

    def asked(request: Request) -> None:
        if not request.url.startswith(("data:", "blob:")):
            found.asked.append(request.url)

    def route(way: Route) -> None:
        if way.request.url.partition("#")[0] == found.path.as_uri():
            way.continue_()
        else:
            way.abort()

    found.page.on("console", said)
    found.page.on("pageerror", lambda error: found.wrong.append(f"uncaught: {error}"))
    found.page.on("dialog", lambda dialog: (found.wrong.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    found.page.context.on("request", asked)
    found.page.context.route("**/*", route)
