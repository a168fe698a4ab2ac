"""Inputs of a step."""

from __future__ import annotations

from pathlib import Path

import pytest

from sigstep.action.inputs import LIST_BYTES, Inputs
from sigstep.errors import SigstepError


def inputs(**given: str) -> Inputs:
    """Inputs as the action files map them."""
    return Inputs(environ={f"SIGSTEP_INPUT_{name.upper()}": value for name, value in given.items()})


def test_lists_come_from_the_input_and_its_file(tmp_path: Path) -> None:
    """One value a line; comments and empty lines do not count."""
    file = tmp_path / "list"
    file.write_text("b c\n# no\n\n")
    assert inputs(subject_path=" a \n", subject_path_file=str(file)).lines("subject-path") == ("a", "b c")


def test_flags_and_choices() -> None:
    """What is not given is false, or the first choice."""
    assert inputs(offline="True").flag("offline")
    assert not inputs().flag("offline")
    assert inputs().choice("fail-on", ("refused", "none")) == "refused"
    assert inputs(fail_on="none").choice("fail-on", ("refused", "none")) == "none"


@pytest.mark.parametrize(
    ("code", "data"), [("input-file-unreadable", b"\xff"), ("input-file-too-large", b"a" * (LIST_BYTES + 1))]
)
def test_a_bad_file_is_refused(code: str, data: bytes, tmp_path: Path) -> None:
    """Bounded, and UTF-8."""
    file = tmp_path / "list"
    file.write_bytes(data)
    with pytest.raises(SigstepError) as refusal:
        inputs(subject_path_file=str(file)).lines("subject-path")
    assert refusal.value.code == code
    assert refusal.value.exit_code == 2


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """A list that is not there is not an empty list."""
    with pytest.raises(SigstepError) as refusal:
        inputs(subject_path_file=str(tmp_path / "none")).lines("subject-path")
    assert refusal.value.code == "input-file-unreadable"


def test_other_words_are_refused() -> None:
    """Booleans and choices take their words only."""
    with pytest.raises(SigstepError) as refusal:
        inputs(offline="yes").flag("offline")
    assert refusal.value.code == "input-not-boolean"
    with pytest.raises(SigstepError) as refusal:
        inputs(fail_on="x").choice("fail-on", ("refused", "none"))
    assert refusal.value.code == "input-unknown-value"
