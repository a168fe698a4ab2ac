"""Strict objects: every problem with its path, none hides another."""

from __future__ import annotations

import pytest

from sigstep.errors import FormatError
from sigstep.policy.forms import Form, refuse


def test_all_problems_are_collected() -> None:
    """Kinds, unknown members and list members."""
    problems: list[str] = []
    form = Form({"a": 1, "b": "x", "c": ["y", 2, {}], "d": {"e": []}, "f": True, "g": None}, "spec", problems)
    assert form.only("a", "b", "c", "d", "g") is form
    assert (form.text("a"), form.text("b"), form.text("g", "z")) == ("", "x", "z")
    assert (form.number("a"), form.number("f"), form.number("g", 3)) == (1, None, 3)
    assert (form.flag("f", default=False), form.flag("b", default=True)) == (True, True)
    assert form.texts("c") == ("y",)
    assert [one.path for one in form.forms("c")] == ["spec.c[2]"]
    below = form.form("d")
    assert below is not None
    assert (below.path, below.items("e"), form.form("g")) == ("spec.d", [], None)
    assert problems[0] == 'unknown field "spec.f"'
    assert "spec.a: Invalid value: must be of type string" in problems
    assert "spec.c[1]: Invalid value: must be of type string" in problems
    assert "spec.c[0]: Invalid value: must be of type object" in problems
    with pytest.raises(FormatError) as caught:
        refuse(problems, "it", "mend it")
    assert caught.value.code == "engine-policy"


def test_a_flood_of_problems_is_cut() -> None:
    """Twenty are told, the rest is counted; none is no refusal."""
    refuse([], "it", "")
    with pytest.raises(FormatError, match="and 30 more"):
        refuse([f"problem {number}" for number in range(50)], "it", "")
