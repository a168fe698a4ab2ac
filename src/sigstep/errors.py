"""Every exception sigstep raises.

    SigstepError
    ├── Refusal            exit 1: something was examined and does not hold
    │   ├── FormatError        bytes that are not what they claim to be (raised by ``wire``)
    │   ├── ProofError         a cryptographic check failed (raised by ``proofs`` and ``verification``)
    │   └── PolicyRefusal      proved, but not what the policy asks for
    ├── UsageError         exit 2: the request itself is wrong
    ├── NothingToExamine   exit 3: the request names nothing
    └── Undecided          exit 4: could not decide
        ├── TrustError         trust root, TUF repository, signing config
        ├── TokenError         no usable OIDC token
        └── ServiceError       a service or the network

Each carries a ``code`` from the closed set of ``docs/reference/codes.md``, what happened, why, and how to fix it.
"""

from __future__ import annotations

from typing import ClassVar


class SigstepError(Exception):
    """Base of every error; never raised itself.

    Args:
        code: a member of the closed set of codes, ``kebab-case``.
        what: what happened, one sentence, without a final full stop.
        why: the cause as far as it is known.
        fix: what the reader can do about it.
        paste: lines of configuration to copy, ours alone: it is shown as it stands.
    """

    exit_code: ClassVar[int] = 4

    def __init__(self, *, code: str, what: str, why: str = "", fix: str = "", paste: str = "") -> None:
        super().__init__(f"{what}: {why}" if why else what)
        self.code = code
        self.what = what
        self.why = why
        self.fix = fix
        self.paste = paste


class Refusal(SigstepError):
    """Something was examined and does not hold."""

    exit_code: ClassVar[int] = 1


class FormatError(Refusal):
    """Bytes that are not what they claim to be."""


class ProofError(Refusal):
    """A cryptographic check failed."""


class PolicyRefusal(Refusal):
    """Proved, but not what the policy asks for."""


class UsageError(SigstepError):
    """The request itself is wrong."""

    exit_code: ClassVar[int] = 2


class NothingToExamine(SigstepError):
    """The request names nothing."""

    exit_code: ClassVar[int] = 3


class Undecided(SigstepError):
    """A question could not be decided: neither accepted nor refused."""

    exit_code: ClassVar[int] = 4


class TrustError(Undecided):
    """A trust root, TUF repository or signing config cannot be used."""


class TokenError(Undecided):
    """No usable OIDC token."""


class ServiceError(Undecided):
    """A service answered with an error, or the network did not carry the request.

    Args:
        retryable: another try of the same request may succeed.
        status: the HTTP status, where there was one.
        retry_after: seconds to wait that the service asked for (RFC 9110, 10.2.3), where it did.
    """

    def __init__(
        self,
        *,
        code: str,
        what: str,
        why: str = "",
        fix: str = "",
        paste: str = "",
        retryable: bool = False,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(code=code, what=what, why=why, fix=fix, paste=paste)
        self.retryable = retryable
        self.status = status
        self.retry_after = retry_after
