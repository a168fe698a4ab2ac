"""Attestations as registries have them, made with a sandbox's keys: old and new shapes, of any publisher."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from sigstep.sandbox import keys
from sigstep.sandbox.claims import GITHUB_ISSUER, SERVER, github_claims, github_extensions
from sigstep.sandbox.entries_v1 import canonical, pae
from sigstep.sandbox.exchange import b64
from sigstep.sandbox.forge import as_bundle_entry
from sigstep.sandbox.local import Sandbox

PAYLOAD = "application/vnd.in-toto+json"
SLSA = "https://slsa.dev/provenance/v1"
SLSA_OLD = "https://slsa.dev/provenance/v0.2"
NPM_PUBLISH = "https://github.com/npm/attestation/tree/main/specs/publish/v0.1"
PYPI_PUBLISH = "https://docs.index.example/attestations/publish/v1"
RELEASE = "https://in-toto.io/attestation/release/v0.1"
STATEMENT, STATEMENT_OLD = "https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"
Json = dict[str, Any]


@dataclass(frozen=True)
class Who:
    """A publisher: what its certificate says. ``old``: as before 2023, with names only."""

    repository: str = "acme/app"
    repository_id: str = "1001"
    owner_id: str = "2002"
    workflow: str = "release.yml"
    builder: str = ""
    ref: str = "refs/tags/v1"
    trigger: str = "push"
    runner: str = "github-hosted"
    environment: str = ""
    run: str = "4004"
    old: bool = False

    def but(self, **changed: Any) -> Who:
        """The same with other members."""
        return replace(self, **changed)

    def certificate(self) -> Json:
        """Arguments of `Forge.certificate`."""
        workflow = f"{self.repository}/.github/workflows/{self.workflow}@{self.ref}"
        told = github_claims(
            repository=self.repository,
            repository_id=self.repository_id,
            repository_owner_id=self.owner_id,
            ref=self.ref,
            event_name=self.trigger,
            runner_environment=self.runner,
            run_id=self.run,
            workflow_ref=workflow,
            job_workflow_ref=self.builder or workflow,
            **({"environment": self.environment} if self.environment else {}),
        )
        extensions = github_extensions({**told, "iss": GITHUB_ISSUER})
        if self.old:
            extensions = tuple(one for one in extensions if int(one[0].rpartition(".")[2]) <= 6)
        return {
            "name": x509.UniformResourceIdentifier(f"{SERVER}/{told['job_workflow_ref']}"),
            "extensions": extensions,
        }


RELEASES = {"name": x509.UniformResourceIdentifier("https://dotcom.releases.github.com"), "extensions": ()}


def statement(name: str, digests: Json, kind: str, predicate: Json | None = None, *, old: bool = False) -> bytes:
    """An in-toto statement about one subject; a name that is a package URL of GitHub's becomes its ``uri``."""
    subject = {"uri" if name.startswith("pkg:github/") else "name": name, "digest": digests}
    document = {
        "_type": STATEMENT_OLD if old else STATEMENT,
        "subject": [subject],
        "predicateType": kind,
        "predicate": predicate or {},
    }
    return json.dumps(document).encode()


def bundle(sandbox: Sandbox, payload: bytes, certificate: Json, shape: str = "v0.3") -> Json:
    """A bundle around a statement.

    Args:
        certificate: arguments of `Forge.certificate`.
        shape: ``v0.3`` (dsse, Rekor v1), ``rekor-v2``, or ``intoto`` (v0.1 with a promise and no proof).
    """
    if shape == "intoto":
        return _intoto(sandbox, payload, certificate)
    version = 2 if shape == "rekor-v2" else 1
    return sandbox.forge.bundle(payload, payload_type=PAYLOAD, log_version=version, certificate=certificate)


def signed_file(sandbox: Sandbox, data: bytes, who: Who) -> Json:
    """A message signature over a file."""
    return sandbox.forge.bundle(data, certificate=who.certificate())


def by_key(sandbox: Sandbox, payload: bytes, key: Any, hint: str) -> Json:
    """A bundle that a registry's own key signed, logged as intoto 0.0.2."""
    signature = keys.sign(key, pae(PAYLOAD, payload))
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    entry = _logged_intoto(sandbox, payload, signature, pem)
    made = _old_bundle(payload, signature, hint, entry)
    made["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.2"
    made["verificationMaterial"]["publicKey"] = {"hint": hint}
    return made


def _intoto(sandbox: Sandbox, payload: bytes, certificate: Json) -> Json:
    key = keys.p256()
    leaf = sandbox.forge.certificate(key, **certificate)
    signature = keys.sign(key, pae(PAYLOAD, payload))
    entry = _logged_intoto(sandbox, payload, signature, leaf.public_bytes(serialization.Encoding.PEM))
    entry["inclusionProof"] = None
    made = _old_bundle(payload, signature, "", entry)
    der = b64(leaf.public_bytes(serialization.Encoding.DER))
    made["verificationMaterial"]["x509CertificateChain"] = {"certificates": [{"rawBytes": der}]}
    return made


def _old_bundle(payload: bytes, signature: bytes, keyid: str, entry: Json) -> Json:
    return {
        "mediaType": "application/vnd.dev.sigstore.bundle+json;version=0.1",
        "verificationMaterial": {"tlogEntries": [entry]},
        "dsseEnvelope": {
            "payload": b64(payload),
            "payloadType": PAYLOAD,
            "signatures": [{"sig": b64(signature), "keyid": keyid}],
        },
    }


def _logged_intoto(sandbox: Sandbox, payload: bytes, signature: bytes, pem: bytes) -> Json:
    envelope = {
        "payload": b64(b64(payload).encode()),
        "payloadType": PAYLOAD,
        "signatures": [{"sig": b64(b64(signature).encode()), "publicKey": b64(pem)}],
    }
    digest = {"algorithm": "sha256", "value": hashlib.sha256(payload + signature).hexdigest()}
    proposed = {"apiVersion": "0.0.2", "kind": "intoto", "spec": {"content": {"envelope": envelope, "hash": digest}}}
    return as_bundle_entry(sandbox.log_v1.append(canonical(proposed)))


def pep740(made: Json) -> Json:
    """The PEP 740 form of a bundle."""
    material = made["verificationMaterial"]
    envelope = made["dsseEnvelope"]
    return {
        "version": 1,
        "verification_material": {
            "certificate": material["certificate"]["rawBytes"],
            "transparency_entries": material["tlogEntries"],
        },
        "envelope": {"statement": envelope["payload"], "signature": envelope["signatures"][0]["sig"]},
    }


def sri(data: bytes) -> str:
    """The Subresource Integrity value of some bytes."""
    return "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()


def sha256(data: bytes) -> str:
    """Hexadecimal SHA-256."""
    return hashlib.sha256(data).hexdigest()
