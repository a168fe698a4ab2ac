"""What is handed to a transparency log: a signature, its signer, and the digest that was signed."""

from __future__ import annotations

from dataclasses import dataclass

from sigstep.model.bundle import Envelope, MessageSignature
from sigstep.model.digest import Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One entry to be.

    Attributes:
        content: the message signature (with its digest) or the envelope.
        digest: of the artifact, or of the envelope's PAE, by the algorithm of the key.
        verifier: the leaf certificate or the public key (SPKI), DER.
        certificate: whether ``verifier`` is a certificate.
        key_details: the key's name in the Sigstore algorithm registry.
    """

    content: MessageSignature | Envelope
    digest: Digest
    verifier: bytes
    certificate: bool
    key_details: str

    @property
    def signature(self) -> bytes:
        """The raw signature."""
        if isinstance(self.content, MessageSignature):
            return self.content.signature
        return self.content.signatures[0].signature
