"""The step ``dependencies`` of the Action: its result, findings on their lines, and the comment."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.attesting import Who
from tests.flows.test_dependency_command import lock
from tests.market import Made, Market
from tests.repositories import commits
from tests.sandboxes import sandbox

from sigstep.action.dependencies import run
from sigstep.action.inputs import Inputs
from sigstep.action.result import StepResult
from sigstep.errors import SigstepError
from sigstep.ports.real import real_world
from sigstep.sandbox.local import Sandbox

__all__ = ["sandbox"]


@pytest.fixture(scope="module")
def market(sandbox: Sandbox) -> Iterator[Market]:
    """A package that lost its provenance, and one of another trigger."""
    with Market(sandbox) as running:
        running.npm("lost", Made("1.0.0", Who()), Made("2.0.0"))
        running.npm("kept", Made("1.0.0", Who()), Made("2.0.0", Who(trigger="workflow_run")))
        yield running


def step(market: Market, folder: Path, more: dict[str, str] | None = None, /, **given: str) -> StepResult:
    """Run the step in a repository with two commits; the second has more files."""
    base, head = lock(market, "1.0.0", "lost", "kept"), lock(market, "2.0.0", "lost", "kept") | (more or {})
    commits(folder, base, head)
    environ = {
        **market.sandbox.environ(token=False),
        "GITHUB_API_URL": f"{market.url}/github",
        "GITHUB_REPOSITORY": "acme/app",
        "GITHUB_REF": "refs/pull/7/merge",
    }
    fields = {"repository-path": str(folder), "offline": "true", "base": "s0", "head": "s1", **given}
    inputs = {f"SIGSTEP_INPUT_{name.upper().replace('-', '_')}": value for name, value in fields.items()}
    outside = replace(real_world(), environ={**environ, **inputs})
    return run(Inputs(environ=outside.environ), outside)


def test_a_change(market: Market, tmp_path: Path) -> None:
    """Blocked ones are errors, others warnings, each on its line; the reports are files."""
    result = step(market, tmp_path)
    assert (result.status, result.values) == (
        1,
        {"outcome": "refused", "verified-count": "1", "failed-count": "1"},
    )
    (error,), (warning,) = result.errors, result.warnings
    assert (error.code, warning.code) == ("provenance-lost", "risky-trigger")
    lines = (tmp_path / "package-lock.json").read_text().splitlines()
    assert '"version": "2.0.0"' in lines[int(error.details["line"]) - 1]
    assert json.loads(result.files["report-path"])["exit_code"] == 1
    assert json.loads(result.files["sarif-path"])["version"] == "2.1.0"
    assert result.files["comment-path"].startswith("<!-- sigstep-dependencies -->")
    assert result.summary.startswith("## sigstep: dependency provenance")


def test_a_redirect(market: Market, tmp_path: Path) -> None:
    """It counts as blocked, and its annotation stands on its line."""
    result = step(market, tmp_path, {"go.mod": "module m\nreplace a.example/x => evil.example/x v1.0.0\n"})
    assert (result.status, result.values["failed-count"]) == (1, "2")
    error = next(one for one in result.errors if one.code == "source-redirected")
    assert error.details == {"file": "go.mod", "line": "2"}


def test_an_audit(market: Market, tmp_path: Path) -> None:
    """Everything that is locked; nothing to compare with."""
    result = step(market, tmp_path, audit="true", base="", profile="report", registry=f"npm={market.url}/npm")
    assert (result.status, result.values["verified-count"]) == (0, "2")


def test_a_comment(market: Market, tmp_path: Path) -> None:
    """Written with the step's token; where it may not be, a warning says so and the result stays."""
    refused = step(market, tmp_path, comment="true", **{"github-token": "t0ken"})
    assert [one.code for one in refused.warnings] == ["risky-trigger", "github-missing"]
    path = "/github/repos/acme/app/issues/7/comments"
    market.serve(path, [{"id": 3, "user": {"type": "Bot"}, "body": "<!-- sigstep-dependencies -->"}])
    market.serve("/github/repos/acme/app/issues/comments/3", {"html_url": "https://x.example"})
    (tmp_path / "two").mkdir()
    written = step(market, tmp_path / "two", comment="true", **{"github-token": "t0ken"})
    assert [one.code for one in written.warnings] == ["risky-trigger"]
    sent = [headers for asked, headers in market.asked if asked == path]
    assert {one["Authorization"] for one in sent} == {"Bearer t0ken"}


@pytest.mark.parametrize(
    ("given", "code"), [({"base": ""}, "input-base-missing"), ({"registry": "npm"}, "input-registry")]
)
def test_inputs(market: Market, tmp_path: Path, given: dict[str, str], code: str) -> None:
    """What is missing or malformed is usage."""
    with pytest.raises(SigstepError) as refused:
        step(market, tmp_path, **given)
    assert (refused.value.code, refused.value.exit_code) == (code, 2)
