"""Write a trusted root as a TrustRoot object of policy-controller."""

from __future__ import annotations

import base64
from typing import Any

from sigstep.model.trust import Authority, Log, TrustedRoot
from sigstep.policy.exporting import dns_name, pem


def trust_root_object(name: str, root: TrustedRoot) -> dict[str, Any]:
    """The object, with the authorities and logs of the root (policy-controller, TrustRoot v1alpha1)."""
    keys: dict[str, Any] = {"certificateAuthorities": [_authority(one) for one in root.certificate_authorities]}
    for member, logs in (("tLogs", root.logs), ("ctLogs", root.ct_logs)):
        if logs:
            keys[member] = [_log(one) for one in logs]
    if root.timestamp_authorities:
        keys["timestampAuthorities"] = [_authority(one) for one in root.timestamp_authorities]
    return {
        "apiVersion": "policy.sigstore.dev/v1alpha1",
        "kind": "TrustRoot",
        "metadata": {"name": dns_name(name)},
        "spec": {"sigstoreKeys": keys},
    }


def _authority(one: Authority) -> dict[str, Any]:
    chain = "".join(pem(der, "CERTIFICATE") for der in one.certificates)
    return {
        "subject": {"organization": one.organization, "commonName": one.common_name},
        "uri": one.uri,
        "certChain": _bytes(chain),
    }


def _log(one: Log) -> dict[str, Any]:
    return {"baseURL": one.base_url, "hashAlgorithm": "sha-256", "publicKey": _bytes(pem(one.key))}


def _bytes(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
