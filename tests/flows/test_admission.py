"""``sigstep policy admit``: what four engines would say about images in the sandbox's registry, form by form."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from click.testing import CliRunner
from tests.attached import ISSUER, PROVENANCE, WORKFLOW, Maker, Signed, push_legacy
from tests.flows.test_images import push
from tests.sandboxes import sandbox

from sigstep.cli.images import save_command
from sigstep.cli.policy import group
from sigstep.errors import SigstepError
from sigstep.model.digest import Digest
from sigstep.oci.client import Client
from sigstep.oci.manifest import Manifest
from sigstep.oci.reference import Reference
from sigstep.policy.engine import UNJUDGED
from sigstep.ports.real import real_world
from sigstep.rendering import admission
from sigstep.sandbox.local import Sandbox
from sigstep.signing.keys import ephemeral_key
from sigstep.stores.referrers import publish
from sigstep.wire.bundle import encode_bundle

__all__ = ["sandbox"]
KEY = ephemeral_key()
FORM = json.loads(Path(admission.__file__).with_name("admission.schema.json").read_text())
IMAGES = (
    *(
        "unsigned",
        "legacy",
        "legacy key",
        "legacy evil",
        "legacy two signers",
        "legacy attested",
        "legacy two attested",
    ),
    *("bundle", "bundle evil", "bundle two attested", "fallback"),
)


@dataclass
class World:
    """The images of the matrix, by name."""

    sandbox: Sandbox
    images: dict[str, str]

    def admit(self, folder: Path, engine: str, policy: str, manifest: str, *more: str) -> tuple[int, dict[str, Any]]:
        """Exit status and report."""
        (folder / "policy.yaml").write_text(policy)
        arguments = (
            "admit",
            "--engine",
            engine,
            "--policy",
            str(folder / "policy.yaml"),
            "-f",
            "-",
            "--format",
            "json",
        )
        trust = ("--trusted-root", str(self.sandbox.trusted_root_file))
        result = CliRunner(env=self.sandbox.environ(token=False)).invoke(
            group, [*arguments, *trust, *more], input=manifest, standalone_mode=False, catch_exceptions=False
        )
        report = json.loads(result.stdout)
        jsonschema.validate(report, FORM)
        return result.return_value, report


@pytest.fixture(scope="module")
def made(sandbox: Sandbox) -> World:
    """Every image, pushed and signed in its form."""
    maker = Maker(sandbox)
    client = Client(real_world())
    images: dict[str, str] = {}
    for name in IMAGES:
        sandbox.registry.referrers = name != "fallback"
        reference = push(sandbox, f"matrix/{name.replace(' ', '-')}")
        manifest = client.manifest(reference)
        images[name] = str(reference)
        _attach(name, maker, client, reference, manifest)
    sandbox.registry.referrers = True
    return World(sandbox, images)


def _attach(name: str, maker: Maker, client: Client, image: Reference, manifest: Manifest) -> None:
    digest = manifest.digest
    good, bad = {"builder": {"id": "good"}}, {"builder": {"id": "bad"}}

    def bundle(*signed: Signed) -> None:
        for one in signed:
            publish(client, image, manifest, encode_bundle(one.bundle))

    def evil(image: Digest) -> Signed:
        return maker.signature(image, repository="evil/app")

    if name == "legacy":
        push_legacy(client, image, digest, "sig", [maker.signature(digest)])
    elif name == "legacy key":
        push_legacy(client, image, digest, "sig", [maker.signature(digest, key=KEY)])
    elif name == "legacy evil":
        push_legacy(client, image, digest, "sig", [evil(digest)])
    elif name == "legacy two signers":
        push_legacy(client, image, digest, "sig", [evil(digest), maker.signature(digest)])
    elif name == "legacy attested":
        push_legacy(client, image, digest, "att", [maker.statement(digest, PROVENANCE, good)])
    elif name == "legacy two attested":
        two = [maker.statement(digest, PROVENANCE, one) for one in (good, bad)]
        push_legacy(client, image, digest, "att", two)
    elif name in ("bundle", "fallback"):
        bundle(maker.statement(digest), maker.statement(digest, PROVENANCE, good))
    elif name == "bundle evil":
        evil_one = maker.statement(digest, PROVENANCE, good, repository="evil/app")
        bundle(maker.statement(digest, repository="evil/app"), evil_one)
    elif name == "bundle two attested":
        bundle(maker.statement(digest), *(maker.statement(digest, PROVENANCE, one) for one in (good, bad)))


def pod(*images: str, init: tuple[str, ...] = (), kind: str = "Pod") -> str:
    """A pod, or a Deployment of it."""
    spec = {
        "containers": [{"name": f"c{at}", "image": one} for at, one in enumerate(images)],
        "initContainers": [{"name": f"i{at}", "image": one} for at, one in enumerate(init)],
    }
    body = {"spec": spec} if kind == "Pod" else {"spec": {"template": {"spec": spec}}}
    version = "v1" if kind == "Pod" else "apps/v1"
    return yaml.safe_dump({"apiVersion": version, "kind": kind, "metadata": {"name": "w", "namespace": "n"}, **body})


WHO = {"issuer": ISSUER, "subject": WORKFLOW}
CUE = {"type": "cue", "data": 'predicate: builder: id: "good"'}
PROV = {"attestations": [{"name": "prov", "predicateType": PROVENANCE, "policy": CUE}]}


def cip(**authority: Any) -> str:
    """A ClusterImagePolicy over everything."""
    spec = {"images": [{"glob": "**"}], "authorities": [authority]}
    return yaml.safe_dump(
        {
            "apiVersion": "policy.sigstore.dev/v1beta1",
            "kind": "ClusterImagePolicy",
            "metadata": {"name": "p"},
            "spec": spec,
        }
    )


def cpol(**verify: Any) -> str:
    """A ClusterPolicy over everything."""
    match = {"any": [{"resources": {"kinds": ["Pod"]}}]}
    rule = {
        "name": "r",
        "match": match,
        "verifyImages": [{"imageReferences": ["*"], "failureAction": "Enforce", **verify}],
    }
    return yaml.safe_dump(
        {"apiVersion": "kyverno.io/v1", "kind": "ClusterPolicy", "metadata": {"name": "p"}, "spec": {"rules": [rule]}}
    )


def ivp(*validations: str) -> str:
    """An ImageValidatingPolicy over everything."""
    pods = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    spec = {
        "matchConstraints": {"resourceRules": [pods]},
        "matchImageReferences": [{"glob": "*"}],
        "attestors": [{"name": "gha", "cosign": {"keyless": {"identities": [WHO]}}}],
        "attestations": [{"name": "prov", "intoto": {"type": PROVENANCE}}],
        "variables": [{"name": "every", "expression": "images.containers + images.initContainers"}],
        "validations": [{"expression": one} for one in validations],
    }
    return yaml.safe_dump(
        {
            "apiVersion": "policies.kyverno.io/v1",
            "kind": "ImageValidatingPolicy",
            "metadata": {"name": "p"},
            "spec": spec,
        }
    )


def connaisseur(root: dict[str, Any]) -> str:
    """A configuration over everything."""
    validator = {"name": "default", "type": "cosign", "trustRoots": [{"name": "default", **root}]}
    return yaml.safe_dump({"validators": [validator], "policy": [{"pattern": "*:*"}]})


REGO = """package everyimage
images[i] { i := input.review.object.spec.containers[_].image }
images[i] { i := input.review.object.spec.initContainers[_].image }
answer := external_data({"provider": "artifact-attestations-opa-provider", "keys": [i | images[i]]})
violation[{"msg": "provider"}] { answer.system_error != "" }
violation[{"msg": m}] { images[i]; not good(i); m := sprintf("no trusted provenance for %v", [i]) }
good(i) {
  r := answer.responses[_]; r[0] == i; a := r[1][_]
  a.statement.predicateType == "https://slsa.dev/provenance/v1"
  a.statement.predicate.builder.id == "good"
  a.signature.certificate.sourceRepositoryURI == "https://github.com/acme/app"
}
"""
GATEKEEPER = (
    yaml.safe_dump(
        {
            "apiVersion": "templates.gatekeeper.sh/v1",
            "kind": "ConstraintTemplate",
            "metadata": {"name": "everyimage"},
            "spec": {
                "crd": {"spec": {"names": {"kind": "EveryImage"}}},
                "targets": [{"target": "admission.k8s.gatekeeper.sh", "rego": REGO}],
            },
        }
    )
    + "---\n"
    + yaml.safe_dump(
        {
            "apiVersion": "constraints.gatekeeper.sh/v1beta1",
            "kind": "EveryImage",
            "metadata": {"name": "c"},
            "spec": {"match": {"kinds": [{"apiGroups": [""], "kinds": ["Pod"]}]}},
        }
    )
)
KEYLESS = {"keyless": {"identities": [WHO]}}
KYVERNO_KEYLESS = [{"entries": [{"keyless": {**WHO, "rekor": {"url": "https://r"}}}]}]
CONDITION = [{"all": [{"key": "{{ builder.id }}", "operator": "Equals", "value": "good"}]}]
KYVERNO_ATTESTED = [{"type": PROVENANCE, "attestors": KYVERNO_KEYLESS, "conditions": CONDITION}]
SIGNED = "variables.every.all(i, verifyImageSignatures(i, [attestors.gha]) > 0)"
ATTESTED = (
    "variables.every.all(i, verifyAttestationSignatures(i, attestations.prov, [attestors.gha]) > 0 && "
    'extractPayload(i, attestations.prov).predicate.builder.id == "good")'
)
# policy: engine, its file, and the images that it admits
MATRIX: dict[str, tuple[str, str, set[str]]] = {
    "CIP keyless": ("policy-controller", cip(**KEYLESS), {"legacy", "legacy two signers"}),
    "CIP key": ("policy-controller", cip(key={"data": KEY.public_pem}), {"legacy key"}),
    "CIP attestation": ("policy-controller", cip(**KEYLESS, **PROV), {"legacy attested", "legacy two attested"}),
    "CIP bundle": (
        "policy-controller",
        cip(**KEYLESS, **PROV, signatureFormat="bundle"),
        {"bundle", "bundle two attested", "fallback"},
    ),
    "CPOL keyless": ("kyverno", cpol(attestors=KYVERNO_KEYLESS), {"legacy", "legacy two signers"}),
    "CPOL key": (
        "kyverno",
        cpol(attestors=[{"entries": [{"keys": {"publicKeys": KEY.public_pem}}]}]),
        {"legacy key"},
    ),
    "CPOL attestation": ("kyverno", cpol(attestations=KYVERNO_ATTESTED), {"legacy attested"}),
    "CPOL bundle": ("kyverno", cpol(type="SigstoreBundle", attestations=KYVERNO_ATTESTED), {"bundle", "fallback"}),
    "IVP signature": (
        "kyverno",
        ivp(SIGNED),
        {"legacy", "legacy two signers", "bundle", "bundle two attested"},
    ),
    "IVP attestation": ("kyverno", ivp(ATTESTED), {"legacy attested", "bundle"}),
    "Gatekeeper": ("gatekeeper", GATEKEEPER, {"bundle", "bundle two attested", "fallback"}),
    "Connaisseur keyless": ("connaisseur", connaisseur({"keyless": WHO}), {"legacy", "legacy two signers"}),
    "Connaisseur key": ("connaisseur", connaisseur({"key": KEY.public_pem}), {"legacy key"}),
}


@pytest.mark.parametrize("name", MATRIX)
def test_matrix(made: World, tmp_path: Path, name: str) -> None:
    """Storage form, signer and attestation against engine: who is admitted, and nobody else."""
    engine, policy, admitted = MATRIX[name]
    for image, reference in made.images.items():
        made.sandbox.registry.referrers = image != "fallback"
        status, report = made.admit(tmp_path, engine, policy, pod(reference))
        decisions = {one["decision"] for one in report["rulings"]}
        assert (status, decisions) == ((0, {"admit"}) if image in admitted else (1, {"deny"})), (image, report)
    made.sandbox.registry.referrers = True


@pytest.mark.parametrize("name", MATRIX)
def test_good_container_and_evil_init_container(made: World, tmp_path: Path, name: str) -> None:
    """Denied by every engine that looks at it."""
    engine, policy, admitted = MATRIX[name]
    good = made.images[min(admitted)]
    for evil in ("unsigned", "legacy evil", "bundle evil"):
        status, report = made.admit(tmp_path, engine, policy, pod(good, init=(made.images[evil],)))
        assert status == 1, report


def test_images_that_are_not_looked_at_are_reported(made: World, tmp_path: Path) -> None:
    """A template or an expression over containers alone admits an evil init container: that is told."""
    both = pod(made.images["bundle"], init=(made.images["unsigned"],))
    template, constraint = yaml.safe_load_all(GATEKEEPER)
    lines = template["spec"]["targets"][0]["rego"].splitlines()
    template["spec"]["targets"][0]["rego"] = "\n".join(one for one in lines if "initContainers" not in one)
    status, report = made.admit(tmp_path, "gatekeeper", yaml.safe_dump_all([template, constraint]), both)
    seen = {one["image"]: (one["decision"], one["seen"]) for one in report["rulings"]}
    assert (status, seen[made.images["unsigned"]]) == (0, ("warn", False))
    assert seen[made.images["bundle"]] == ("admit", True)
    containers = ivp(SIGNED.replace("variables.every", "images.containers"))
    status, report = made.admit(tmp_path, "kyverno", containers, both)
    assert (status, "unverified image" in json.dumps(report)) == (1, True)


def test_deployments(made: World, tmp_path: Path) -> None:
    """Engines that see controllers deny them; Gatekeeper sees Pods only and says so."""
    for name in ("CIP keyless", "CPOL keyless", "IVP signature", "Connaisseur keyless", "Gatekeeper"):
        engine, policy, _ = MATRIX[name]
        status, report = made.admit(tmp_path, engine, policy, pod(made.images["unsigned"], kind="Deployment"))
        if name == "Gatekeeper":
            assert (status, "no constraint is about" in json.dumps(report)) == (0, True)
            deployment = pod(made.images["unsigned"], kind="Deployment")
            assert made.admit(tmp_path, engine, policy, deployment, "--strict")[0] == 1
        else:
            assert status == 1, report


def test_many_manifests_ask_once(made: World, tmp_path: Path) -> None:
    """Each distinct image is fetched once, whatever runs it."""
    engine, policy, _ = MATRIX["CIP keyless"]
    text = "---\n".join(pod(made.images["legacy"], kind="Deployment") for _ in range(30))
    made.sandbox.registry.requests.clear()
    status, report = made.admit(tmp_path, engine, policy, text)
    assert (status, report["workloads"], report["images"]) == (0, 30, 1)
    asked = [one for one in made.sandbox.registry.requests if one.endswith("/manifests/v1")]
    assert len(asked) == 1


def test_text_and_other_exits(made: World, tmp_path: Path) -> None:
    """For people; unknown is 4, no workload is 3, what cannot be read is told."""
    (tmp_path / "policy.yaml").write_text(cip(key={"kms": "gcpkms://x"}))
    (tmp_path / "pods").mkdir()
    (tmp_path / "pods" / "a.yaml").write_text(pod(made.images["legacy"]))
    trust = ("--trusted-root", str(made.sandbox.trusted_root_file))
    runner = CliRunner(env=made.sandbox.environ(token=False))

    def run(*arguments: str) -> tuple[int, str]:
        result = runner.invoke(group, ["admit", *arguments, *trust], standalone_mode=False, catch_exceptions=False)
        return result.return_value, result.output

    base = ("--engine", "policy-controller", "--policy", str(tmp_path / "policy.yaml"))
    status, output = run(*base, "-f", str(tmp_path / "pods"))
    assert (status, "UNKNOWN" in output, "gcpkms" in output) == (4, True, True)
    (tmp_path / "pods" / "a.yaml").write_text("apiVersion: v1\nkind: Service\n")
    (tmp_path / "empty.yaml").write_text("apiVersion: v1\nkind: Pod\nspec: {containers: []}\n")
    for arguments, code in (
        ((*base, "-f", str(tmp_path / "pods")), "no-subject"),
        ((*base, "-f", str(tmp_path / "empty.yaml")), "no-subject"),
        ((*base, "-f", str(tmp_path / "missing.yaml")), "file-unreadable"),
        ((*base, "-f", str(tmp_path / "pods"), "--trust", "x"), "option-malformed"),
        ((*base, "-f", str(tmp_path / "pods"), "--saved", "x"), "option-malformed"),
        ((*base, "-f", str(tmp_path / "pods"), "--record"), "option-conflict"),
        (("--policy", "a", "--policy", "b", "-f", str(tmp_path / "pods")), "option-conflict"),
    ):
        with pytest.raises(SigstepError) as caught:
            run(*arguments)
        assert caught.value.code == code
    (tmp_path / "empty").mkdir()
    with pytest.raises(SigstepError) as caught:
        run(*base, "-f", str(tmp_path / "empty"))
    assert caught.value.code == "file-unreadable"


def test_the_form_names_every_reason() -> None:
    """The fixed list of what is not judged stands in the schema too."""
    found = FORM["properties"]["rulings"]["items"]["properties"]["unjudged"]["enum"]
    assert set(found) == {"", *UNJUDGED}


def test_offline(made: World, tmp_path: Path) -> None:
    """From a saved folder, and from recorded answers; without them an image is unknown."""
    engine, policy, _ = MATRIX["CIP keyless"]
    image = made.images["legacy"]
    result = CliRunner().invoke(save_command, [image, str(tmp_path / "saved")], standalone_mode=False)
    assert result.exception is None
    saved = ("--offline", "--saved", f"{image}={tmp_path / 'saved'}")
    assert made.admit(tmp_path, engine, policy, pod(image), *saved)[0] == 0
    assert made.admit(tmp_path, engine, policy, pod(image), "--offline")[0] == 4
    recorded = ("--responses", str(tmp_path / "answers"))
    assert made.admit(tmp_path, engine, policy, pod(image), *recorded, "--record")[0] == 0
    made.sandbox.registry.requests.clear()
    assert made.admit(tmp_path, engine, policy, pod(image), *recorded)[0] == 0
    assert not made.sandbox.registry.requests


def test_a_named_trust_root(made: World, tmp_path: Path) -> None:
    """A root that policies refer to by name."""
    policy = cip(keyless={"identities": [WHO], "trustRootRef": "corp"}, ctlog={"trustRootRef": "corp"})
    image = made.images["legacy"]
    assert made.admit(tmp_path, "policy-controller", policy, pod(image))[0] == 4
    named = ("--trust", f"corp={made.sandbox.trusted_root_file}")
    assert made.admit(tmp_path, "policy-controller", policy, pod(image), *named)[0] == 0


def test_the_configuration_of_images(made: World, tmp_path: Path) -> None:
    """It is read where a policy asks for it."""
    policy = yaml.safe_load(cip(**KEYLESS))
    policy["spec"]["policy"] = {"type": "cue", "fetchConfigFile": True, "data": 'config: "linux/amd64": os: "linux"'}
    assert made.admit(tmp_path, "policy-controller", yaml.safe_dump(policy), pod(made.images["legacy"]))[0] == 0
    policy["spec"]["policy"]["data"] = 'config: "linux/amd64": {\n\tUser: "x"\n\tUser: "y"\n}'
    assert made.admit(tmp_path, "policy-controller", yaml.safe_dump(policy), pod(made.images["legacy"]))[0] == 1


def test_no_policy_matches(made: World, tmp_path: Path) -> None:
    """What decides then can be said."""
    policy = cip(**KEYLESS).replace("'**'", "other/*").replace('"**"', "other/*")
    image = pod(made.images["legacy"])
    assert made.admit(tmp_path, "policy-controller", policy, image)[0] == 1
    assert made.admit(tmp_path, "policy-controller", policy, image, "--no-match", "warn")[0] == 0


OWN = """schema: sigstep/policy/v1
signers:
  release: {issuer: "%s", subject: "%s"}
rules:
- name: all
  images: ["**"]
  signature: {any-of: [release]}
"""


def test_own_policy(made: World, tmp_path: Path) -> None:
    """The project's own file judges the same manifests."""
    text = OWN % (ISSUER, WORKFLOW)
    for name, status in (("legacy", 0), ("bundle", 0), ("unsigned", 1), ("bundle evil", 1)):
        found, report = made.admit(tmp_path, "sigstep", text, pod(made.images[name]))
        assert found == status, report
    status, _ = made.admit(tmp_path, "sigstep", text, pod(made.images["legacy"], "a.invalid/x:1"), "--offline")
    assert status == 4


@pytest.mark.parametrize("engine", ["policy-controller", "kyverno", "gatekeeper", "connaisseur"])
def test_own_policy_through_an_engine(made: World, tmp_path: Path, engine: str) -> None:
    """Our file is written for the engine first, so that one file says what each engine would do."""
    formats = "[legacy]" if engine == "connaisseur" else "[bundle]"
    attestations = f"  attestations: [{{type: {PROVENANCE}, any-of: [release]}}]\n"
    demand = "  signature: {any-of: [release]}\n" if engine == "connaisseur" else attestations
    host = made.images["legacy"].partition("/")[0]
    text = f"""schema: sigstep/policy/v1
name: acme
signers:
  release: {{issuer: "{ISSUER}", subject: "{WORKFLOW}"}}
rules:
- name: all
  images: ["{host}/matrix/*"]
  formats: {formats}
{demand}"""
    good = "legacy" if engine == "connaisseur" else "bundle"
    for name, status in ((good, 0), ("unsigned", 1), ("bundle evil", 1), ("legacy evil", 1)):
        found, report = made.admit(tmp_path, engine, text, pod(made.images[name]))
        assert found == status, report


def test_nothing_is_admitted_by_what_cannot_be_read(made: World, tmp_path: Path) -> None:
    """Policies and manifests that are not what they should be."""
    for policy, manifest, code in (
        ("kind: x\n", pod("a"), "engine-policy"),
        (cip(**KEYLESS), "a: [" * 200, "yaml-too-deep"),
        (cip(**KEYLESS), pod("{{ .Values.image }}"), "manifest-malformed"),
        (cip(**KEYLESS), "a: &a [*a]\n", "yaml-malformed"),
        (cip(**KEYLESS), "# x\n" * 2_000_000, "yaml-too-large"),
        (
            cip(**KEYLESS),
            "a: &a [1,1,1,1,1,1,1,1]\n"
            + "".join(f"b{n}: &{chr(98 + n)} [" + ",".join([f"*{chr(97 + n)}"] * 9) + "]\n" for n in range(8)),
            "yaml-too-large",
        ),
    ):
        with pytest.raises(SigstepError) as caught:
            made.admit(tmp_path, "policy-controller", policy, manifest)
        assert (caught.value.code, caught.value.exit_code) == (code, 1)
