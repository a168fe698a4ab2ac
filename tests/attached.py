"""Signatures and attestations of images, really made by the sandbox's services or with keys, in every storage form."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sigstep.flows.signing_run import SigningOptions, open_run
from sigstep.flows.trust import TrustRequest
from sigstep.model.bundle import Bundle, CertificateMaterial, Envelope, MessageSignature
from sigstep.model.digest import Digest
from sigstep.model.statement import PAYLOAD_TYPE
from sigstep.model.subject import Subject
from sigstep.model.trust import TrustedRoot
from sigstep.model.workload import Workload
from sigstep.oci.client import Client
from sigstep.oci.manifest import EMPTY, MANIFEST, Descriptor, encode, parse_manifest
from sigstep.oci.reference import Reference
from sigstep.oci.referrers import tag_of
from sigstep.oidc.given import TokenVariable
from sigstep.policy.engine import Attachment, ImageEvidence, Storage, Surroundings
from sigstep.ports.real import real_world
from sigstep.ports.world import World
from sigstep.sandbox.local import Sandbox
from sigstep.services.rego import Rego
from sigstep.signing.batch import sign_digest, sign_statement
from sigstep.signing.keys import SigningKey
from sigstep.subjects.workloads import read_workloads
from sigstep.verification.attachments import AttachmentProver
from sigstep.wire.simple_signing import CERTIFICATE, ENVELOPE_TYPE, LOG_BUNDLE, SIGNATURE
from sigstep.wire.simple_signing import PAYLOAD_TYPE as SIMPLE
from sigstep.wire.trusted_root import trusted_root_of

PROVENANCE = "https://slsa.dev/provenance/v1"
COSIGN_SIGN = "https://sigstore.dev/cosign/sign/v1"
ISSUER = "https://token.actions.githubusercontent.com"
WORKFLOW = "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main"


@dataclass(frozen=True, kw_only=True)
class Signed:
    """A bundle and the exact bytes that legacy storage keeps; ``subject`` is what the signature is over."""

    bundle: Bundle
    data: bytes
    subject: Subject


class Maker:
    """Signs as a workflow of ``acme/app`` unless another repository or a key is given."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.root: TrustedRoot = trusted_root_of(sandbox.trusted_root(), name="public-good")

    def _run(self, repository: str, key: SigningKey | None) -> tuple[Any, World]:
        token = self.sandbox.token(
            repository=repository, job_workflow_ref=f"{repository}/.github/workflows/release.yml@refs/heads/main"
        )
        world = replace(real_world(), environ={"TOKEN": token})
        options = SigningOptions(
            trust=TrustRequest(trust_config=self.sandbox.trust_config_file),
            sources=() if key else (TokenVariable(variable="TOKEN"),),
            key=key,
        )
        return open_run(options, world).batch, world

    def signature(self, image: Digest, *, repository: str = "acme/app", key: SigningKey | None = None) -> Signed:
        """A signature as cosign 2 makes it: over a simple signing payload."""
        critical = {
            "identity": {"docker-reference": ""},
            "image": {"docker-manifest-digest": str(image)},
            "type": "cosign container image signature",
        }
        payload = json.dumps({"critical": critical, "optional": None}).encode()
        subject = Subject(name="payload", digests=(Digest.of(payload),), location="payload")
        batch, world = self._run(repository, key)
        return Signed(bundle=sign_digest(subject, batch, world), data=payload, subject=subject)

    def statement(
        self,
        image: Digest,
        kind: str = COSIGN_SIGN,
        predicate: Any = None,
        *,
        repository: str = "acme/app",
        key: SigningKey | None = None,
    ) -> Signed:
        """A statement about the image: an attestation, or cosign 3's signature."""
        value = {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": "image", "digest": {"sha256": image.hex}}],
            "predicateType": kind,
            "predicate": predicate or {},
        }
        subject = Subject(name="image", digests=(image,), location="image")
        batch, world = self._run(repository, key)
        bundle = sign_statement(json.dumps(value).encode(), subject, batch, world)
        assert isinstance(bundle.content, Envelope)
        envelope = {
            "payloadType": PAYLOAD_TYPE,
            "payload": base64.b64encode(bundle.content.payload).decode(),
            "signatures": [{"sig": base64.b64encode(bundle.content.signatures[0].signature).decode(), "keyid": ""}],
        }
        return Signed(bundle=bundle, data=json.dumps(envelope).encode(), subject=subject)


def attachment(signed: Signed, storage: Storage, artifact_type: str = "") -> Attachment:
    """What a collector finds."""
    legacy = storage is Storage.LEGACY_ATTESTATION
    return Attachment(
        storage=storage,
        artifact_type=artifact_type,
        source=f"{storage.value} {Digest.of(signed.data).hex[:8]}",
        bundle=signed.bundle,
        subject=signed.subject,
        original=signed.data if legacy else None,
    )


def evidence(written: str, digest: Digest, *attachments: Attachment, **more: Any) -> ImageEvidence:
    """All of them as evidence."""
    return ImageEvidence(written=written, digest=digest, attachments=attachments, config=more.pop("config", {}), **more)


_REGO = Rego.of(real_world())  # one, so that its self-test runs once


class RealLanguages:
    """Rego as it is found here; CEL in its child process."""

    def rego(self, modules: Sequence[str], query: str, value: Any, *, version: int = 0) -> Any:
        """See `Languages.rego`."""
        return _REGO.evaluate(modules, query, value, version=version)

    def cel(self, request: Any) -> Any:
        """See `Languages.cel`."""
        found = subprocess.run(
            [sys.executable, "-I", "-m", "sigstep.engines.kyverno.cel_child"],
            input=json.dumps(request).encode(),
            capture_output=True,
            check=True,
            timeout=60,
        )
        return json.loads(found.stdout)


def surroundings(maker: Maker, **more: Any) -> Surroundings:
    """A judgement now, with the sandbox as the public instance."""
    now = real_world().clock.now()
    return Surroundings(
        now=now,
        roots=(maker.root,),
        prover=AttachmentProver((maker.root,), now),
        languages=more.pop("languages", None) or RealLanguages(),
        **more,
    )


def workload(*images: str, kind: str = "Pod", init: Sequence[str] = (), **metadata: Any) -> Workload:
    """A workload whose containers run these images."""
    spec = {
        "containers": [{"name": f"c{number}", "image": one} for number, one in enumerate(images)],
        "initContainers": [{"name": f"i{number}", "image": one} for number, one in enumerate(init)],
    }
    inner = {"spec": spec} if kind == "Pod" else {"spec": {"template": {"spec": spec}}}
    version = "v1" if kind == "Pod" else "apps/v1"
    document = {"apiVersion": version, "kind": kind, "metadata": {"name": "w", **metadata}, **inner}
    return read_workloads(json.dumps(document).encode())[0]


def push_legacy(client: Client, image: Reference, digest: Digest, suffix: str, signed: Sequence[Signed]) -> None:
    """Write ``.sig`` or ``.att`` as cosign 2 does."""
    layers = []
    for one in signed:
        descriptor = client.put_blob(image, one.data)
        annotations = _annotations(one)
        media = SIMPLE if suffix == "sig" else ENVELOPE_TYPE
        layers.append(
            Descriptor(media_type=media, digest=descriptor.digest, size=descriptor.size).document()
            | {"annotations": annotations}
        )
    config = client.put_blob(image, EMPTY)
    document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config.document(), "layers": layers}
    manifest = parse_manifest(encode(document))
    client.put_manifest(image.tagged(f"{tag_of(digest)}.{suffix}"), manifest.data, MANIFEST)


def _annotations(signed: Signed) -> dict[str, str]:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    bundle = signed.bundle
    found = {SIGNATURE: ""}
    if isinstance(bundle.content, MessageSignature):
        found[SIGNATURE] = base64.b64encode(bundle.content.signature).decode()
    if isinstance(bundle.material, CertificateMaterial):
        pem = x509.load_der_x509_certificate(bundle.material.leaf).public_bytes(Encoding.PEM)
        found[CERTIFICATE] = pem.decode()
    for entry in bundle.entries:
        if entry.promise is not None:
            found[LOG_BUNDLE] = json.dumps(
                {
                    "SignedEntryTimestamp": base64.b64encode(entry.promise).decode(),
                    "Payload": {
                        "body": base64.b64encode(entry.body or b"").decode(),
                        "integratedTime": entry.integrated_time,
                        "logIndex": entry.log_index,
                        "logID": entry.log_id.hex(),
                    },
                }
            )
    return found
