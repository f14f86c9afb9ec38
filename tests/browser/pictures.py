"""Makes the pictures of docs/html.md: two real runs of a real client, and their pages in a real browser.

    python -m tests.browser.pictures [FOLDER]

takes five minutes, most of which the client waits. Histories that are in FOLDER already are not made again.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from faultlab import history, oracles
from faultlab.reports import Result
from faultlab.reports.html import html
from tests.browser.chromium import environment, fetch

PROJECT = Path(__file__).parent.parent.parent
PICTURES = PROJECT / "docs" / "pictures"
CLIENT = ("python", "examples/write_batches.py")
LARGEST = 200_000
"""Bytes that no picture exceeds."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: a part of a run's page, or as much of it as a window shows where no part is named."""

    name: str
    scenario: str
    scheme: str = "light"
    width: int = 1100
    height: int = 760
    part: str = ""
    fragment: str = ""

    def take(self, browser: Any, page: Path) -> Path:
        """Take it and give its file."""
        context = browser.new_context(
            viewport={"width": self.width, "height": self.height}, color_scheme=self.scheme, reduced_motion="reduce"
        )
        shown = context.new_page()
        shown.goto(page.as_uri() + self.fragment)
        shown.wait_for_selector("html[data-ready]", state="attached")
        file = PICTURES / f"{self.name}.png"
        (shown.locator(self.part) if self.part else shown).screenshot(path=file)
        context.close()
        return file


ALL = (
    Picture("verdict", "rate-limit-hostile"),
    Picture("timeline", "rate-limit-hostile", part="section:has(#timeline)"),
    Picture("exchange", "rate-limit-hostile", scheme="dark", fragment="#exchange-4"),
    Picture("delays", "flaky-network", part="section:has(#delays)"),
    Picture("timeline-dark", "flaky-network", scheme="dark", part="section:has(#timeline)"),
    Picture("phone", "rate-limit-hostile", width=320, height=640),
)


def page(folder: Path, scenario: str) -> Path:
    """Give the page of a run, which is made where it is not there."""
    past = folder / scenario
    if not past.is_dir():
        command = [sys.executable, "-m", "faultlab", "run", scenario, "--seed", "7", "--quiet", "--history", str(past)]
        # A run that fails is what a page is for.
        subprocess.run([*command, "--", *CLIENT], cwd=PROJECT, check=False, stdout=subprocess.DEVNULL)
    read = history.read(past)
    file = folder / f"{scenario}.html"
    # Named as a run names its folder where nobody says another.
    judged = replace(Result.of(oracles.judge(read), read), history=f"faultlab-runs/{scenario}-7")
    file.write_bytes(html(judged, read).encode())
    return file


def main(folder: Path) -> int:
    """Make all pictures; 1 where one is larger than it may be."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - of a group that other tests do without

    pages = {scenario: page(folder, scenario) for scenario in dict.fromkeys(one.scenario for one in ALL)}
    PICTURES.mkdir(exist_ok=True)
    program = fetch()
    sizes = {}
    with sync_playwright() as library:
        browser = library.chromium.launch(
            executable_path=program, env=environment(program), args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        for one in ALL:
            sizes[one.name] = one.take(browser, pages[one.scenario]).stat().st_size
        browser.close()
    for name, size in sizes.items():
        sys.stdout.write(f"{name}.png  {size:,} bytes{'' if size <= LARGEST else '  too large'}\n")
    return int(max(sizes.values()) > LARGEST)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        kept = Path(sys.argv[1])
        kept.mkdir(parents=True, exist_ok=True)
        sys.exit(main(kept))
    with tempfile.TemporaryDirectory() as scratch:
        sys.exit(main(Path(scratch)))
