"""The child processes' own code: one request in, one answer out, and every failure told apart from an answer."""

from __future__ import annotations

import builtins
import io
import json
import sys
from typing import Any

import pytest

from sigstep.engines.kyverno import cel_child
from sigstep.services import rego_child


def run(monkeypatch: pytest.MonkeyPatch, module: Any, request: Any) -> tuple[int, str, str]:
    """Exit status, standard output and error."""
    stdin = io.TextIOWrapper(io.BytesIO(json.dumps(request).encode()))
    out, error = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stdin", stdin)
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", error)
    status = module.main()
    return status, out.getvalue(), error.getvalue()


def without(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A Python that does not have a package."""
    real = builtins.__import__

    def importing(asked: str, *arguments: Any, **more: Any) -> Any:
        if asked == name:
            raise ImportError(name)
        return real(asked, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", importing)


REGO = {"modules": ["package a\nb := input.x"], "query": "data.a.b", "input": '{"x": [1]}', "version": 0}


def test_rego(monkeypatch: pytest.MonkeyPatch) -> None:
    """The value; undefined is null."""
    assert run(monkeypatch, rego_child, REGO) == (0, '{"value": [1]}', "")
    assert run(monkeypatch, rego_child, {**REGO, "input": "{}"}) == (0, '{"value": null}', "")


def test_rego_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """A word on standard error, and no answer."""
    status, out, error = run(monkeypatch, rego_child, {**REGO, "modules": ["package a\nb {"]})
    assert (status, out, bool(error)) == (1, "", True)
    without(monkeypatch, "regorus")
    status, out, error = run(monkeypatch, rego_child, REGO)
    assert (status, out, "not installed" in error) == (1, "", True)


def cel(*validations: str) -> dict[str, Any]:
    """A request about one policy without images."""
    return {
        "object": {"a": 1},
        "namespace": "n",
        "images": {"containers": []},
        "globbed": [],
        "references": [],
        "all": True,
        "extractors": [],
        "signatures": {},
        "attestations": {},
        "parts": {},
        "attestors": [],
        "attestationNames": [],
        "conditions": [],
        "exceptions": [],
        "variables": [],
        "validations": list(validations),
    }


def test_cel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each policy has its own answer."""
    request = {"policies": [cel("object.a == 1"), cel("object.a == 2"), cel("object.b == 2"), cel("f(1)")]}
    status, out, _ = run(monkeypatch, cel_child, request)
    good, false, broken, unknown = json.loads(out)["policies"]
    assert (status, good["failed"], false["failed"]) == (0, [], ["object.a == 2"])
    assert "error" in broken
    assert unknown["unjudged"][0] == "language"


def test_cel_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every policy is unknown."""
    without(monkeypatch, "celpy")
    status, out, _ = run(monkeypatch, cel_child, {"policies": [cel("true")]})
    assert (status, json.loads(out)["policies"][0]["unjudged"][0]) == (0, "language")


def test_deep_expressions(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are unknown, not a crash."""
    status, out, _ = run(monkeypatch, cel_child, {"policies": [cel("(" * 3000 + "true" + ")" * 3000)]})
    found = json.loads(out)["policies"][0]
    assert (status, "unjudged" in found or "error" in found) == (0, True)
