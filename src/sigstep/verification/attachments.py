"""Prove what is attached to an image, with the keys, roots and thresholds an engine asks for; each question once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sigstep.errors import Refusal
from sigstep.model.trust import Thresholds, TrustedKey, TrustedRoot, TrustMaterial
from sigstep.model.verdict import Finding
from sigstep.model.verified import Verified
from sigstep.policy.engine import Attachment
from sigstep.proofs.prepared import PreparedTrust, prepare
from sigstep.verification.pipeline import establish

_Trust = tuple[TrustedKey | None, tuple[TrustedRoot, ...]]


class AttachmentProver:
    """Remembers prepared trust and answers of one run. See `sigstep.policy.engine.Prover`."""

    def __init__(self, roots: Sequence[TrustedRoot], now: datetime) -> None:
        self._roots = tuple(roots)
        self._now = now
        self._prepared: dict[_Trust, PreparedTrust] = {}
        self._answers: dict[tuple[int, _Trust, Thresholds | None], tuple[Attachment, Verified | Finding]] = {}

    def prove(
        self,
        attachment: Attachment,
        *,
        key: TrustedKey | None = None,
        roots: Sequence[TrustedRoot] | None = None,
        thresholds: Thresholds | None = None,
    ) -> Verified | Finding:
        """See `sigstep.policy.engine.Prover.prove`."""
        if attachment.bundle is None:
            return attachment.finding or Finding(code="no-bundle", what="the attachment is no bundle")
        trust = (key, self._roots if roots is None else tuple(roots))
        asked = (id(attachment), trust, thresholds)
        if asked not in self._answers:  # the attachment is kept too, so that its id stays its own
            self._answers[asked] = (attachment, self._establish(attachment, trust, thresholds))
        return self._answers[asked][1]

    def _establish(self, attachment: Attachment, trust: _Trust, thresholds: Thresholds | None) -> Verified | Finding:
        assert attachment.bundle is not None
        key, roots = trust
        if trust not in self._prepared:
            self._prepared[trust] = prepare(TrustMaterial(roots=roots, keys=(key,) if key else ()))
        try:
            return establish(
                attachment.bundle,
                attachment.subject,
                self._prepared[trust],
                now=self._now,
                thresholds=thresholds,
                original=attachment.original,
            )
        except Refusal as error:
            return Finding.of(error, step="proof", source=attachment.source)
