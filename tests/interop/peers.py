"""Other tools as signers and verifiers, each with the command line its own documentation gives."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.flows import javascript
from tests.interop.stack.issuer import ISSUER
from tests.interop.tools import tool

SECONDS = 120
IDENTITY = "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main"
REPOSITORY = "acme/app"
PREDICATE_TYPE = "https://slsa.dev/provenance/v1"
PREDICATE: dict[str, Any] = {
    "buildDefinition": {
        "buildType": "https://actions.github.io/buildtypes/workflow/v1",
        "externalParameters": {"workflow": {"ref": "refs/heads/main"}},
    },
    "runDetails": {"builder": {"id": IDENTITY}},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """One folder with an artifact and the trust files of a stack, for one log version."""

    folder: Path
    artifact: Path
    config: dict[str, Any]
    environ: dict[str, str]
    token: Callable[[], str]

    @property
    def trust_config(self) -> Path:
        """Client trust config."""
        return self._file("trust_config.json", self.config)

    @property
    def trusted_root(self) -> Path:
        """Trusted root."""
        return self._file("trusted_root.json", self.config["trustedRoot"])

    @property
    def trusted_root_lines(self) -> Path:
        """Trusted root, one a line, as gh wants it."""
        return self._file("trusted_root.jsonl", self.config["trustedRoot"])

    @property
    def signing_config(self) -> Path:
        """Signing config."""
        return self._file("signing_config.json", self.config["signingConfig"])

    @property
    def predicate(self) -> Path:
        """The predicate that peers attest."""
        return self._file("predicate.json", PREDICATE)

    def _file(self, name: str, document: dict[str, Any]) -> Path:
        path = self.folder / name
        path.write_text(json.dumps(document) + "\n")
        return path


def run(*arguments: object, environ: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, whatever its status."""
    return subprocess.run(
        [str(argument) for argument in arguments],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        env={**os.environ, **(environ or {})},  # noqa: TID251
    )


def signed(done: subprocess.CompletedProcess[str], bundle: Path) -> Path:
    """The bundle that a signer wrote; its output where it wrote none."""
    assert done.returncode == 0, done.stdout + done.stderr
    return bundle


def python_sign(desk: Desk, kind: str) -> Path:
    """sigstore-python."""
    out = desk.folder / "python.sigstore.json"
    start = [sys.executable, "-m", "sigstore", "--trust-config", desk.trust_config]
    token = ["--identity-token", desk.token(), "--bundle", out]
    if kind == "message":
        return signed(run(*start, "sign", "--overwrite", *token, desk.artifact), out)
    predicate = ["--predicate", desk.predicate, "--predicate-type", PREDICATE_TYPE]
    return signed(run(*start, "attest", "--overwrite", *token, *predicate, desk.artifact), out)


def python_verify(desk: Desk, bundle: Path, kind: str) -> subprocess.CompletedProcess[str]:
    """sigstore-python; it reads both kinds."""
    del kind
    identity = ["--cert-identity", IDENTITY, "--cert-oidc-issuer", ISSUER]
    start = [sys.executable, "-m", "sigstore", "--trust-config", desk.trust_config]
    return run(*start, "verify", "identity", "--offline", "--bundle", bundle, *identity, desk.artifact)


def go_sign(desk: Desk, kind: str) -> Path:
    """sigstore-go's conformance client."""
    out = desk.folder / "go.sigstore.json"
    trust = ["--trusted-root", desk.trusted_root, "--signing-config", desk.signing_config]
    options = ["--identity-token", desk.token(), "--bundle", out, *trust]
    if kind == "message":
        return signed(run(tool("sigstore-go"), "sign-bundle", *options, desk.artifact), out)
    statement = desk.folder / "statement.json"
    statement.write_text(json.dumps(statement_about(desk.artifact)))
    return signed(run(tool("sigstore-go"), "sign-bundle", "--in-toto", *options, statement), out)


def go_verify(desk: Desk, bundle: Path, kind: str) -> subprocess.CompletedProcess[str]:
    """sigstore-go's conformance client."""
    del kind
    identity = ["--certificate-identity", IDENTITY, "--certificate-oidc-issuer", ISSUER]
    trust = ["--trusted-root", desk.trusted_root]
    return run(tool("sigstore-go"), "verify-bundle", "--bundle", bundle, *identity, *trust, desk.artifact)


def cosign_sign(desk: Desk, kind: str) -> Path:
    """cosign sign-blob and attest-blob."""
    out = desk.folder / "cosign.sigstore.json"
    trust = ["--signing-config", desk.signing_config, "--trusted-root", desk.trusted_root]
    options = ["--yes", "--identity-token", desk.token(), *trust, "--bundle", out]
    if kind == "message":
        return signed(run(tool("cosign"), "sign-blob", *options, desk.artifact), out)
    predicate = ["--type", "slsaprovenance1", "--predicate", desk.predicate]
    return signed(run(tool("cosign"), "attest-blob", *options, *predicate, desk.artifact), out)


def cosign_verify(desk: Desk, bundle: Path, kind: str) -> subprocess.CompletedProcess[str]:
    """cosign verify-blob and verify-blob-attestation."""
    identity = ["--certificate-identity", IDENTITY, "--certificate-oidc-issuer", ISSUER]
    options = ["--bundle", bundle, "--trusted-root", desk.trusted_root, *identity]
    if kind == "message":
        return run(tool("cosign"), "verify-blob", *options, desk.artifact)
    return run(tool("cosign"), "verify-blob-attestation", "--type", "slsaprovenance1", *options, desk.artifact)


def gh_verify(desk: Desk, bundle: Path, kind: str) -> subprocess.CompletedProcess[str]:
    """Gh attestation verify; it reads attestations only."""
    assert kind == "provenance"
    options = ["--bundle", bundle, "--custom-trusted-root", desk.trusted_root_lines, "--repo", REPOSITORY]
    environ = {"GH_CONFIG_DIR": str(desk.folder / "gh"), "GH_TOKEN": "", "NO_COLOR": "1"}
    return run(tool("gh"), "attestation", "verify", desk.artifact, *options, environ=environ)


def javascript_sign(desk: Desk, kind: str) -> Path:
    """@sigstore/sign; it has no form for attestations that Rekor v2 takes."""
    services = desk.config["signingConfig"]
    log = services["rekorTlogUrls"][0]
    tsa = services["tsaUrls"][0]["url"].removesuffix("/api/v1/timestamp")
    urls = ",".join((services["caUrls"][0]["url"], log["url"], tsa))
    source, extra = desk.artifact, ["dsse"]
    if kind != "message":
        source = desk.folder / "statement.json"
        source.write_text(json.dumps(statement_about(desk.artifact)))
        extra.append("application/vnd.in-toto+json")
    done = javascript.run("sign.js", urls, str(source), str(log["majorApiVersion"]), *extra, token=desk.token())
    out = desk.folder / "javascript.sigstore.json"
    out.write_text(done.stdout)
    return signed(done, out)


def javascript_verify(desk: Desk, bundle: Path, kind: str) -> subprocess.CompletedProcess[str]:
    """@sigstore/verify."""
    what = (
        (str(desk.artifact), IDENTITY, ISSUER, "1")
        if kind == "message"
        else ("-", IDENTITY, ISSUER, "1", str(desk.artifact))
    )
    return javascript.run("verify.js", str(desk.trusted_root), str(bundle), *what)


def sigstep_sign(desk: Desk, kind: str) -> Path:
    """sigstep, as a step of a workflow runs it."""
    out = desk.folder / "sigstep.sigstore.json"
    command = "sign" if kind == "message" else "attest"
    options = ["--trust-config", desk.trust_config, "--bundle", out]
    done = run(sys.executable, "-m", "sigstep", command, *options, desk.artifact, environ=desk.environ)
    return signed(done, out)


def sigstep_verify(desk: Desk, bundle: Path, kind: str) -> subprocess.CompletedProcess[str]:
    """sigstep verify, offline."""
    del kind
    identity = ["--identity", IDENTITY, "--issuer", ISSUER, "--trusted-root", desk.trusted_root]
    return run(sys.executable, "-m", "sigstep", "verify", "--offline", "--bundle", bundle, *identity, desk.artifact)


def statement_about(artifact: Path) -> dict[str, Any]:
    """An in-toto statement about the artifact."""
    import hashlib

    digest = hashlib.sha256(artifact.read_bytes()).hexdigest()
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": artifact.name, "digest": {"sha256": digest}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": PREDICATE,
    }


SIGNERS = {
    "sigstore-python": python_sign,
    "sigstore-go": go_sign,
    "cosign": cosign_sign,
    "@sigstore/sign": javascript_sign,
    "sigstep": sigstep_sign,
}
VERIFIERS = {
    "sigstore-python": python_verify,
    "sigstore-go": go_verify,
    "cosign": cosign_verify,
    "gh": gh_verify,
    "@sigstore/verify": javascript_verify,
    "sigstep": sigstep_verify,
}
