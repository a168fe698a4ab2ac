"""The action files: inputs reach the step through the environment only, and every output is declared."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from sigstep.action.main import OPERATIONS, OUTPUTS

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker" / "action.yml"
FILES = sorted({ROOT / "action.yml", *ROOT.glob("*/action.yml")} - {DOCKER})


def action(file: Path) -> dict[str, Any]:
    """The action as a value."""
    value: dict[str, Any] = yaml.safe_load(file.read_text())
    return value


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)
def test_nothing_is_substituted_into_a_script(file: Path) -> None:
    """Reference, actions: no expression in ``run``."""
    assert [step for step in action(file)["runs"]["steps"] if "${{" in step["run"]] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)
def test_every_input_reaches_the_step(file: Path) -> None:
    """An input that is declared and not mapped would be ignored in silence."""
    step = action(file)["runs"]["steps"][-1]
    mapped = {
        f"SIGSTEP_INPUT_{name.upper().replace('-', '_')}": f"${{{{ inputs.{name} }}}}"
        for name in action(file)["inputs"]
    }
    given = {name: value for name, value in step["env"].items() if name.startswith("SIGSTEP_INPUT_")}
    assert given.pop("SIGSTEP_INPUT_OPERATION") in OPERATIONS
    assert given == mapped


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)
def test_every_output_is_written(file: Path) -> None:
    """A declared output is one that the step always writes."""
    for name, one in action(file)["outputs"].items():
        assert re.fullmatch(r"\$\{\{ steps\.run\.outputs\.([a-z-]+) \}\}", one["value"]), name
        assert name in OUTPUTS


def test_the_container_is_the_root_action() -> None:
    """docker/action.yml: the same inputs and outputs; only where bundles go differs, since no other folder is shared."""
    root, docker = action(ROOT / "action.yml"), action(DOCKER)
    other = {name for name, one in docker["inputs"].items() if one != root["inputs"].get(name)}
    assert other == {"bundle-folder"}
    assert set(docker["inputs"]) == set(root["inputs"])
    assert set(docker["outputs"]) == set(root["outputs"])
    given = {
        name: value for name, value in root["runs"]["steps"][-1]["env"].items() if name.startswith("SIGSTEP_INPUT_")
    }
    assert docker["runs"] == {"using": "docker", "image": "../Dockerfile", "env": given}
