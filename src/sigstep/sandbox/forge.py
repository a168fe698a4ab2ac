"""Bundles made in the process from the sandbox's own keys, whole or with one step done wrong, for tests of verifiers.

Every step may be replaced: what is changed is encoded, logged and signed again, so that only that one thing is wrong.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import rfc8785
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sigstep.ports.world import Clock
from sigstep.sandbox import claims, keys, log_v2
from sigstep.sandbox.authority import CertificateAuthority, Leaf
from sigstep.sandbox.ct_log import CtLog
from sigstep.sandbox.entries_v1 import canonical, pae
from sigstep.sandbox.exchange import b64
from sigstep.sandbox.log_v1 import LogV1
from sigstep.sandbox.log_v2 import LogV2
from sigstep.sandbox.timestamp import Query, TimestampAuthority

Edit = Callable[[dict[str, Any]], dict[str, Any]]


def unchanged(value: dict[str, Any]) -> dict[str, Any]:
    """The edit that changes nothing."""
    return value


class Forge:
    """Makes certificates and bundles of one sandbox."""

    def __init__(
        self,
        clock: Clock,
        authority: CertificateAuthority,
        ct_log: CtLog,
        logs: tuple[LogV1, LogV2],
        timestamp_authority: TimestampAuthority,
    ) -> None:
        self._clock = clock
        self._authority = authority
        self._ct_log = ct_log
        self._v1, self._v2 = logs
        self._tsa = timestamp_authority

    def certificate(
        self,
        key: ec.EllipticCurvePrivateKey,
        *,
        scts: int = 1,
        spoiled_sct: bool = False,
        signer: ec.EllipticCurvePrivateKey | None = None,
        **changed: Any,
    ) -> x509.Certificate:
        """A leaf as Fulcio makes it for `github_claims`; ``changed`` replaces members of `Leaf`."""
        told = {**claims.github_claims(), "iss": claims.GITHUB_ISSUER}
        leaf = Leaf(
            key=key.public_key(),
            name=x509.UniformResourceIdentifier(f"{claims.SERVER}/{told['job_workflow_ref']}"),
            extensions=claims.github_extensions(told),
            not_before=self._clock.now().replace(microsecond=0),
        )

        def sct(issuer_key_hash: bytes, tbs: bytes) -> bytes:
            return self._ct_log.sct(issuer_key_hash, tbs, spoiled=spoiled_sct)

        return self._authority.issue(replace(leaf, **changed), [sct] * scts, key=signer)

    def bundle(
        self,
        content: bytes,
        *,
        payload_type: str = "",
        log_version: int = 1,
        certificate: dict[str, Any] | None = None,
        body: Edit = unchanged,
        entry: Edit = unchanged,
        stamped: bytes | None = None,
        stamp_time: datetime | None = None,
    ) -> dict[str, Any]:
        """A v0.3 bundle: a message signature, or with a ``payload_type`` a DSSE envelope.

        Args:
            content: the file, or the payload.
            payload_type: the DSSE payload type.
            log_version: 1 or 2; 0 for no entry.
            certificate: arguments of `certificate`.
            body: changes the JSON of the entry's body before it is logged and signed.
            entry: changes the finished TransparencyLogEntry.
            stamped: other bytes than the signature for the time stamp.
            stamp_time: another time for the stamp, aware.
        """
        key = keys.p256()
        leaf = self.certificate(key, **(certificate or {}))
        signed = pae(payload_type, content) if payload_type else content
        signature = keys.sign(key, signed)
        envelope = {
            "payload": b64(content),
            "payloadType": payload_type,
            "signatures": [{"sig": b64(signature), "keyid": ""}],
        }
        logged = []
        if log_version == 1:
            proposed = _dsse(envelope, leaf) if payload_type else _hashedrekord(content, signature, leaf)
            made = self._v1.append(rfc8785.dumps(body(json.loads(canonical(proposed)))))
            logged = [entry(as_bundle_entry(made))]
        elif log_version:
            request = log_v2.canonical(_request_v2(signed, signature, leaf))
            logged = [entry(self._v2.append(rfc8785.dumps(body(json.loads(request)))))]
        digest = hashlib.sha256(signature if stamped is None else stamped).digest()
        stamp = self._tsa.stamp(Query(algorithm="sha256", digest=digest), time=stamp_time)
        message = {
            "messageDigest": {"algorithm": "SHA2_256", "digest": b64(hashlib.sha256(content).digest())},
            "signature": b64(signature),
        }
        return {
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {
                "certificate": {"rawBytes": b64(leaf.public_bytes(serialization.Encoding.DER))},
                "tlogEntries": logged,
                "timestampVerificationData": {"rfc3161Timestamps": [{"signedTimestamp": b64(stamp)}]},
            },
            **({"dsseEnvelope": envelope} if payload_type else {"messageSignature": message}),
        }


def _pem(leaf: x509.Certificate) -> str:
    return b64(leaf.public_bytes(serialization.Encoding.PEM))


def _hashedrekord(content: bytes, signature: bytes, leaf: x509.Certificate) -> dict[str, Any]:
    return {
        "apiVersion": "0.0.1",
        "kind": "hashedrekord",
        "spec": {
            "data": {"hash": {"algorithm": "sha256", "value": hashlib.sha256(content).hexdigest()}},
            "signature": {"content": b64(signature), "publicKey": {"content": _pem(leaf)}},
        },
    }


def _dsse(envelope: dict[str, Any], leaf: x509.Certificate) -> dict[str, Any]:
    proposed = {"envelope": json.dumps(envelope), "verifiers": [_pem(leaf)]}
    return {"apiVersion": "0.0.1", "kind": "dsse", "spec": {"proposedContent": proposed}}


def _request_v2(signed: bytes, signature: bytes, leaf: x509.Certificate) -> dict[str, Any]:
    verifier = {
        "keyDetails": "PKIX_ECDSA_P256_SHA_256",
        "x509Certificate": {"rawBytes": b64(leaf.public_bytes(serialization.Encoding.DER))},
    }
    digest = b64(hashlib.sha256(signed).digest())
    return {
        "hashedRekordRequestV002": {"digest": digest, "signature": {"content": b64(signature), "verifier": verifier}}
    }


def as_bundle_entry(made: dict[str, Any]) -> dict[str, Any]:
    """An entry of Rekor v1's API as the TransparencyLogEntry of a bundle."""
    proof = made["verification"]["inclusionProof"]
    body = json.loads(base64.b64decode(made["body"]))
    return {
        "logIndex": str(made["logIndex"]),
        "logId": {"keyId": b64(bytes.fromhex(made["logID"]))},
        "kindVersion": {"kind": body["kind"], "version": body["apiVersion"]},
        "integratedTime": str(made["integratedTime"]),
        "inclusionPromise": {"signedEntryTimestamp": made["verification"]["signedEntryTimestamp"]},
        "inclusionProof": {
            "logIndex": str(proof["logIndex"]),
            "rootHash": b64(bytes.fromhex(proof["rootHash"])),
            "treeSize": str(proof["treeSize"]),
            "hashes": [b64(bytes.fromhex(one)) for one in proof["hashes"]],
            "checkpoint": {"envelope": proof["checkpoint"]},
        },
        "canonicalizedBody": made["body"],
    }
