"""The engines' own policies: every valid one is read, every invalid one is refused with its meaning, all are judged."""

from __future__ import annotations

import collections
import json
from pathlib import Path
from typing import Any

import pytest
from tests.corpus.test_bundles import SHARED

from sigstep.engines import ENGINES
from sigstep.errors import FormatError
from sigstep.flows.engine_policies import engine_of
from sigstep.flows.languages import WorldLanguages
from sigstep.model.digest import Digest
from sigstep.model.workload import Workload
from sigstep.policy.engine import UNJUDGED, ImageEvidence, Surroundings
from sigstep.policy.judging import Decision
from sigstep.ports.real import real_world
from sigstep.subjects.workloads import read_workloads
from sigstep.verification.attachments import AttachmentProver

CORPUS = SHARED / "policy-corpus"
FOLDERS = {"policy-controller": "policy-controller", "kyverno": "kyverno", "connaisseur": "connaisseur"}
# Files that the engine itself refuses, by what it says; the corpus marks those of policy-controller inside them.
REFUSED = {
    "connaisseur/03_unsupported_type.yaml": 'unsupported type "stati" for validator',
    "connaisseur/04_unmarshal_cosign_error.yaml": "cannot unmarshal",
    "connaisseur/05_invalid_cosign.yaml": "invalid url for rekor",
    "kyverno/cluster-policy/block-verifyimage-policy.yaml": "wildcard kinds are not allowed",
    # expectations of the engine's own tests about an object's status, not policies
    "kyverno/image-validating-policy/autogen-deployments-statefulsets-check-autogen.yaml": "spec: Required value",
    "kyverno/image-validating-policy/should-autogen-check-autogen.yaml": "spec: Required value",
    "kyverno/image-validating-policy/with-exception-policy-assert.yaml": "spec: Required value",
}
IMAGES = (
    *(
        "ghcr.io/kyverno/test-verify-image:signed",
        "ghcr.io/kyverno/zulu:v0.0.14",
        "ghcr.io/sigstore/timestamp-server:v1",
    ),
    *("registry.example/demo:1", "nginx:1", "images.example/app:1", "securesystemsengineering/alice-image:test"),
)


def files() -> list[Path]:
    """Every policy of the corpus."""
    return sorted(path for path in CORPUS.rglob("*.yaml"))


def name_of(path: Path) -> str:
    """Its path in the corpus."""
    return path.relative_to(CORPUS).as_posix()


def expected_refusal(path: Path) -> list[str]:
    """What the engine says about an invalid file; nothing for a valid one."""
    marked = [line[2:].strip() for line in path.read_text().splitlines() if line.startswith("# ERROR:")]
    stated = [line.removeprefix("ERROR:").strip() for line in marked]
    return stated or ([REFUSED[name_of(path)]] if name_of(path) in REFUSED else [])


def workloads() -> list[Workload]:
    """A pod and a deployment with every image."""
    spec = {"containers": [{"name": f"c{at}", "image": one} for at, one in enumerate(IMAGES)]}
    labels = {"prod": "true", "match": "match"}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "w", "labels": labels}, "spec": spec}
    template = {"metadata": {"labels": labels}, "spec": spec}
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d", "labels": labels}}
    return [
        *read_workloads(json.dumps(pod).encode()),
        *read_workloads(json.dumps({**deployment, "spec": {"template": template}}).encode()),
    ]


def test_the_corpus_is_there() -> None:
    """Nothing passes because there was nothing."""
    assert len(files()) >= 98
    assert set(REFUSED) <= {name_of(path) for path in files()}
    assert {name_of(path).partition("/")[0] for path in files()} == set(FOLDERS) <= set(ENGINES)


@pytest.mark.parametrize("path", files(), ids=name_of)
def test_read_or_refused_with_the_stated_meaning(path: Path) -> None:
    """Valid ones are read; of invalid ones every stated error is in the message."""
    engine = engine_of(FOLDERS[name_of(path).partition("/")[0]])
    wanted = expected_refusal(path)
    if not wanted:
        engine.read([path.read_bytes()])
        return
    with pytest.raises(FormatError) as caught:
        engine.read([path.read_bytes()])
    assert caught.value.code == "engine-policy"
    assert not [one for one in wanted if one not in caught.value.why], caught.value.why


def judge_all() -> collections.Counter[tuple[str, str]]:
    """Decisions and reasons of every valid policy over images that nobody signed."""
    world = real_world()
    now = world.clock.now()
    surroundings = Surroundings(now=now, roots=(), prover=AttachmentProver((), now), languages=WorldLanguages(world))
    images = {
        one: ImageEvidence(written=one, digest=Digest.of(one.encode()), attachments=(), config={}) for one in IMAGES
    }
    counted: collections.Counter[tuple[str, str]] = collections.Counter()
    for path in files():
        if expected_refusal(path):
            continue
        engine = engine_of(FOLDERS[name_of(path).partition("/")[0]])
        rules: Any = engine.read([path.read_bytes()])
        for workload in workloads():
            for ruling in engine.judge(rules, workload, images, surroundings):
                counted[ruling.decision.value, ruling.unjudged] += 1
    return counted


def test_all_are_judged() -> None:
    """None crashes; what is unknown is so for a reason of the fixed list, and the count is told."""
    counted = judge_all()
    unknown = {reason: count for (decision, reason), count in counted.items() if decision == Decision.UNKNOWN.value}
    assert set(unknown) <= set(UNJUDGED)
    assert counted[Decision.DENY.value, ""]
    told = ", ".join(
        f"{decision} {reason}".strip() + f": {count}" for (decision, reason), count in sorted(counted.items())
    )
    assert dict(sorted(unknown.items())) == UNKNOWN, told


# Rulings over two workloads with seven images each that cannot be known, by reason.
UNKNOWN = {"cluster": 16, "evidence": 8, "key-elsewhere": 4, "language": 4, "notary": 37, "trust-root": 6}
