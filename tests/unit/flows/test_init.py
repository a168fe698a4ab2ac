"""The workflow that ``sigstep init`` proposes: pinned, shown before it is written, written whole."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from tests.unit.refusals import code_of

from sigstep.cli.main import sigstep
from sigstep.flows.init import KINDS, USES, propose

ROOT = Path(__file__).parents[3]
PIN = f"acme/sigstep@{'1f' * 20} # v1.2.3"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_found_by_its_file(kind: str, tmp_path: Path) -> None:
    """The proposal is a workflow whose every use of sigstep is the given commit."""
    (tmp_path / KINDS[kind][0]).touch()
    (one,) = propose(tmp_path, uses=PIN)
    assert one.path == tmp_path / ".github" / "workflows" / "sigstep.yml"
    steps = [step for job in yaml.safe_load(one.after)["jobs"].values() for step in job["steps"]]
    ours = [step["uses"] for step in steps if step.get("uses", "").startswith("acme/sigstep")]
    assert ours
    assert {use.partition("@")[2] for use in ours} == {"1f" * 20}
    assert USES.partition("@")[2] not in one.after


def test_two_kinds_are_two_files(tmp_path: Path) -> None:
    """A repository may release a package and an image."""
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "Dockerfile").touch()
    assert [one.path.name for one in propose(tmp_path, uses=PIN)] == ["sigstep-python.yml", "sigstep-container.yml"]


@pytest.mark.parametrize("uses", [USES, "acme/sigstep@v1", "acme/sigstep", f"acme/sigstep@{'1f' * 20}\nx"])
def test_a_pin_is_a_commit(uses: str, tmp_path: Path) -> None:
    """A tag moves; the placeholder names nothing."""
    (tmp_path / "go.mod").touch()
    assert code_of(lambda: propose(tmp_path, uses=uses)) == "init-unpinned"


def test_an_unknown_repository_is_not_guessed(tmp_path: Path) -> None:
    """Exit status 3: nothing to examine."""
    assert code_of(lambda: propose(tmp_path, uses=PIN)) == "init-unknown-repository"


def test_a_file_that_is_no_text_is_not_overwritten(tmp_path: Path) -> None:
    """What stands there is kept."""
    (tmp_path / "go.mod").touch()
    (one,) = propose(tmp_path, uses=PIN)
    one.path.parent.mkdir(parents=True)
    one.path.write_bytes(b"\xff\xfe")
    assert code_of(lambda: propose(tmp_path, uses=PIN)) == "file-unreadable"
    assert one.path.read_bytes() == b"\xff\xfe"


def test_the_command_shows_then_writes(tmp_path: Path) -> None:
    """Without --yes and without a terminal nothing is written; a second run finds nothing to change."""
    (tmp_path / "package.json").touch()
    run = CliRunner().invoke
    shown = run(sigstep, ["init", str(tmp_path), "--uses", PIN], standalone_mode=False)
    assert shown.return_value == 1
    assert "+name: release" in shown.output
    assert not (tmp_path / ".github").exists()
    written = run(sigstep, ["init", str(tmp_path), "--uses", PIN, "--yes"], standalone_mode=False)
    assert written.return_value == 0
    assert (tmp_path / ".github" / "workflows" / "sigstep.yml").is_file()
    again = run(sigstep, ["init", str(tmp_path), "--uses", PIN], standalone_mode=False)
    assert (again.return_value, again.output) == (0, "The workflow is there already; nothing changes.\n")


def test_the_how_to_lists_every_example_and_its_command_runs(tmp_path: Path) -> None:
    """docs/how-to/start.md."""
    page = (ROOT / "docs" / "how-to" / "start.md").read_text()
    listed = re.findall(r"^\| `([\w-]+\.yml)`", page, re.MULTILINE)
    assert sorted(listed) == sorted(path.name for path in (ROOT / "workflows-examples").iterdir())
    (command,) = re.findall(r"^\$ sigstep (.*)$", page, re.MULTILINE)
    (tmp_path / "pyproject.toml").touch()
    done = CliRunner().invoke(sigstep, [*command.split(), str(tmp_path)], standalone_mode=False)
    assert "+name: release" in done.output
