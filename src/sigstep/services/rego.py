"""Rego by a real evaluator: ``opa`` or ``conftest`` on PATH, else the Python package ``regorus`` in a child process.

An evaluator is used only after it gave the right answers to a few questions on which others were seen to fail; where
there is none the answer is unknown, never a pass. What asks for something outside (``http.send``) is not run.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sigstep.errors import ServiceError, Undecided
from sigstep.ports.world import Completed, World

LIMIT_SECONDS: Final = 20.0
MODULE_CHARACTERS: Final = 256 * 1024
_NOT_CODE: Final = re.compile(r'"(?:[^"\\\n]|\\.)*"|`[^`]*`|#[^\n]*')
_OUTSIDE: Final = re.compile(r"(?<![.\w])(?:http|opa|net)\s*[.\[]")
_QUERY: Final = re.compile(r"data(?:\.[A-Za-z_][A-Za-z0-9_]*)+")
_AS_ASKED: Final = "v := {query} with input as json.unmarshal(input.text); {tail}"
_WRAPPER: Final = {
    0: f"package sigstep_answer\ndeny[m] {{{{ {_AS_ASKED} }}}}\n",
    1: f"package sigstep_answer\ndeny contains m if {{{{ {_AS_ASKED} }}}}\n",
}
_TAIL: Final = 'm := json.marshal({"value": v})'
# Each line is one on which an evaluator was seen to be wrong; `expected` is the language definition's answer.
_QUESTIONS: Final = """package sigstep_selftest
item[x] { x := input.list[_] }
names[n] { x := item[_]; n := x.name }
ends { endswith("acme/app", input.ends[_]) }
missing { input.missing.deeper }
negated { not input.missing }
big := input.big
every_named { count({x | x := input.list[_]; not x.name}) == 0 }
pairs := [[i, j] | i := input.list[_].name; j := input.ends[_]; i != j]
echo := input.name
others := [x | some i; input.list[i]; x := echo with input as input.list[i]]
answers := {
  "others": others, "names": names, "big": big, "negated": negated, "ends": ends, "every": every_named,
  "pairs": count(pairs),
  "missing": [x | x := ["missing", missing][0]],
}
"""
_INPUT: Final = {"list": [{"name": "a"}, {"name": "b"}], "ends": ["zzz", "app"], "big": 12345678901234567890}
_EXPECTED: Final = {
    "others": ["a", "b"],
    "names": ["a", "b"],
    "big": 12345678901234567890,
    "negated": True,
    "ends": True,
    "every": True,
    "pairs": 4,
    "missing": [],
}
_NO_ANSWER: Final = (  # undefined, or an error: never a value
    "package sigstep_selftest\nanswers { 1 / 0 == 0 }\n",
    'package sigstep_selftest\nanswers { regex.match("^(?!a)b", "b") }\n',
    "package sigstep_selftest\nanswers { x := count(5) }\n",
    "package sigstep_selftest\nanswers := no_such_function(input)\n",
    "package sigstep_selftest\nf(x) = 1 { x }\nf(x) = 2 { x }\nanswers := f(true)\n",
    "package sigstep_selftest\nanswers := {\n",
)

Evaluator = Callable[[Sequence[str], str, Any, int, World], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rego:
    """Rego in this world. The evaluator is looked for, and tested, when it is first asked."""

    world: World
    found: list[Evaluator]

    @classmethod
    def of(cls, world: World) -> Rego:
        """Rego in a world."""
        return cls(world=world, found=[])

    def evaluate(self, modules: Sequence[str], query: str, value: Any, *, version: int = 0) -> Any:
        """What a query gives for an input.

        Args:
            modules: texts of the modules, each with its package.
            query: of the form ``data.package.rule``.
            value: the input, as JSON.
            version: of the language: 0, or 1 (``if``, ``contains``, ``in`` without imports).

        Returns:
            The exact JSON value (sets as sorted arrays); None where it is undefined.

        Raises:
            Undecided: ``rego-unavailable``, ``rego-failed``.
        """
        if not _QUERY.fullmatch(query):
            raise _failed(f"{query[:100]!r} is no rule of a package")
        for module in modules:
            if len(module) > MODULE_CHARACTERS:
                raise _failed(f"a module has {len(module)} characters; at most {MODULE_CHARACTERS} are taken")
            asked = _OUTSIDE.search(_NOT_CODE.sub('""', module))
            if asked:
                raise _failed(f"it uses {asked[0].strip(' .[')!r}, which asks for something outside")
        if not self.found:
            self.found.append(_choose(self.world))
        return self.found[0](modules, query, value, version, self.world)


def _choose(world: World) -> Evaluator:
    tried = []
    for name, evaluator in (("opa", _by_opa), ("conftest", _by_conftest), ("regorus", _by_regorus)):
        if name != "regorus" and world.process.which(name) is None:
            continue
        wrong = _wrong_answer(evaluator, world)
        if not wrong:
            return evaluator
        tried.append(f"{name}: {wrong}")
    raise Undecided(
        code="rego-unavailable",
        what="a policy is written in Rego, and no usable evaluator of Rego is installed",
        why="; ".join(tried)[:500] or "neither opa nor conftest is on PATH",
        fix="put opa or conftest on PATH",
    )


def _wrong_answer(evaluator: Evaluator, world: World) -> str:
    try:
        found = evaluator((_QUESTIONS,), "data.sigstep_selftest.answers", _INPUT, 0, world)
    except Undecided as error:
        return error.why
    if found != _EXPECTED:
        return "it answers a self-test wrongly"
    for bad in _NO_ANSWER:
        try:
            answer = evaluator((bad,), "data.sigstep_selftest.answers", _INPUT, 0, world)
        except Undecided:
            continue
        if answer is not None:
            return "it answers where the language has no answer"
    return ""


def _by_opa(modules: Sequence[str], query: str, value: Any, version: int, world: World) -> Any:
    with tempfile.TemporaryDirectory(prefix="sigstep-rego-") as folder:
        paths = _written(folder, modules)
        flag = "--v0-compatible" if version == 0 else "--v1-compatible"
        files = [part for path in paths for part in ("--data", path)]
        command = [world.process.which("opa") or "opa", "eval", "--format=json", flag, "--stdin-input", *files, query]
        ended = _run(command, json.dumps(value).encode(), world)
        answer = _json(ended.stdout)
        if ended.status != 0 or not isinstance(answer, dict) or answer.get("errors"):
            raise _failed(_said(ended))
        results = answer.get("result")
        return results[0]["expressions"][0]["value"] if results else None


def _by_conftest(modules: Sequence[str], query: str, value: Any, version: int, world: World) -> Any:
    """conftest only runs rules of a fixed name: a wrapper hands the exact answer over in a message."""
    with tempfile.TemporaryDirectory(prefix="sigstep-rego-") as folder:
        _written(folder, [*modules, _WRAPPER[version].format(query=query, tail=_TAIL)])
        asked = Path(folder) / "asked.json"
        asked.write_text(json.dumps({"text": json.dumps(value)}), encoding="utf-8")
        command = [world.process.which("conftest") or "conftest", "test", "--no-color", "--output=json"]
        command += [f"--rego-version=v{version}", f"--policy={folder}", "--namespace=sigstep_answer", str(asked)]
        ended = _run(command, b"", world)
        answer = _json(ended.stdout)
        if not isinstance(answer, list) or len(answer) != 1:
            raise _failed(_said(ended))
        failures = answer[0].get("failures") or []
        if len(failures) > 1 or (ended.status != 0) != bool(failures):
            raise _failed(_said(ended))
        return json.loads(failures[0]["msg"])["value"] if failures else None


def _by_regorus(modules: Sequence[str], query: str, value: Any, version: int, world: World) -> Any:
    request = {"modules": list(modules), "query": query, "input": json.dumps(value), "version": version}
    command = [sys.executable, "-I", "-m", "sigstep.services.rego_child"]
    ended = _run(command, json.dumps(request).encode(), world)
    answer = _json(ended.stdout)
    if ended.status != 0 or not isinstance(answer, dict):
        raise _failed(_said(ended))
    return answer.get("value")


def _written(folder: str, modules: Sequence[str]) -> list[str]:
    paths = []
    for number, module in enumerate(modules):
        path = Path(folder) / f"module{number}.rego"
        path.write_text(module, encoding="utf-8")
        paths.append(str(path))
    return paths


def _run(command: Sequence[str], stdin: bytes, world: World) -> Completed:
    try:
        return world.process.run(command, timeout=LIMIT_SECONDS, stdin=stdin)
    except ServiceError as error:
        raise _failed(f"{error.what}: {error.why}") from error


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None


def _said(ended: Completed) -> str:
    text = (ended.stderr + ended.stdout).decode("utf-8", "replace")
    return " ".join(text.split())[:300] or f"it ended with status {ended.status}"


def _failed(why: str) -> Undecided:
    return Undecided(
        code="rego-failed", what="the Rego policy was not evaluated", why=why[:400], fix="check the policy with opa"
    )
