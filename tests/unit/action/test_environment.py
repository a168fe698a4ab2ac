"""The step's own environment: made from locked wheels, checked before each use."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[3]


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("environment", ROOT / "scripts" / "action" / "environment.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


environment = _load()


@pytest.fixture
def made(tmp_path: Path) -> tuple[Path, Path]:
    """An environment of one wheel, and its lock."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    digest = base64.urlsafe_b64encode(hashlib.sha256(b"x = 1\n").digest()).rstrip(b"=").decode()
    for name in ("a", "foreign"):
        with zipfile.ZipFile(wheels / f"{name}-1-py3-none-any.whl", "w") as archive:
            archive.writestr(f"{name}/__init__.py", "x = 1\n")
            record = (
                f"{name}/__init__.py,sha256={digest},6\n../../up.py,sha256={digest},6\n{name}-1.dist-info/RECORD,,\n"
            )
            archive.writestr(f"{name}-1.dist-info/RECORD", record)
    lock = tmp_path / "lock.txt"
    hashed = hashlib.sha256((wheels / "a-1-py3-none-any.whl").read_bytes()).hexdigest()
    lock.write_text(f"a==1 \\\n    --hash=sha256:{hashed}\n")
    environment.make(tmp_path / "env", lock, wheels)
    environment.make(tmp_path / "env", lock, wheels)  # another job was faster
    return tmp_path / "env", lock


def test_only_locked_wheels_are_unpacked(made: tuple[Path, Path]) -> None:
    """A wheel of others stays out, and no path of a wheel leads out."""
    folder, lock = made
    site = environment.check(folder, lock)
    files = sorted(one.relative_to(site).as_posix() for one in site.rglob("*") if one.is_file())
    assert files == ["a-1.dist-info/RECORD", "a/__init__.py"]
    assert [one.name for one in folder.parent.iterdir() if one.name.startswith("env")] != []


@pytest.mark.parametrize(
    "change",
    [
        lambda site: (site / "a" / "__init__.py").write_text("x = 2\n"),
        lambda site: (site / "a" / "__init__.py").unlink(),
        lambda site: (site / "sitecustomize.py").write_text(""),
        lambda site: (site / "evil.pth").write_text("import os\n"),
        lambda site: (site / "a" / "__pycache__").mkdir() or (site / "a" / "__pycache__" / "x.pyc").write_bytes(b""),
        lambda site: (site / "link").symlink_to("/"),
        lambda site: (site.parent / "wheels" / "b.whl").write_bytes(b""),
        lambda site: next((site.parent / "wheels").iterdir()).unlink(),
    ],
)
def test_a_changed_environment_is_not_used(
    change: object, made: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """Earlier steps of the job can write to the disk: whatever they change, add or take away ends the step."""
    folder, lock = made
    change(folder / "site")  # type: ignore[operator]
    with pytest.raises(SystemExit):
        environment.check(folder, lock)
    assert "::error title=sigstep::" in capsys.readouterr().out
