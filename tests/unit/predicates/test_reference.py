"""The page of predicates says what the registry says."""

from __future__ import annotations

import re
from pathlib import Path

from sigstep.predicates import registry

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "predicates.md"


def test_every_name_of_the_page_means_its_uri() -> None:
    """Documentation is executed: each name of the table, and no name is left out."""
    rows = re.findall(r"^\| (`.*`) \| `(.*)` \|$", PAGE.read_text(), re.MULTILINE)
    told = {name: uri for names, uri in rows for name in re.findall(r"`([^`]+)`", names)}
    known = {alias for kind in registry.kinds() for alias in kind.aliases} | {kind.name for kind in registry.kinds()}
    assert told.keys() == known
    assert all(registry.type_uri(name) == uri for name, uri in told.items())
