"""The Rego that exports carry says what the policy file says."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from tests.unit.policy.test_document import ATTESTED

from sigstep.model.statement import STATEMENT_V1, Statement
from sigstep.policy.conditions import Condition
from sigstep.policy.document import load_policy
from sigstep.policy.rego_text import CONDITIONS, condition_data, data_text, read_conditions
from sigstep.ports.real import real_world
from sigstep.services.rego import Rego

NOW = datetime.now(timezone.utc)  # noqa: TID251 - Rego's clock is the machine's
SAID: dict[str, Any] = {
    "a": 1,
    "s": "xy",
    "l": [7, "b"],
    "a.b": "c",
    "t": (NOW - timedelta(days=1)).isoformat().replace("+00:00", "Z"),
    "future": (NOW + timedelta(days=1)).isoformat().replace("+00:00", "Z"),
    "n": None,
    "f": False,
    "m": {"x": 1.5},
}
PATHS = ("a", "s", "l", "l.0", "l.1", "l.2", "t", "future", "n", "f", "m", "m.x", "none", "m.none")
TESTS = (
    *("equals: 1", "equals: true", "equals: false", "equals: xy", "not-equals: 2", "not-equals: xy"),
    *("matches: 'x.*'", "matches: 'x'", "in: [xy, 7, 1.5]", "in: [true]", "not-in: [xy, 7]", "exists: true"),
    *("exists: false", "at-most: 7", "at-most: 1", "at-least: 1.5", "max-age: 2d", "max-age: 2h"),
)
CASES = [f"path: predicate.{path}, {test}" for path in PATHS for test in TESTS] + [
    "path: [predicate, a.b], equals: c",
    "path: predicateType, equals: 'https://x.example/v1'",
    "path: predicateType, matches: 'https://x[.].*'",
]


def condition(text: str) -> Condition:
    """A condition as the policy file writes it."""
    policy = load_policy((ATTESTED + "any-of: [release], where: [{" + text + "}]}]}").encode())
    return policy.rules[0].attestations[0].where[0]


def differing(rego: Rego) -> list[str]:
    """Cases on which an evaluator and the policy file's own judge differ; one evaluation for all."""
    conditions = [condition(text) for text in CASES]
    kind = "https://x.example/v1"
    statement = Statement(type=STATEMENT_V1, subjects=(), predicate_type=kind, predicate=SAID)
    expected = [one.holds(statement, NOW) for one in conditions]
    assert 40 < sum(expected) < len(CASES)
    module = (
        f"package test\n\nconditions := {data_text(condition_data(conditions))}\n"
        "good[i] { c := conditions[i]; satisfies(input, [c]) }\n"
    )
    found = rego.evaluate([module + CONDITIONS], "data.test.good", {"predicateType": kind, "predicate": SAID})
    return [CASES[at] for at, want in enumerate(expected) if want != (at in found)]


def test_the_interpreter_says_the_same() -> None:
    """Over every operator, and values of every kind."""
    assert differing(Rego.of(real_world())) == []


def test_conditions_are_read_back() -> None:
    """A re-imported condition is the same one; texts that are no conditions are refused."""
    for text in CASES:
        one = condition(text)
        assert read_conditions(condition_data([one])) == (one,)
    unreadable: tuple[Any, ...] = ([{}], 7, [{"path": ["predicate"], "operator": "matches", "value": "x"}])
    for bad in unreadable:
        with pytest.raises(ValueError):
            read_conditions(bad)
