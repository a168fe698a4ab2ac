"""sigstore-python signs and verifies through the sandbox."""

from __future__ import annotations

import json

import pytest
from sigstore.dsse import DigestSet, StatementBuilder, Subject
from sigstore.errors import VerificationError
from sigstore.hashes import HashAlgorithm, Hashed
from sigstore.models import Bundle, ClientTrustConfig
from sigstore.oidc import IdentityToken
from sigstore.sign import SigningContext
from sigstore.verify import Verifier
from sigstore.verify.policy import AllOf, GitHubWorkflowRepository, Identity, OIDCSourceRepositoryURI
from tests.sandboxes import sandbox

from sigstep.sandbox.claims import EMAIL_ISSUER, GITHUB_ISSUER
from sigstep.sandbox.local import Sandbox

__all__ = ["sandbox"]

WORKFLOW = "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main"
DIGEST = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
HELLO = Hashed(algorithm=HashAlgorithm.SHA2_256, digest=bytes.fromhex(DIGEST))
BY_WORKFLOW = AllOf(
    [
        Identity(identity=WORKFLOW, issuer=GITHUB_ISSUER),
        GitHubWorkflowRepository("acme/app"),
        OIDCSourceRepositoryURI("https://github.com/acme/app"),
    ]
)


def trust(sandbox: Sandbox, log_version: int) -> ClientTrustConfig:
    """The sandbox's trust config, as sigstore-python reads it."""
    return ClientTrustConfig.from_json(json.dumps(sandbox.client_trust_config(log_version)))


def signed(sandbox: Sandbox, log_version: int, token: str) -> Bundle:
    """The bytes ``hello``, signed by sigstore-python."""
    context = SigningContext.from_trust_config(trust(sandbox, log_version))
    with context.signer(IdentityToken(token)) as signer:
        return signer.sign_artifact(HELLO)


@pytest.mark.parametrize("log_version", [1, 2])
def test_message_signature(sandbox: Sandbox, log_version: int) -> None:
    """A message signature holds for its workflow, and does not for other bytes."""
    bundle = signed(sandbox, log_version, sandbox.token())
    verifier = Verifier(trusted_root=trust(sandbox, log_version).trusted_root)
    verifier.verify_artifact(HELLO, Bundle.from_json(bundle.to_json()), BY_WORKFLOW)
    with pytest.raises(VerificationError):
        verifier.verify_artifact(b"other", bundle, BY_WORKFLOW)


@pytest.mark.parametrize("log_version", [1, 2])
def test_attestation(sandbox: Sandbox, log_version: int) -> None:
    """A statement comes back as it was signed."""
    statement = (
        StatementBuilder()
        .subjects([Subject(name="hello", digest=DigestSet(root={"sha256": DIGEST}))])
        .predicate_type("https://predicate.example/v1")
        .predicate({"a": 1})
        .build()
    )
    context = SigningContext.from_trust_config(trust(sandbox, log_version))
    with context.signer(IdentityToken(sandbox.token())) as signer:
        bundle = signer.sign_dsse(statement)
    verifier = Verifier(trusted_root=trust(sandbox, log_version).trusted_root)
    kind, payload = verifier.verify_dsse(bundle, BY_WORKFLOW)
    assert (kind, json.loads(payload)["predicate"]) == ("application/vnd.in-toto+json", {"a": 1})


def test_person(sandbox: Sandbox) -> None:
    """A token with an e-mail address gives a certificate for that address."""
    bundle = signed(sandbox, 1, sandbox.token(email="dev@acme.example"))
    verifier = Verifier(trusted_root=trust(sandbox, 1).trusted_root)
    verifier.verify_artifact(HELLO, bundle, Identity(identity="dev@acme.example", issuer=EMAIL_ISSUER))


def test_sct_with_extensions() -> None:
    """An SCT with extensions, as static CT logs make, is signed with them."""
    with Sandbox(sct_extensions=b"\x00\x00\x05\x00\x00\x00\x00\x07") as running:
        bundle = signed(running, 1, running.token())
        Verifier(trusted_root=trust(running, 1).trusted_root).verify_artifact(HELLO, bundle, BY_WORKFLOW)


def test_another_sandbox_is_not_trusted(sandbox: Sandbox) -> None:
    """Keys are made at each start."""
    with Sandbox() as other:
        bundle = signed(other, 1, other.token())
    with pytest.raises(VerificationError):
        Verifier(trusted_root=trust(sandbox, 1).trusted_root).verify_artifact(HELLO, bundle, BY_WORKFLOW)
