"""What a step tells the runner: files and commands that outside text can't forge."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sigstep.action.main import OUTPUTS, run
from sigstep.action.runner import ANNOTATIONS, SUMMARY_BYTES, Runner
from sigstep.model.verdict import Finding
from sigstep.ports.real import real_world


def runner(**environ: str) -> Runner:
    """A runner with this environment only."""
    return Runner(world=replace(real_world(), environ=environ))


def outputs(path: Path) -> dict[str, str]:
    """The outputs as the runner reads them."""
    lines = iter(path.read_text().splitlines())
    found: dict[str, str] = {}
    for line in lines:
        name, _, delimiter = line.partition("<<")
        value: list[str] = []
        while (one := next(lines)) != delimiter:
            value.append(one)
        found[name] = "\n".join(value)
    return found


def test_outputs_cannot_be_ended_from_outside(tmp_path: Path) -> None:
    """A value with lines that look like the file's own grammar stays one value."""
    file = tmp_path / "outputs"
    value = "x\nghadelimiter_0\noutcome<<E\nverified\nE"
    runner(GITHUB_OUTPUT=str(file)).write_outputs({"a": value, "b": ""})
    assert outputs(file) == {"a": value, "b": ""}


def test_a_summary_is_cut(tmp_path: Path) -> None:
    """The runner would drop a larger one as a whole."""
    file = tmp_path / "summary"
    runner(GITHUB_STEP_SUMMARY=str(file)).write_summary("äöü line\n" * 200_000)
    assert file.stat().st_size <= SUMMARY_BYTES
    assert file.read_text().endswith("The summary is cut here; the report has all.\n")


def test_annotations_are_capped(capsys: pytest.CaptureFixture[str]) -> None:
    """Nine, and one that counts the rest; no line starts a command of its own."""
    runner().annotate(tuple(Finding(code="c", what=f"w{at}\n::set-output name=a::b") for at in range(30)))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == ANNOTATIONS
    assert all(line.startswith("::error title=sigstep") for line in lines)
    assert "and 21 more" in lines[-1]


def test_untrusted_text_is_fenced(capsys: pytest.CaptureFixture[str]) -> None:
    """The runner ignores commands until a word that nobody outside knows."""
    with runner().untrusted():
        print("::set-output name=a::b")
    first, *_, last = capsys.readouterr().out.splitlines()
    assert last == f"::{first.removeprefix('::stop-commands::')}::"


def test_all_outputs_are_written_on_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A step that cannot begin still writes each declared output."""
    file = tmp_path / "outputs"
    environ = {"GITHUB_OUTPUT": str(file), "RUNNER_TEMP": str(tmp_path), "SIGSTEP_INPUT_OPERATION": "verify"}
    assert run(replace(real_world(), environ=environ)) == 2
    written = outputs(file)
    assert set(written) == set(OUTPUTS)
    assert written["outcome"] == "usage"
    assert "input-signer-missing" in capsys.readouterr().out
    assert "signer" in Path(written["summary-path"]).read_text()


def test_an_unknown_operation_is_a_usage_error(tmp_path: Path) -> None:
    """Outputs are written even then."""
    file = tmp_path / "outputs"
    assert run(replace(real_world(), environ={"GITHUB_OUTPUT": str(file), "SIGSTEP_INPUT_OPERATION": "x"})) == 2
    assert outputs(file)["outcome"] == "usage"
