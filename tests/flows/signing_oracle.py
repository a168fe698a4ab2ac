"""sigstore-python as a signer through the sandbox."""

from __future__ import annotations

import json
from typing import Any

from sigstore.dsse import DigestSet, StatementBuilder, Subject
from sigstore.models import ClientTrustConfig
from sigstore.oidc import IdentityToken
from sigstore.sign import SigningContext

from sigstep.model.digest import Digest
from sigstep.sandbox.local import Sandbox

ARTIFACT = b"what was built\n"


def oracle_bundle(
    sandbox: Sandbox, *, rekor: int, statement: bool, artifact: bytes = ARTIFACT, name: str = "artifact"
) -> dict[str, Any]:
    """The JSON of a bundle over ``artifact``, signed by sigstore-python."""
    config = ClientTrustConfig.from_json(json.dumps(sandbox.client_trust_config(rekor)))
    context = SigningContext.from_trust_config(config)
    with context.signer(IdentityToken(sandbox.token())) as signer:
        if statement:
            subject = Subject(name=name, digest=DigestSet(root={"sha256": Digest.of(artifact).hex}))
            builder = StatementBuilder().subjects([subject]).predicate_type("https://slsa.dev/provenance/v1")
            bundle = signer.sign_dsse(builder.predicate({}).build())
        else:
            bundle = signer.sign_artifact(artifact)
    document: dict[str, Any] = json.loads(bundle.to_json())
    return document
