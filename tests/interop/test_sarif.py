"""SARIF 2.1.0 by the validator of its editors (@microsoft/sarif-multitool), which holds a log against the OASIS schema."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.unit.rendering.test_pages import HOSTILE, refused

from sigstep.model.verdict import Outcome, Report
from sigstep.rendering.sarif import report_sarif

ORACLE = Path(__file__).parent / "sarif_oracle"
SECONDS = 300


@pytest.fixture(scope="module")
def multitool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The validator, as npm has it, by its lock."""
    folder = tmp_path_factory.mktemp("sarif")
    for file in ORACLE.glob("*.json"):
        shutil.copy(file, folder)
    command = ["npm", "ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run(command, cwd=folder, check=True, timeout=SECONDS)
    found = next(one for one in folder.rglob("Sarif.Multitool") if one.is_file())
    found.chmod(0o755)
    return found


def errors(multitool: Path, log: Path) -> list[str]:
    """Rules that the validator says are broken, errors only."""
    told = log.with_suffix(".told")
    command = [
        str(multitool),
        "validate",
        str(log),
        "--output",
        str(told),
        "--log",
        "ForceOverwrite",
        "--level",
        "Error",
    ]
    subprocess.run(
        command,
        env={"DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1", "HOME": str(log.parent)},
        timeout=SECONDS,
        check=False,
    )
    results = json.loads(told.read_bytes())["runs"][0].get("results", [])
    return [one["ruleId"] for one in results if one.get("level") == "error"]


def test_reports_are_valid(multitool: Path, tmp_path: Path) -> None:
    """With findings, hostile names and none at all; a broken log is noticed, so that silence says something."""
    reports = [(refused("b c", Outcome.UNDECIDED), refused("a:b"), refused(HOSTILE)), ()]
    for at, verdicts in enumerate(reports):
        log = tmp_path / f"{at}.sarif"
        log.write_text(report_sarif(Report(verdicts=verdicts)))
        assert errors(multitool, log) == []
    broken = tmp_path / "broken.sarif"
    broken.write_text(report_sarif(Report(verdicts=reports[0])).replace('"ruleId"', '"rule"'))
    assert errors(multitool, broken) != []
