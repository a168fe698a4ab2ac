"""Trust material made ready: keys and certificates parsed once, and each authority's own chain checked once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from sigstep.errors import SigstepError
from sigstep.model.trust import Authority, Log, TrustedRoot, TrustMaterial, Validity
from sigstep.proofs.authority import AuthorityChain, certificate_chain, timestamp_chain
from sigstep.proofs.keys import PublicKey, load_key


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedLog:
    """A log with its key, and every window in which that key counts: a trusted root may list a key several times."""

    log: Log
    key: PublicKey
    windows: tuple[Validity, ...]

    def valid_at(self, time: datetime) -> bool:
        """Whether the key counts at a time (aware, UTC)."""
        return any(one.contains(time) for one in self.windows)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedRoot:
    """One trusted root. Entries whose key or chain is not acceptable are left out, as the specification demands.

    ``newest`` is the latest start of any window in it: what was made later may be unknown to this root.
    """

    root: TrustedRoot
    logs: tuple[PreparedLog, ...]
    ct_logs: tuple[PreparedLog, ...]
    certificate_authorities: tuple[AuthorityChain, ...]
    timestamp_authorities: tuple[AuthorityChain, ...]
    newest: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedTrust:
    """All trust material of one run."""

    material: TrustMaterial
    roots: tuple[PreparedRoot, ...]


def prepare(material: TrustMaterial) -> PreparedTrust:
    """Parse and check trust material once, for any number of bundles."""
    return PreparedTrust(material=material, roots=tuple(_root(root) for root in material.roots))


def _root(root: TrustedRoot) -> PreparedRoot:
    logs = [one.validity for one in (*root.logs, *root.ct_logs)]
    authorities = [one.validity for one in (*root.certificate_authorities, *root.timestamp_authorities)]
    starts = [validity.start for validity in (*logs, *authorities) if validity.start is not None]
    return PreparedRoot(
        root=root,
        logs=_logs(root.logs),
        ct_logs=_logs(root.ct_logs),
        certificate_authorities=_issuers(root.certificate_authorities),
        timestamp_authorities=_stampers(root.timestamp_authorities),
        newest=max(starts, default=None),
    )


def _logs(logs: tuple[Log, ...]) -> tuple[PreparedLog, ...]:
    prepared: dict[tuple[bytes, bytes], PreparedLog] = {}
    for log in logs:
        try:
            key = load_key(log.key)
        except SigstepError:
            continue  # keys of kinds we do not know are skipped, not fatal (client specification)
        same = prepared.get((log.log_id, log.key))
        windows = (*(same.windows if same else ()), log.validity)
        prepared[log.log_id, log.key] = PreparedLog(log=log, key=key, windows=windows)
    return tuple(prepared.values())


def _issuers(authorities: tuple[Authority, ...]) -> tuple[AuthorityChain, ...]:
    """Every certificate of an authority that may issue leaves, with its chain: GitHub's release certificates are
    issued by the upper intermediate of the chain, not by the lower one.
    """
    chains = []
    for authority in authorities:
        for depth in range(len(authority.certificates)):
            try:
                chains.append(certificate_chain(authority, _certificates(authority)[depth:]))
            except (SigstepError, ValueError):
                continue  # one unusable authority does not take the others away
    return tuple(chains)


def _stampers(authorities: tuple[Authority, ...]) -> tuple[AuthorityChain, ...]:
    chains = []
    for authority in authorities:
        try:
            chains.append(timestamp_chain(authority, _certificates(authority)))
        except (SigstepError, ValueError):
            continue  # as above
    return tuple(chains)


def _certificates(authority: Authority) -> tuple[x509.Certificate, ...]:
    return tuple(x509.load_der_x509_certificate(one) for one in authority.certificates)
