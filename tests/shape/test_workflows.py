"""The workflows of the repository and the examples: pinned, with the least permissions, and true to the action files."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from scripts.pin import USES as USE
from scripts.pin import texts

from sigstep.flows.init import USES

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted(
    path
    for folder in (".github/workflows", "workflows-examples")
    for path in (ROOT / folder).glob("*.yml")
    if path.name != "gitlab-ci.yml"
)
OURS = re.compile(r"(?:\./|[\w.-]+/sigstep/?)(?P<path>[\w./-]*?)(?:@.*)?")


def jobs(path: Path) -> dict[str, dict[str, Any]]:
    """The jobs of a workflow."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(path.read_text())["jobs"]
    return found


def test_one_pin_stands_everywhere() -> None:
    """The repository's own slug and commit are one value, which ``scripts/pin.py`` changes."""
    found = {
        f"{one['slug']}@{one['commit']} # {one['version']}" for text in texts().values() for one in USE.finditer(text)
    }
    assert found == {USES}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_by_its_commit(path: Path) -> None:
    """A tag can be moved; organisations that demand pins are served."""
    uses = re.findall(r"uses: (\S+)", path.read_text())
    assert [use for use in uses if not use.startswith("./") and not re.search(r"@[0-9a-f]{40}$", use)] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_inputs_and_outputs_of_our_actions_exist(path: Path) -> None:
    """An example with an input that no action declares would do nothing, in silence."""
    for job in jobs(path).values():
        for step in [job, *job.get("steps", [])]:
            use = OURS.fullmatch(step.get("uses", ""))
            if use is None:
                continue
            file = ROOT / use["path"] if use["path"].endswith(".yml") else ROOT / use["path"] / "action.yml"
            action = yaml.safe_load(file.read_text())
            declared = action["inputs"] if "runs" in action else action[True]["workflow_call"]["inputs"]
            assert set(step.get("with", {})) <= set(declared), f"{path.name}: {step['uses']}"


def test_zizmor_finds_nothing() -> None:
    """The strictest persona, offline."""
    command = [str(Path(sys.prefix) / "bin" / "zizmor"), "--offline", "--persona=auditor", "--no-progress"]
    files = [*WORKFLOWS, *sorted([ROOT / "action.yml", *ROOT.glob("*/action.yml")])]
    done = subprocess.run([*command, *map(str, files)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout
