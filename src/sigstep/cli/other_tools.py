"""Words of cosign, gh and sigstore, and what is said here; docs/how-to/from-other-verifiers.md has the whole table."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

COMMANDS_ELSEWHERE: Final = MappingProxyType[str, str](
    {
        # another tool's command: what follows ``sigstep``
        "attach": "sign` or `sigstep attest",
        "attest-blob": "attest",
        "attestation": "verify` or `sigstep download",
        "clean": "prune",
        "initialize": "trust init",
        "release": "verify --release-of OWNER/NAME@TAG",
        "sign-blob": "sign",
        "triangulate": "tree",
        "trusted-root": "trust",
        "verify-attestation": "verify --type TYPE",
        "verify-blob": "verify",
        "verify-blob-attestation": "verify",
    }
)
OPTIONS_ELSEWHERE: Final = MappingProxyType[str, str](
    {
        # another tool's option: ours, with its value where that differs
        "--ca-roots": "--trusted-root FILE, made with `sigstep trust create`",
        "--cert-identity": "--identity",
        "--cert-identity-regex": "--identity-regexp",
        "--cert-oidc-issuer": "--issuer",
        "--certificate-chain": "--trusted-root FILE, made with `sigstep trust create`",
        "--certificate-identity": "--identity",
        "--certificate-identity-regexp": "--identity-regexp",
        "--certificate-oidc-issuer": "--issuer",
        "--certificate-oidc-issuer-regexp": "--issuer-regexp",
        "--custom-trusted-root": "--trusted-root",
        "--insecure-ignore-sct": "--min-scts 0",
        "--insecure-ignore-tlog": "--min-entries 0",
        "--predicate-type": "--type",
        "--private-infrastructure": "--min-entries 0",
        "--repository": "--repo",
        "--rfc3161-timestamp": "--timestamp",
        "--signer-digest": "--extension build-signer-digest=SHA",
        "--source-digest": "--extension source-repository-digest=SHA",
        "--source-ref": "--extension source-repository-ref=REF",
        "--staging": "--instance staging",
        "--use-signed-timestamps": "--min-timestamps 1",
        "-R": "--repo",
        "-b": "--bundle",
        "-o": "--owner",
    }
)
