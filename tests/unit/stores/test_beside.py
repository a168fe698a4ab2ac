"""Bundle files that are not what they should be."""

from __future__ import annotations

from pathlib import Path

from tests.unit.refusals import code_of

from sigstep.model import limits
from sigstep.stores.beside import read_bundles


def test_bounds_and_faults_of_a_bundle_file(tmp_path: Path) -> None:
    """Missing, a folder, and a line more than is read."""
    lines = tmp_path / "many.jsonl"
    lines.write_bytes(b"{}\n" * limits.BUNDLE_LINES)
    assert len(read_bundles(lines)) == limits.BUNDLE_LINES
    lines.write_bytes(b"{}\n" * (limits.BUNDLE_LINES + 1))
    assert code_of(lambda: read_bundles(lines)) == "bundle-too-many"
    assert code_of(lambda: read_bundles(tmp_path)) == "bundle-unreadable"
    assert code_of(lambda: read_bundles(tmp_path / "none")) == "bundle-missing"
