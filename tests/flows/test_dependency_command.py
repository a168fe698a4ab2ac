"""``sigstep deps`` as people and the Action run it: forms, files, policy of the base, recorded answers, parts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator
from tests.attesting import Who, sri
from tests.market import Made, Market
from tests.repositories import commits
from tests.sandboxes import sandbox

from sigstep.cli.main import sigstep
from sigstep.errors import SigstepError
from sigstep.flows.dependency_merge import merge_reports
from sigstep.sandbox.local import Sandbox

__all__ = ["sandbox"]

ALICE = Who()
SCHEMA = Draft202012Validator(
    json.loads((resources.files("sigstep.rendering") / "dependencies.schema.json").read_text())
)
POLICY = """schema: sigstep/policy/v1
dependencies:
  accept:
    - {package: "npm:lost", rule: provenance-lost, to: "2.0.0", reason: by hand, expires: 2099-01-01}
"""


@pytest.fixture(scope="module")
def market(sandbox: Sandbox) -> Iterator[Market]:
    """A registry with one package that lost its provenance, one that stayed, and one without."""
    with Market(sandbox) as running:
        running.npm("lost", Made("1.0.0", ALICE), Made("2.0.0"))
        running.npm("kept", Made("1.0.0", ALICE), Made("2.0.0", ALICE))
        running.npm("never", Made("1.0.0"), Made("2.0.0"))
        yield running


def lock(market: Market, version: str, *names: str) -> dict[str, str]:
    """A lockfile."""
    packages = {
        f"node_modules/{name}": {
            "version": version,
            "resolved": f"{market.url}/npm/{name}/-/{name}-{version}.tgz",
            "integrity": sri(Made(version).data(name)),
        }
        for name in names or ("lost", "kept", "never")
    }
    return {"package-lock.json": json.dumps({"lockfileVersion": 3, "packages": packages}, indent=1)}


def run(market: Market, *arguments: str, environ: dict[str, str] | None = None) -> tuple[int, str]:
    """Exit status and output."""
    env = {
        **market.sandbox.environ(token=False),
        "GITHUB_API_URL": f"{market.url}/github",
        "GITHUB_REPOSITORY": "acme/app",
        **(environ or {}),
    }
    result = CliRunner(env=env).invoke(sigstep, ["deps", *arguments], standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result.return_value, result.output


def changed(market: Market, folder: Path, *more: dict[str, str]) -> list[str]:
    """Arguments for a comparison of two commits; ``more`` are files beside the lockfiles."""
    base, head = more or ({}, {})
    commits(folder, {**lock(market, "1.0.0"), **base}, {**lock(market, "2.0.0"), **head})
    keys = folder.parent / f"{folder.name}-keys.json"
    keys.write_bytes(market.npm_keys())
    return ["diff", "--base", "s0", "--head", "s1", "--repository", str(folder), "--registry-keys", str(keys)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the repository is made."""
    (tmp_path / "repository").mkdir()
    return tmp_path / "repository"


def test_every_form(market: Market, folder: Path, tmp_path: Path) -> None:
    """Text, JSON by its schema, Markdown, annotations on the line, SARIF; several at once, and the job summary."""
    arguments = changed(market, folder)
    files = {form: tmp_path / f"report.{form}" for form in ("json", "markdown", "annotations", "sarif")}
    outputs = [one for form, path in files.items() for one in ("--output", f"{form}={path}")]
    summary = tmp_path / "summary.md"
    status, text = run(market, *arguments, *outputs, "--summary", environ={"GITHUB_STEP_SUMMARY": str(summary)})
    assert status == 1
    assert text.startswith("dependency provenance of acme/app: 1 blocked, 0 to look at, 2 others changed")
    value = json.loads(files["json"].read_text())
    assert not list(SCHEMA.iter_errors(value))
    assert (value["exit_code"], value["results"][0]["purl"]) == (1, "pkg:npm/lost@2.0.0")
    assert value["results"][0]["findings"][0]["accept"].startswith('{package: "npm:lost", rule: provenance-lost')
    line = value["results"][0]["manifest"]["line"]
    assert '"version": "2.0.0"' in (folder / "package-lock.json").read_text().splitlines()[line - 1]
    marks = files["annotations"].read_text()
    assert marks.startswith(f"::error file=package-lock.json,line={line},title=provenance-lost%3A lost 2.0.0::")
    (result,) = json.loads(files["sarif"].read_text())["runs"][0]["results"]
    assert (result["ruleId"], result["level"]) == ("provenance-lost", "error")
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == line
    assert summary.read_text() == files["markdown"].read_text() + "\n"
    assert "1 blocked" in summary.read_text()


def test_the_policy_of_the_base_counts(market: Market, folder: Path) -> None:
    """An acceptance in the pull request is told and does not count; on the base branch it counts."""
    path = ".github-sigstep.yml"
    arguments = [*changed(market, folder, {}, {path: POLICY}), "--policy", path, "--format", "json"]
    status, text = run(market, *arguments)
    notices = json.loads(text)["notices"]
    assert (status, [(one["rule"], one["level"]) for one in notices]) == (1, [("policy-changed-in-pr", "warn")])


def test_an_accepted_finding(market: Market, folder: Path) -> None:
    """Narrow: this rule, this package, this version, until a day."""
    path = ".github-sigstep.yml"
    arguments = [*changed(market, folder, {path: POLICY}, {path: POLICY}), "--policy", path, "--format", "json"]
    status, text = run(market, *arguments)
    value = json.loads(text)
    assert (status, value["notices"]) == (0, [])
    assert value["policy"]["file"].startswith(f"{path} sha256:")
    lost = next(one for one in value["results"] if one["name"] == "lost")
    assert "accepted: by hand" in lost["findings"][0]["message"]


def test_recorded_answers(market: Market, folder: Path, tmp_path: Path) -> None:
    """Record once, replay without a network; what was not recorded is not checked, and never green by itself."""
    arguments = [*changed(market, folder), "--format", "json", "--responses", str(tmp_path / "kept")]
    status, live = run(market, *arguments, "--record", environ={"GITHUB_TOKEN": "s3cr3t"})
    kept = "".join(path.read_text() for path in (tmp_path / "kept").iterdir())
    assert "s3cr3t" not in kept
    before = len(market.asked)
    assert run(market, *arguments) == (status, live)
    assert len(market.asked) == before
    for path in (tmp_path / "kept").iterdir():
        path.unlink()
    status, text = run(market, *arguments)
    assert {one["evidence"]["new"]["state"] for one in json.loads(text)["results"]} == {"error"}


def test_parts_are_put_together(market: Market, folder: Path, tmp_path: Path) -> None:
    """Parts of one run give the same report as the whole; a missing part is refused; repositories are told apart."""
    arguments = [*changed(market, folder), "--format", "json"]
    status, whole = run(market, *arguments)
    parts = []
    for number in (1, 2, 3):
        path = tmp_path / f"{number}.json"
        run(market, *arguments, "--shard", f"{number}/3", "--output", f"json={path}")
        parts.append(str(path))
    merged_status, merged = run(market, "merge", *parts, "--format", "json")
    assert merged_status == status

    def by_name(text: str) -> list[Any]:
        return sorted(json.loads(text)["results"], key=lambda one: str(one["name"]))

    assert by_name(merged) == by_name(whole)
    with pytest.raises(SigstepError) as refused:
        run(market, "merge", *parts[:2])
    assert refused.value.code == "report-parts"
    other = tmp_path / "other.json"
    run(market, *arguments, "--name", "acme/other", "--output", f"json={other}")
    one = tmp_path / "one.json"
    one.write_text(whole)
    status, both = run(market, "merge", str(one), str(other), "--format", "json")
    value = json.loads(both)
    assert (status, value["repository"], len(value["results"])) == (1, "2 repositories", 6)
    assert {one["manifest"]["path"] for one in value["results"]} == {
        "acme/app/package-lock.json",
        "acme/other/package-lock.json",
    }
    assert not list(SCHEMA.iter_errors({**value, "policy": {"profile": "recommended", "file": ""}}))


def test_an_audit(market: Market, folder: Path) -> None:
    """Everything that is locked, without a comparison."""
    arguments = changed(market, folder)
    status, text = run(market, "audit", "--head", "s1", *arguments[5:], "--format", "json")
    states = {one["name"]: one["evidence"]["new"]["state"] for one in json.loads(text)["results"]}
    assert (status, states) == (0, {"lost": "absent", "kept": "verified", "never": "absent"})


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--registry", "npm"], "registry-option"),
        (["--credential", "npm.example"], "registry-credential"),
        (["--credential", "npm.example=SIGSTEP_NOT_SET"], "registry-credential"),
        (["--shard", "3/2"], "shard-option"),
        (["--output", "pdf=x"], "report-output"),
        (["--output", "json=/nowhere/x"], "report-output"),
        (["--responses", "/nowhere"], "responses-folder"),
    ],
)
def test_usage(market: Market, folder: Path, arguments: list[str], code: str) -> None:
    """Each with its code."""
    with pytest.raises(SigstepError) as refused:
        run(market, *changed(market, folder), *arguments)
    assert (refused.value.code, refused.value.exit_code) == (code, 2)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"schema": "other"}', '{"schema": "sigstep/dependencies/v1"}'])
def test_a_malformed_report(market: Market, tmp_path: Path, text: str) -> None:
    """What is no report is not put together."""
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(SigstepError) as refused:
        run(market, "merge", str(tmp_path / "x.json"))
    assert refused.value.code in {"report-malformed", "json-malformed", "json-member-type"}


def test_a_spoiled_recording(market: Market, folder: Path, tmp_path: Path) -> None:
    """A recorded answer that cannot be read is an error of its own, told for each package."""
    arguments = [*changed(market, folder), "--format", "json", "--responses", str(tmp_path / "kept")]
    run(market, *arguments, "--record")
    for path in (tmp_path / "kept").iterdir():
        path.write_text("{")
    _, text = run(market, *arguments)
    assert {one["evidence"]["new"]["why"].rpartition(" ")[2] for one in json.loads(text)["results"]} == {
        "(responses-malformed)"
    }


def test_a_comment_that_cannot_be_written(market: Market, folder: Path) -> None:
    """A fork's token may not comment: the run goes on and keeps its status."""
    status, text = run(market, *changed(market, folder), "--comment", "--pull-request", "7", "--profile", "report")
    assert status == 0
    assert "dependency provenance" in text


def test_parts_of_different_runs(market: Market, folder: Path, tmp_path: Path) -> None:
    """A part of another profile is of another run; a report that is gone is told."""
    arguments = [*changed(market, folder), "--format", "json"]
    paths = [tmp_path / "1.json", tmp_path / "2.json"]
    run(market, *arguments, "--shard", "1/2", "--output", f"json={paths[0]}")
    run(market, *arguments, "--shard", "2/2", "--profile", "strict", "--output", f"json={paths[1]}")
    with pytest.raises(SigstepError) as refused:
        run(market, "merge", *map(str, paths))
    assert refused.value.code == "report-parts"
    for given, code in (([], "report-parts"), ([tmp_path / "gone.json"], "report-unreadable")):
        with pytest.raises(SigstepError) as missing:
            merge_reports(given)
        assert missing.value.code == code
