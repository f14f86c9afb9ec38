"""A browser for the whole session, pages in it, and the marker that keeps ``make test`` from starting it."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from faultlab.clients.packages import PackageError
from tests.browser.chromium import environment, fetch

type Open = Callable[..., Any]
"""Opens a page's text in a window of its own and waits until it is ready."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder, before pytest chooses by markers."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.browser)


def listen(page: Any, address: str, heard: list[str]) -> None:
    """Have all that a page says on the console, every error of its scripts and every other address it asks for."""
    page.on("console", lambda message: heard.append(f"console: {message.text}"))
    page.on("pageerror", lambda problem: heard.append(f"error: {problem}"))
    page.on("request", lambda request: heard.append(f"request: {request.url}") if request.url != address else None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Give a running Chromium."""
    if importlib.util.find_spec("playwright") is None:
        pytest.fail("playwright is not installed; run make test-browser, which has the group 'browser'", pytrace=False)
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - of a group that other tests do without

    problem, program = "", Path()
    try:
        program = fetch()
    except PackageError as raised:
        problem = str(raised)
    if problem:
        pytest.fail(problem, pytrace=False)
    with sync_playwright() as library:
        # A sandbox is not to be had everywhere, and what is opened is our own.
        running = library.chromium.launch(
            executable_path=program, env=environment(program), args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield running
        running.close()


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """Give what opens a page; at the end no page may have said anything on the console or asked for anything else."""
    contexts: list[Any] = []
    heard: list[str] = []

    def open_(text: str, *, fragment: str = "", width: int = 1280, **options: Any) -> Any:
        file = tmp_path / f"page-{len(contexts)}.html"
        file.write_bytes(text.encode())
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        listen(page, file.as_uri(), heard)
        page.goto(file.as_uri() + fragment)
        if options.get("java_script_enabled", True):
            page.wait_for_selector("html[data-ready]", state="attached")
            page.wait_for_selector("#chart[data-drawn]")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert [] == heard
