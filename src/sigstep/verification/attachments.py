"""Prove what is attached to an image, with the keys, roots and thresholds an engine asks for; each question once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from cryptography import x509

from sigstep.errors import Refusal
from sigstep.model.bundle import Bundle
from sigstep.model.trust import Thresholds, TrustedKey, TrustedRoot, TrustMaterial
from sigstep.model.verdict import Finding
from sigstep.model.verified import Verified
from sigstep.policy.engine import Attachment
from sigstep.proofs.prepared import PreparedTrust, prepare
from sigstep.verification.pipeline import establish

_Trust = tuple[TrustedKey | None, tuple[TrustedRoot, ...]]
_Asked = tuple[int, _Trust, Thresholds | None, bool, bool]


class AttachmentProver:
    """Remembers prepared trust and answers of one run. See `sigstep.policy.engine.Prover`."""

    def __init__(self, roots: Sequence[TrustedRoot], now: datetime) -> None:
        self._roots = tuple(roots)
        self._now = now
        self._prepared: dict[_Trust, PreparedTrust] = {}
        self._answers: dict[_Asked, tuple[Attachment, Verified | Finding]] = {}

    def prove(
        self,
        attachment: Attachment,
        *,
        key: TrustedKey | None = None,
        roots: Sequence[TrustedRoot] | None = None,
        thresholds: Thresholds | None = None,
        log: bool = True,
        stamps: bool = True,
    ) -> Verified | Finding:
        """See `sigstep.policy.engine.Prover.prove`."""
        if attachment.bundle is None:
            return attachment.finding or Finding(code="no-bundle", what="the attachment is no bundle")
        trust = (key, self._roots if roots is None else tuple(roots))
        asked = (id(attachment), trust, thresholds, log, stamps)
        if asked not in self._answers:  # the attachment is kept too, so that its id stays its own
            bundle = replace(
                attachment.bundle,
                entries=attachment.bundle.entries if log else (),
                timestamps=attachment.bundle.timestamps if stamps else (),
            )
            self._answers[asked] = (attachment, self._establish(attachment, bundle, trust, thresholds))
        return self._answers[asked][1]

    def _establish(
        self, attachment: Attachment, bundle: Bundle, trust: _Trust, thresholds: Thresholds | None
    ) -> Verified | Finding:
        key, roots = trust
        if trust not in self._prepared:
            self._prepared[trust] = prepare(TrustMaterial(roots=roots, keys=(key,) if key else ()))
        try:
            verified = establish(
                bundle,
                attachment.subject,
                self._prepared[trust],
                now=self._now,
                thresholds=thresholds,
                original=attachment.original,
            )
        except Refusal as error:
            return Finding.of(error, step="proof", source=attachment.source)
        if verified.certificate is not None and not verified.times:
            certificate = x509.load_der_x509_certificate(verified.certificate)
            if not certificate.not_valid_before_utc <= self._now <= certificate.not_valid_after_utc:
                return Finding(
                    code="certificate-expired",
                    what="the certificate is not valid now, and no time of the signature is proved",
                    step="proof",
                    source=attachment.source,
                )
        return verified
