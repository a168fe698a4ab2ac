"""docs/index.md leads to every page, once."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
LINK = re.compile(r"\]\(([^)#]+\.md)\)")


def test_every_page_has_one_link_on_a_line_of_its_own() -> None:
    """Whoever reads the index finds each page, and finds it in one place."""
    listed = [LINK.findall(line) for line in (DOCS / "index.md").read_text().splitlines()]
    assert all(len(links) <= 1 for links in listed)
    links = [link for line in listed for link in line]
    assert len(links) == len(set(links))
    # pages that are generated may not be there yet; mkdocs refuses links that lead nowhere
    assert {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")} - {"index.md"} <= set(links)
