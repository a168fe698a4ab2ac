"""Exports against the policy they were made from, on every form of image: no engine admits what the policy refuses."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from tests.attached import ISSUER, PROVENANCE, WORKFLOW
from tests.flows.test_admission import KEY, World, made, pod
from tests.sandboxes import sandbox

from sigstep.engines import ENGINES
from sigstep.errors import PolicyRefusal
from sigstep.flows.engine_policies import ExportRequest, engine_of, export_policy
from sigstep.flows.evidence import collect
from sigstep.flows.images import open_source
from sigstep.flows.languages import WorldLanguages
from sigstep.flows.policies import OpenedPolicy, open_policy, with_own_trust
from sigstep.flows.policy_images import PolicyImageRequest, verify_policy_images
from sigstep.model.trust import TrustMaterial
from sigstep.model.verdict import Outcome
from sigstep.oci.client import Client
from sigstep.oci.reference import parse_reference
from sigstep.policy.engine import Engine, EngineRules, ImageEvidence, Surroundings
from sigstep.policy.exporting import pem
from sigstep.policy.judging import Decision
from sigstep.ports.real import real_world
from sigstep.proofs.prepared import prepare
from sigstep.subjects.workloads import read_workloads
from sigstep.verification.attachments import AttachmentProver
from sigstep.wire.trusted_root import trusted_root_of

__all__ = ["made", "sandbox"]

HEAD = """schema: sigstep/policy/v1
signers:
  release: {issuer: "%s", subject: "%s", trust: public}
  ops: {key: ./ops.pub}
rules:
- name: all
  images: ["%s/**"]
"""
RULES = {
    "signature": "  signature: {any-of: [release]}",
    "signature by bundle": "  formats: [bundle]\n  signature: {any-of: [release]}",
    "signature in the old form": "  formats: [legacy]\n  signature: {any-of: [release]}",
    "key": "  formats: [legacy]\n  signature: {any-of: [ops]}",
    "provenance": f"  formats: [bundle]\n  attestations:\n  - {{type: '{PROVENANCE}', any-of: [release], where: "
    "[{path: predicate.builder.id, equals: good}]}",
    "both": f"  formats: [bundle]\n  signature: {{any-of: [release]}}\n  attestations:\n  - {{type: '{PROVENANCE}', "
    "any-of: [release], where: [{path: predicate.builder.id, equals: good}]}",
}
# (rule, engine): images that the policy admits and the engine does not, as the notes of the export say
NARROWER = {
    # the provider reads no signatures in the old form
    ("signature", "gatekeeper"): {"legacy", "legacy two signers"},
    # it reads no bundles
    ("signature", "connaisseur"): {"bundle", "bundle two attested", "fallback"},
    # it finds no bundles behind the tag that stands in for the referrers API (with cosign's descriptors), and of several
    # attestations of a type it judges the last it reads
    ("signature", "kyverno"): {"fallback"},
    ("signature by bundle", "kyverno"): {"fallback"},
    ("provenance", "kyverno"): {"bundle two attested", "fallback"},
    ("both", "kyverno"): {"bundle two attested", "fallback"},
}
# (rule, engine): images that the engine admits and the policy does not; each stands in a note of the export
WIDER: dict[tuple[str, str], set[str]] = {
    ("provenance", "kyverno"): {"legacy attested"},
    ("signature in the old form", "kyverno"): {"bundle", "bundle two attested"},
}


def opened(made: World, folder: Path, rule: str) -> OpenedPolicy:
    """The policy with its key."""
    host = next(iter(made.images.values())).partition("/")[0]
    (folder / "ops.pub").write_text(pem(KEY.spki))
    (folder / "p.yml").write_text(HEAD % (ISSUER, WORKFLOW, host) + RULES[rule] + "\n")
    return open_policy(folder / "p.yml")


def admitted(
    engine: Engine, rules: EngineRules, evidence: dict[str, ImageEvidence], given: Surroundings, manifest: str
) -> bool:
    """Whether the engine admits a pod; it has to know, but where its versions differ, which is no admission."""
    (workload,) = read_workloads(manifest.encode())
    rulings = [one for one in engine.judge(rules, workload, evidence, given) if one.seen]
    assert rulings
    assert {one.unjudged for one in rulings if one.decision is Decision.UNKNOWN} <= {"engine-version"}, rulings
    return all(one.decision is Decision.ADMIT for one in rulings)


@pytest.mark.parametrize("rule", RULES)
def test_no_engine_admits_more(made: World, tmp_path: Path, rule: str) -> None:
    """Each image alone, and each as the init container beside one that the policy admits."""
    world, client = real_world(), Client(real_world())
    policy = opened(made, tmp_path, rule)
    root = trusted_root_of(made.sandbox.trusted_root(), name="public-good")
    trust = with_own_trust(TrustMaterial(roots=(root,)), policy, world)
    prepared, now = prepare(trust), world.clock.now()
    evidence: dict[str, ImageEvidence] = {}
    ours: dict[str, bool] = {}
    for name, written in made.images.items():
        made.sandbox.registry.referrers = name != "fallback"
        source = open_source(parse_reference(written), client)
        evidence[written] = collect(source, source.manifest().digest, prepared, now).evidence(written)
        request = PolicyImageRequest(images=(parse_reference(written),), policy=policy, trust=trust)
        (verdict,) = verify_policy_images(request, world)
        ours[name] = verdict.outcome is Outcome.ACCEPTED
    made.sandbox.registry.referrers = True
    assert any(ours.values())
    assert not all(ours.values())
    judged = 0
    for engine in ENGINES:
        asked = ExportRequest(engine=engine, policy=policy.policy, keys=dict(policy.spki), trust=trust)
        try:
            files = export_policy(asked, world).files
        except PolicyRefusal as error:
            assert error.code == "export-impossible"
            continue
        judged += 1
        member = engine_of(engine)
        rules = member.read([one.data for one in files if not one.beside])
        given = Surroundings(
            now=now, roots=(root,), prover=AttachmentProver((root,), now), languages=WorldLanguages(world)
        )
        admits = partial(admitted, member, rules, evidence, given)
        theirs = {name: admits(pod(written)) for name, written in made.images.items()}
        narrower = {name for name, good in ours.items() if good and not theirs[name]}
        wider = {name for name, good in ours.items() if theirs[name] and not good}
        assert (wider, narrower) == (WIDER.get((rule, engine), set()), NARROWER.get((rule, engine), set())), engine
        good = next((written for name, written in made.images.items() if theirs[name]), "")
        for name, written in made.images.items() if good else ():
            if not theirs[name]:
                assert not admits(pod(good, init=(written,))), f"{engine} lets {name} in beside another"
    assert judged
