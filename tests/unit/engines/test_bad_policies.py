"""Hostile and broken policies: bounded, named, refused; and nothing unsigned is admitted by any of them."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from tests.attached import Maker, evidence, surroundings, workload
from tests.sandboxes import sandbox
from tests.unit.engines import test_gatekeeper as gatekeeper
from tests.unit.engines import test_kyverno as kyverno
from tests.unit.engines.test_cluster_image_policy import KEYED, keyless, policy, prov
from tests.unit.engines.test_connaisseur import GHA, OPS, cosign

from sigstep.engines import ENGINES
from sigstep.errors import FormatError, SigstepError
from sigstep.flows.engine_policies import engine_of
from sigstep.model.digest import Digest
from sigstep.policy.judging import Decision
from sigstep.sandbox.local import Sandbox

__all__ = ["sandbox"]
IMAGE, DIGEST = "ghcr.io/acme/app:v1", Digest.of(b"image")
WRONG: tuple[Any, ...] = (None, 5, "x", "", True, [], {}, ["x"], {"x": 1}, "{{ x }}", -1)

BOMB = "a: &a [1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [" + ",".join([f"*{chr(97 + n)}"] * 9) + "]\n" for n in range(8)
)
HOSTILE = {
    "alias bomb": (BOMB.encode(), "yaml-too-large"),
    "cyclic anchors": (b"a: &a {b: *a}\n", "yaml-malformed"),
    "depth": (b"[" * 5000, "yaml-too-deep"),
    "50 MB": (b"a: b\n" * (10 * 1024 * 1024), "yaml-too-large"),
    "not UTF-8": (b"a: \xff\xfe\xfd\n", "yaml-malformed"),
    "two keys": (b"a: 1\na: 2\n", "yaml-duplicate-key"),
    "a tag": (b"a: !!python/object:os.system x\n", "yaml-tag"),
    "a template": (b"a: {{ .Values.x }}\n", "yaml-malformed"),
    "nothing": (b"", "engine-policy"),
    "an unknown kind": (b"apiVersion: other/v1\nkind: Other\nspec: {}\n", "engine-policy"),
    "no mapping": (b"- x\n", "engine-policy"),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("engine", ENGINES)
def test_hostile_files(engine: str, name: str) -> None:
    """Refused within a moment, by every engine."""
    data, code = HOSTILE[name]
    began = time.monotonic()
    with pytest.raises(FormatError) as caught:
        engine_of(engine).read([data])
    assert caught.value.code == code
    assert time.monotonic() - began < 20


BASES: dict[str, tuple[str, list[bytes]]] = {
    "CIP": ("policy-controller", [policy(keyless(), KEYED)]),
    "CIP attestation": ("policy-controller", [policy(keyless(**prov()))]),
    "CPOL": ("kyverno", [kyverno.cpol(kyverno.verify(kyverno.KEYLESS, kyverno.KEYED))]),
    "CPOL attestation": ("kyverno", [kyverno.cpol(kyverno.attested(kyverno.KEYLESS, conditions=kyverno.ID))]),
    "IVP": ("kyverno", [kyverno.ivp([kyverno.SIGNED, kyverno.GOOD])]),
    "Gatekeeper": (
        "gatekeeper",
        [
            gatekeeper.template(
                gatekeeper.EVERY + gatekeeper.ASK % gatekeeper.GITHUB + gatekeeper.ERRORS + gatekeeper.UNIVERSAL
            ).encode(),
            gatekeeper.constraint().encode(),
        ],
    ),
    "Connaisseur": (
        "connaisseur",
        [
            yaml.safe_dump(
                {
                    "validators": [cosign(GHA, OPS)],
                    "policy": [{"pattern": "*:*", "validator": "c", "with": {"trustRoot": "gha"}}],
                }
            ).encode()
        ],
    ),
}


def mutants(documents: list[Any]) -> Iterator[list[Any]]:
    """Every node of every document replaced by values of wrong types, and every member removed."""
    for at, document in enumerate(documents):
        for path in _paths(document):
            for wrong in WRONG:
                changed = copy.deepcopy(documents)
                holder = changed[at]
                for part in path[:-1]:
                    holder = holder[part]
                holder[path[-1]] = wrong
                yield changed
            changed = copy.deepcopy(documents)
            holder = changed[at]
            for part in path[:-1]:
                holder = holder[part]
            del holder[path[-1]]
            yield changed


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in members:
        yield (*path, key)
        yield from _paths(child, (*path, key))


@pytest.fixture(scope="module")
def maker(sandbox: Sandbox) -> Maker:
    """For its trusted root."""
    return Maker(sandbox)


@pytest.mark.parametrize("name", BASES)
def test_no_mutant_admits_what_nobody_signed(maker: Maker, name: str) -> None:
    """Read or refused with our own errors, judged without a crash, and never admitted."""
    engine_name, files = BASES[name]
    engine = engine_of(engine_name)
    documents = [yaml.safe_load(one) for one in files]
    given = kyverno.in_process(maker) if name == "IVP" else surroundings(maker)
    images = {IMAGE: evidence(IMAGE, DIGEST)}
    counted = 0
    for number, mutant in enumerate(mutants(documents)):
        if name == "Gatekeeper" and number % 3:  # each evaluation is a process of its own
            continue
        counted += 1
        try:
            rules = engine.read([yaml.safe_dump(one).encode() for one in mutant])
        except SigstepError as error:
            assert error.exit_code in (1, 2)
            continue
        for ruling in engine.judge(rules, workload(IMAGE), images, given):
            assert ruling.decision is not Decision.ADMIT, (mutant, ruling)
    assert counted > 50


@pytest.mark.parametrize("expression", ["(a+)+$", "(a|aa)+$", "(.*)*x", "([a-z]+)*!"])
def test_catastrophic_expressions(maker: Maker, expression: str) -> None:
    """Expressions are matched in linear time."""
    identity = {"issuerRegExp": expression, "subjectRegExp": expression}
    engine = engine_of("policy-controller")
    rules = engine.read([policy({"keyless": {"identities": [identity]}})])
    began = time.monotonic()
    engine.judge(rules, workload(IMAGE), {IMAGE: evidence(IMAGE, DIGEST)}, surroundings(maker))
    from sigstep.policy.matcher import search

    search(expression, "a" * 100_000)
    assert time.monotonic() - began < 5
