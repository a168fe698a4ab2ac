"""Bundle files that are not what they should be."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.refusals import code_of

from sigstep.model import limits
from sigstep.stores.beside import find_beside, read_bundles


def test_bounds_and_faults_of_a_bundle_file(tmp_path: Path) -> None:
    """Missing, a folder, and a line more than is read."""
    lines = tmp_path / "many.jsonl"
    lines.write_bytes(b"{}\n" * limits.BUNDLE_LINES)
    assert len(read_bundles(lines)) == limits.BUNDLE_LINES
    lines.write_bytes(b"{}\n" * (limits.BUNDLE_LINES + 1))
    assert code_of(lambda: read_bundles(lines)) == "bundle-too-many"
    assert code_of(lambda: read_bundles(tmp_path)) == "bundle-unreadable"
    assert code_of(lambda: read_bundles(tmp_path / "none")) == "bundle-missing"


def test_a_folder_that_may_not_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its files may be read all the same: what is beside them is hidden, and not none."""
    artifact = tmp_path / "app.whl"
    artifact.write_bytes(b"app")
    assert find_beside(artifact) == find_beside(tmp_path / "none" / "app.whl") == ()

    def refused(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", refused)
    assert code_of(lambda: find_beside(artifact)) == "bundle-unreadable"


def test_a_device_as_a_bundle_file() -> None:
    """It has no end, and no size that could be asked for: what is read is bounded."""
    assert code_of(lambda: read_bundles(Path("/dev/zero"))) == "bundle-too-large"


def test_lines_are_counted_before_they_are_taken_apart(tmp_path: Path) -> None:
    """Each way to end a line, and one way only for each."""
    lines = tmp_path / "many.jsonl"
    for end in (b"\r\n", b"\r", b"\n"):
        lines.write_bytes((b"{}" + end) * limits.BUNDLE_LINES)
        assert len(read_bundles(lines)) == limits.BUNDLE_LINES
        lines.write_bytes(end * (limits.BUNDLE_LINES + 1))
        assert code_of(lambda: read_bundles(lines)) == "bundle-too-many"
