"""conftest, which is a real OPA, judges our Gatekeeper exports: its verdict and ours are the same, case by case."""

from __future__ import annotations

import itertools
import json
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.attached import ISSUER, PROVENANCE, WORKFLOW
from tests.flows.test_admission import GATEKEEPER, World, made, pod
from tests.interop.tools import tool
from tests.sandboxes import sandbox
from tests.unit.services.test_rego import POLICY, QUERY

from sigstep.errors import Undecided
from sigstep.flows.engine_policies import ExportRequest, engine_of, export_policy
from sigstep.flows.evidence import collect
from sigstep.flows.images import open_source
from sigstep.flows.languages import WorldLanguages
from sigstep.flows.policies import open_policy
from sigstep.model.trust import TrustMaterial
from sigstep.oci.client import Client
from sigstep.oci.reference import parse_reference
from sigstep.policy.engine import ImageEvidence, Surroundings
from sigstep.policy.judging import Decision
from sigstep.ports.real import RealProcess, real_world
from sigstep.ports.world import Completed
from sigstep.ports.world import World as Outside
from sigstep.proofs.prepared import prepare
from sigstep.services.rego import Rego
from sigstep.subjects.workloads import read_workloads
from sigstep.verification.attachments import AttachmentProver
from sigstep.wire.trusted_root import trusted_root_of

__all__ = ["made", "sandbox"]


class OneEvaluator:
    """A process that has conftest, or no program at all."""

    def __init__(self, program: str) -> None:
        self._program = program
        self._real = RealProcess()

    def which(self, name: str) -> str | None:
        """See `Process.which`."""
        return self._program if name == "conftest" and self._program else None

    def run(
        self,
        arguments: Sequence[str],
        *,
        timeout: float,
        stdin: bytes = b"",
        environ: Mapping[str, str] | None = None,
    ) -> Completed:
        """See `Process.run`."""
        return self._real.run(arguments, timeout=timeout, stdin=stdin, environ=environ)


def outside(program: str) -> Outside:
    """The real world with one evaluator of Rego."""
    return replace(real_world(), process=OneEvaluator(program))


class Kept(WorldLanguages):
    """Keeps what was asked."""

    asked: list[tuple[list[str], Any]]

    def rego(self, modules: Sequence[str], query: str, value: Any, *, version: int = 0) -> Any:
        """See `Languages.rego`."""
        self.asked.append((list(modules), value))
        return super().rego(modules, query, value, version=version)


QUESTIONS = [
    (POLICY, QUERY, {"a": 12345678901234567890}, 0),
    (POLICY, QUERY, {"a": 1}, 0),
    ("package a\nb { input.c }", "data.a.b", {}, 0),
    ("package a\nb[x] { x := input.c[_] }", "data.a.b", {"c": [3, 1, 2, 1]}, 0),
    ("package a\nb contains x if some x in input.c", "data.a.b", {"c": [2, 1]}, 1),
    ('package a\nb := {"x": [1, {"y": null}]}', "data.a.b", {}, 0),
    ("package a\nb = 1.5", "data.a.b", {}, 0),
    ("package a\nb {", "data.a.b", {}, 0),
    ("package a\nb := no_such(1)", "data.a.b", {}, 0),
    ("package a\nf(x) = 1 { x }\nf(x) = 2 { x }\nb := f(true)", "data.a.b", {}, 0),
]


@pytest.mark.parametrize(("module", "query", "value", "version"), QUESTIONS)
def test_conftest_and_regorus_answer_the_same(module: str, query: str, value: Any, version: int) -> None:
    """The exact value, or an error, whoever evaluates."""

    def ask(program: str) -> tuple[str, Any]:
        try:
            return "value", Rego.of(outside(program)).evaluate([module], query, value, version=version)
        except Undecided as error:
            return error.code, None

    assert ask(tool("conftest")) == ask("")


def test_many_inputs_at_once() -> None:
    """The same values as one by one, what is undefined too."""
    module = "package a\nb[x] { x := input.x[_] }"
    values: list[Any] = [{"x": [number, 12345678901234567890]} for number in range(5)] + [{"x": []}, {}]
    together, alone = WorldLanguages(outside(tool("conftest"))), WorldLanguages(outside(tool("conftest")))

    def ask(languages: WorldLanguages) -> list[Any]:
        found = []
        for one in values:
            with suppress(Undecided):
                found.append(languages.rego([module], "data.a.b", one))
        return found

    together.rehearse(lambda: ask(together))
    assert ask(together) == ask(alone)


OWN = """schema: sigstep/policy/v1
name: acme
signers:
  release: {issuer: "%s", subject: "%s"}
rules:
- name: all
  images: ["%s/**"]
  formats: [bundle]
  attestations:
  - type: %s
    any-of: [release]
    where: [{path: predicate.builder.id, equals: good}]
"""


def exported(made: World, folder: Path) -> list[bytes]:
    """Our policy as Gatekeeper's objects."""
    host = next(iter(made.images.values())).partition("/")[0]
    (folder / "policy.yml").write_text(OWN % (ISSUER, WORKFLOW, host, PROVENANCE))
    opened = open_policy(folder / "policy.yml")
    request = ExportRequest(
        engine="gatekeeper", policy=opened.policy, keys=dict(opened.spki), trust=TrustMaterial(roots=())
    )
    return [one.data for one in export_policy(request, real_world()).files if one.name.endswith(".yaml")]


def gathered(made: World, material: TrustMaterial) -> dict[str, ImageEvidence]:
    """Evidence of every image of the matrix."""
    client = Client(real_world())
    found = {}
    for name, written in made.images.items():
        made.sandbox.registry.referrers = name != "fallback"
        source = open_source(parse_reference(written), client)
        digest = source.manifest().digest
        found[written] = collect(source, digest, prepare(material), real_world().clock.now()).evidence(written)
    made.sandbox.registry.referrers = True
    return found


def by_conftest_itself(modules: list[str], package: str, value: Any, folder: Path) -> bool:
    """Whether conftest, run as a user runs it with a wrapper ``deny``, finds a violation."""
    for number, module in enumerate(modules):
        (folder / f"m{number}.rego").write_text(module)
    (folder / "wrapper.rego").write_text(f"package main\ndeny[m] {{ v := data.{package}.violation[_]; m := v.msg }}\n")
    (folder / "input.json").write_text(json.dumps(value))
    command = [tool("conftest"), "test", "--rego-version", "v0", "--policy", str(folder), "-o", "json"]
    done = subprocess.run(
        [*command, str(folder / "input.json")], capture_output=True, check=False, text=True, timeout=60
    )
    failures = json.loads(done.stdout)[0].get("failures") or []
    assert (done.returncode != 0) == bool(failures), done.stderr
    return bool(failures)


@pytest.mark.parametrize("which", ["our export", "another template"])
def test_the_same_verdict_case_by_case(made: World, tmp_path: Path, which: str) -> None:
    """Every image alone, and every pair of a good container and another init container."""
    documents = exported(made, tmp_path) if which == "our export" else [GATEKEEPER.encode()]
    engine = engine_of("gatekeeper")
    rules = engine.read(documents)
    roots = (trusted_root_of(made.sandbox.trusted_root(), name="public-good"),)
    images = gathered(made, TrustMaterial(roots=roots))
    good = made.images["bundle"]
    cases = [pod(one) for one in made.images.values()]
    cases += [pod(good, init=(one,)) for one in made.images.values()]
    now = real_world().clock.now()
    verdicts: dict[str, list[Decision]] = {}
    for name, program in (("conftest", tool("conftest")), ("regorus", "")):
        languages = Kept(outside(program))
        languages.asked = []
        given = Surroundings(now=now, roots=roots, prover=AttachmentProver(roots, now), languages=languages)
        verdicts[name] = []
        for number, case in enumerate(cases):
            (workload,) = read_workloads(case.encode())
            languages.asked.clear()
            rulings = engine.judge(rules, workload, images, given)
            verdicts[name].append(max((one.decision for one in rulings), key=list(Decision).index))
            if name == "conftest":
                folder = tmp_path / f"case{number}"
                folder.mkdir()
                package = yaml.safe_load(documents[0].split(b"\n---")[0])["metadata"]["name"]
                modules, value = languages.asked[0]
                denied = by_conftest_itself(modules, package, value, folder)
                assert denied == (verdicts[name][-1] is Decision.DENY), rulings
    assert verdicts["conftest"] == verdicts["regorus"]
    admitted = {"bundle", "bundle two attested", "fallback"}
    expected = [Decision.ADMIT if name in admitted else Decision.DENY for name in made.images]
    assert verdicts["conftest"] == list(itertools.chain(expected, expected))
