"""Every link within the documentation leads to a page that is there, and to a heading of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.blocks import DOCS

PAGES = {page: page.read_text(encoding="utf-8") for page in sorted(DOCS.rglob("*.md"))}
FENCED = re.compile(r"^(```+).*?^\1$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def prose(page: str) -> str:
    """Give a page without its fenced blocks and without code."""
    return re.sub(r"`[^`\n]*`", "code", FENCED.sub("", page))


def links(page: str) -> list[str]:
    """Give the targets of a page's links that are no addresses."""
    return [target for target in LINK.findall(prose(page)) if not re.match(r"[a-z]+:", target)]


def anchors(page: str) -> set[str]:
    """Give the anchors of a page's headings, as GitHub makes them; a second one of a name has a number."""
    found: dict[str, int] = {}
    out = set()
    for title in re.findall(r"^#+ (.+)$", FENCED.sub("", page), re.MULTILINE):
        slug = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        out.add(f"{slug}-{found[slug]}" if slug in found else slug)
        found[slug] = found.get(slug, 0) + 1
    return out


def broken(page: Path) -> list[str]:
    """Give the links of a page that lead nowhere."""
    out = []
    for target in links(PAGES[page]):
        name, _, anchor = target.partition("#")
        there = (page.parent / name).resolve() if name else page
        if not there.exists() or (anchor and anchor not in anchors(PAGES.get(there, ""))):
            out.append(target)
    return out


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_every_link_leads_somewhere(page: Path) -> None:
    """The file is there, and where a heading is named, so is that."""
    assert [] == broken(page)


def test_every_page_can_be_reached() -> None:
    """The lists of the first page name every other page, each once."""
    lists = re.findall(r"```\{toctree\}\n(?::\w+:[^\n]*\n)*\n(.*?)```", PAGES[DOCS / "index.md"], re.DOTALL)
    listed = [f"{name}.md" for one in lists for name in one.split()]

    assert sorted(page.relative_to(DOCS).as_posix() for page in PAGES) == sorted([*listed, "index.md"])


def test_a_broken_link_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page or a heading that is not there is one; code and addresses are none."""
    page = DOCS / "start.md"
    text = (
        "# Hé: `a_b`!\n[1](#hé-a_b) [2](#he) [3](gate.md#time) [4](gate.md#times) [5](no.md) `[6](x)` [7](http://x)\n"
    )
    monkeypatch.setitem(PAGES, page, text)

    assert ["#he", "gate.md#times", "no.md"] == broken(page)
