"""Rego: the exact value or an error, by any of the three evaluators, each tested before it is used."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.refusals import code_of
from tests.worlds import world

from sigstep.errors import ServiceError
from sigstep.ports.real import RealProcess
from sigstep.ports.world import Completed, World
from sigstep.services.rego import MODULE_CHARACTERS, Rego

POLICY = "package sigstore\ndefault isCompliant = false\nisCompliant { input.a == 12345678901234567890 }"
QUERY = "data.sigstore.isCompliant"


class Programs:
    """opa and conftest as far as their command lines go; regorus evaluates. ``lie`` changes what is answered."""

    def __init__(self, *names: str, lie: str = "") -> None:
        self.names, self.lie = names, lie
        self.real = RealProcess()

    def which(self, name: str) -> str | None:
        """See `Process.which`."""
        return f"/bin/{name}" if name in self.names else None

    def run(
        self,
        arguments: Sequence[str],
        *,
        timeout: float,
        stdin: bytes = b"",
        environ: Mapping[str, str] | None = None,
    ) -> Completed:
        """See `Process.run`."""
        if self.lie == "slow":
            raise ServiceError(code="process-timeout", what="it was killed")
        if arguments[0] == "/bin/opa":
            return self._opa(arguments, stdin)
        if arguments[0] == "/bin/conftest":
            return self._conftest(arguments)
        if self.lie == "no regorus":
            return Completed(status=1, stdout=b"", stderr=b"")
        return self.real.run(arguments, timeout=timeout, stdin=stdin, environ=environ)

    def _ask(self, modules: list[str], query: str, text: str, version: int) -> tuple[int, object]:
        request = {"modules": modules, "query": query, "input": text, "version": version}
        child = [sys.executable, "-I", "-m", "sigstep.services.rego_child"]
        ended = self.real.run(child, timeout=20, stdin=json.dumps(request).encode())
        return ended.status, json.loads(ended.stdout)["value"] if ended.status == 0 else None

    def _opa(self, arguments: Sequence[str], stdin: bytes) -> Completed:
        modules = [Path(one).read_text() for flag, one in itertools.pairwise(arguments) if flag == "--data"]
        version = 0 if "--v0-compatible" in arguments else 1
        status, value = self._ask(modules, arguments[-1], stdin.decode(), version)
        if self.lie == "wrong":
            value = {"names": ["a"]}
        if self.lie == "always" and value is None:
            status, value = 0, True
        if status:
            return Completed(status=2, stdout=b'{"errors": [{"message": "bad"}]}', stderr=b"")
        result = {} if value is None else {"result": [{"expressions": [{"value": value}]}]}
        return Completed(status=0, stdout=json.dumps(result).encode(), stderr=b"")

    def _conftest(self, arguments: Sequence[str]) -> Completed:
        options = dict(one.split("=", 1) for one in arguments if "=" in one)
        modules = [one.read_text() for one in sorted(Path(options["--policy"]).glob("*.rego"))]
        text = Path(arguments[-1]).read_text()
        version = int(options["--rego-version"][1:])
        status, found = self._ask(modules, "data.sigstep_answer.deny", text, version)
        if status:
            return Completed(status=1, stdout=b"", stderr=b"Error: no such thing")
        messages = [{"msg": one} for one in found] if isinstance(found, list) else []
        if self.lie == "twice":
            messages *= 2
        answer = [{"filename": "asked.json", "namespace": "sigstep_answer", "failures": messages}]
        return Completed(status=1 if messages else 0, stdout=json.dumps(answer).encode(), stderr=b"")


def with_programs(*names: str, lie: str = "") -> World:
    """A world that has these programs."""
    return replace(world(), process=Programs(*names, lie=lie))


@pytest.mark.parametrize("names", [(), ("opa",), ("conftest",), ("opa", "conftest")])
def test_the_same_answers(names: tuple[str, ...]) -> None:
    """Exact numbers, undefined, sets and both versions of the language, whoever evaluates."""
    rego = Rego.of(with_programs(*names))
    assert rego.evaluate([POLICY], QUERY, {"a": 12345678901234567890}) is True
    assert rego.evaluate([POLICY], QUERY, {"a": 1}) is False
    assert rego.evaluate(["package a\nb { input.c }"], "data.a.b", {}) is None
    text = "package a\nb contains x if some x in input.c"
    assert rego.evaluate([text], "data.a.b", {"c": [2, 1]}, version=1) == [1, 2]
    assert code_of(lambda: rego.evaluate(["package a\nb {"], "data.a.b", {})) == "rego-failed"


@pytest.mark.parametrize(
    ("names", "lie"),
    [(("opa",), "wrong"), (("opa",), "always"), (("conftest",), "twice")],
)
def test_an_evaluator_that_lies_is_not_used(names: tuple[str, ...], lie: str) -> None:
    """The next one is used, and it is right."""
    rego = Rego.of(with_programs(*names, lie=lie))
    assert rego.evaluate([POLICY], QUERY, {"a": 1}) is False


@pytest.mark.parametrize("lie", ["slow", "no regorus"])
def test_no_evaluator(lie: str) -> None:
    """Unknown, never an answer."""
    rego = Rego.of(with_programs("opa" if lie == "slow" else "", lie=lie))
    assert code_of(lambda: rego.evaluate([POLICY], QUERY, {})) == "rego-unavailable"


@pytest.mark.parametrize(
    "line",
    ['http.send({"url": "u"})', 'x := http["send"]', "opa.runtime()", "net.lookup_ip_addr(1)"],
)
def test_nothing_outside_is_asked(line: str) -> None:
    """The module is not run at all."""
    rego = Rego.of(with_programs())
    assert code_of(lambda: rego.evaluate([f"package a\nb {{ {line} }}"], "data.a.b", {})) == "rego-failed"


def test_words_in_texts_are_no_calls() -> None:
    """Comments and texts may speak of anything."""
    rego = Rego.of(with_programs())
    module = 'package a # http.send\nb { "http.send" == input }'
    assert rego.evaluate([module], "data.a.b", "http.send") is True
    assert rego.evaluate(["package a\nb { input.http.x }"], "data.a.b", {"http": {"x": 1}}) is True


@pytest.mark.parametrize(
    ("module", "query"),
    [(POLICY, "data.a; true"), (POLICY, "input"), ("#" * (MODULE_CHARACTERS + 1), QUERY)],
)
def test_bounds(module: str, query: str) -> None:
    """Queries are names; modules have a size."""
    assert code_of(lambda: Rego.of(with_programs()).evaluate([module], query, {})) == "rego-failed"
