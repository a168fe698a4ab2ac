"""The closed set of codes: each in the source has a heading in the reference and a test, and no heading is left over."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def codes_in_source() -> set[str]:
    """Every literal that is given as ``code=``."""
    found: set[str] = set()
    for file in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "code" and isinstance(node.value, ast.Constant):
                found.add(str(node.value.value))
    return found


def codes_in_reference() -> list[str]:
    """Every second-level heading of the pages of codes."""
    pages = sorted((ROOT / "docs" / "reference" / "codes").glob("*.md"))
    return [code for page in pages for code in re.findall(r"^## `([a-z0-9-]+)`$", page.read_text(), re.MULTILINE)]


def test_every_code_has_one_heading() -> None:
    """Design, rules: codes are a closed set, each with a heading."""
    documented = codes_in_reference()
    assert not codes_in_source() - set(documented)
    source = "".join(file.read_text() for file in (ROOT / "src").rglob("*.py"))
    assert not [code for code in documented if f'"{code}"' not in source]
    assert len(documented) == len(set(documented))


def words_in_tests() -> set[str]:
    """Every word in a string of a test; what docstrings and comments say asserts nothing."""
    found: set[str] = set()
    for file in (ROOT / "tests").rglob("*.py"):
        if "node_modules" in file.parts:
            continue
        tree = ast.parse(file.read_text())
        prose = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in prose:
                found.update(re.findall(r"[a-z0-9]+(?:-[a-z0-9]+)*", node.value))
    return found


def test_every_code_is_named_in_a_test() -> None:
    """Design, rules: a refusal that no test asks for may be unreachable, or say something else than it should."""
    words = words_in_tests()
    assert not [code for code in codes_in_reference() if code not in words]
