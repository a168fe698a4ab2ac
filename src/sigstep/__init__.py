"""sigstep: keyless signing, provenance and verification for builds, images and dependencies.

Everything in ``__all__`` is public; each name is imported when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sigstep.errors import NothingToExamine, Refusal, SigstepError, Undecided, UsageError
    from sigstep.flows.image_library import sign_images, verify_images
    from sigstep.flows.library import Incomplete, Refused, attest, sign, verify
    from sigstep.flows.sign import Made
    from sigstep.flows.signing_run import SigningOptions
    from sigstep.flows.trust import TrustRequest
    from sigstep.model.digest import Digest
    from sigstep.model.statement import Predicate
    from sigstep.model.verdict import Finding, Outcome, Report, Verdict
    from sigstep.model.verified import Verified
    from sigstep.policy.matcher import Matcher
    from sigstep.policy.rule import AllOf, AnyOf, any_signer_unsafe
    from sigstep.policy.signer import HasPredicateType, SignedBy, owner, repository, signer_workflow

__all__ = [
    "AllOf",
    "AnyOf",
    "Digest",
    "Finding",
    "HasPredicateType",
    "Incomplete",
    "Made",
    "Matcher",
    "NothingToExamine",
    "Outcome",
    "Predicate",
    "Refusal",
    "Refused",
    "Report",
    "SignedBy",
    "SigningOptions",
    "SigstepError",
    "TrustRequest",
    "Undecided",
    "UsageError",
    "Verdict",
    "Verified",
    "__version__",
    "any_signer_unsafe",
    "attest",
    "owner",
    "repository",
    "sign",
    "sign_images",
    "signer_workflow",
    "verify",
    "verify_images",
]

__version__ = "0.1.0"

_HOMES = {
    "errors": ("NothingToExamine", "Refusal", "SigstepError", "Undecided", "UsageError"),
    "flows.image_library": ("sign_images", "verify_images"),
    "flows.library": ("Incomplete", "Refused", "attest", "sign", "verify"),
    "flows.sign": ("Made",),
    "flows.signing_run": ("SigningOptions",),
    "flows.trust": ("TrustRequest",),
    "model.digest": ("Digest",),
    "model.statement": ("Predicate",),
    "model.verdict": ("Finding", "Outcome", "Report", "Verdict"),
    "model.verified": ("Verified",),
    "policy.matcher": ("Matcher",),
    "policy.rule": ("AllOf", "AnyOf", "any_signer_unsafe"),
    "policy.signer": ("HasPredicateType", "SignedBy", "owner", "repository", "signer_workflow"),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"sigstep.{home}"), name)
    raise AttributeError(f"module 'sigstep' has no attribute {name!r}")
