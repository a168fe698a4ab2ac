"""What signing and attesting begin with: token, instance, guard, services, and a batch."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from sigstep.errors import UsageError
from sigstep.flows.trust import SigningTrust, TrustRequest, load_signing
from sigstep.model.digest import Algorithm
from sigstep.model.token import IdentityToken
from sigstep.model.trust import TrustedKey, TrustMaterial
from sigstep.oidc.claims import AUDIENCE, CONTENT_AUDIENCE, GITHUB_ISSUER, verify_token
from sigstep.oidc.missing import github_event, missing_token
from sigstep.ports.families import TokenSource
from sigstep.ports.retry import DEFAULT_BUDGET_SECONDS, Budget
from sigstep.ports.world import World
from sigstep.proofs.prepared import prepare
from sigstep.services.selection import Selected, select
from sigstep.signing.batch import Batch
from sigstep.signing.credential import Credential, CredentialSource, certify
from sigstep.signing.keys import SigningKey
from sigstep.trust.tenants import is_tenant

_TOKEN_MARGIN_SECONDS: Final = 15  # a token with less left may be too old when it arrives


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningOptions:
    """How to sign, whatever is signed.

    Attributes:
        trust: the instance; without one the repository's visibility decides (GitHub Actions).
        sources: where a token may come from, in order; none for a managed key.
        key: a managed key instead of a certificate.
        algorithm: of the ephemeral key.
        csr: ask for the certificate by a certificate signing request.
        retry_seconds: how long the run may spend on trying again.
        defer_logging: make a pending bundle while the log is out.
        allow_public_log: write about a private repository to a log that everybody can read.
    """

    trust: TrustRequest = field(default_factory=TrustRequest)
    sources: tuple[TokenSource, ...] = ()
    key: SigningKey | None = None
    algorithm: str = "ecdsa-p256"
    csr: bool = False
    retry_seconds: float = DEFAULT_BUDGET_SECONDS
    defer_logging: bool = False
    allow_public_log: bool = False

    @property
    def digests(self) -> tuple[Algorithm, ...]:
        """Digests that the files need: sha256 for people and statements, and the one that the key signs."""
        more = {"ecdsa-p384": Algorithm.SHA384, "ecdsa-p521": Algorithm.SHA512}.get(self.algorithm)
        if self.key is not None:
            more = self.key.algorithm
        return (Algorithm.SHA256,) if more in (None, Algorithm.SHA256) else (Algorithm.SHA256, more)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run: its batch, its instance and its first token (None with a managed key)."""

    batch: Batch
    trust: SigningTrust
    token: IdentityToken | None
    selected: Selected


def open_run(options: SigningOptions, world: World) -> Run:
    """Obtain a token, choose the instance, guard private names, select services.

    Raises:
        TokenError: there is no token; why, and what to paste.
        UsageError: ``private-repository``, ``signing-instance``.
        TrustError: the instance cannot be used.
    """
    budget = Budget.starting_now(options.retry_seconds, world)
    token = None if options.key is not None else obtain(options.sources, AUDIENCE, world)
    visibility = visibility_of(token, world)
    trust = load_signing(with_instance(options.trust, visibility, world), world)
    if trust.writes_publicly and visibility not in ("public", "") and not options.allow_public_log:
        raise UsageError(
            code="private-repository",
            what="this run would write about a private repository to a log that everybody can read",
            why=f"the repository's visibility is {visibility}, and the log keeps names and digests for ever",
            fix="use --instance github, or write --allow-public-log if that is wanted",
        )
    selected = select(trust.services, world.clock.now())
    keys = (TrustedKey(key=options.key.spki),) if options.key is not None else ()
    material = prepare(TrustMaterial(roots=(trust.root,), keys=keys))
    first = [token]

    def mint() -> Credential:
        if options.key is not None:
            return Credential(key=options.key)

        def valid_token() -> IdentityToken:
            kept = first[0]
            if kept is None or kept.claims["exp"] - _TOKEN_MARGIN_SECONDS <= world.clock.now().timestamp():
                first[0] = kept = obtain(options.sources, AUDIENCE, world)
            return kept

        return certify(
            selected.certificate_authority,
            valid_token,
            material,
            algorithm=options.algorithm,
            csr=options.csr,
            budget=budget,
            world=world,
        )

    batch = Batch(
        credentials=CredentialSource(mint, world),
        selected=selected,
        trust=material,
        budget=budget,
        defer=options.defer_logging,
    )
    return Run(batch=batch, trust=trust, token=token, selected=selected)


def obtain(sources: tuple[TokenSource, ...], audience: str, world: World) -> IdentityToken:
    """The first token that a source gives.

    Raises:
        TokenError: none gives one, with the reason.
    """
    for source in sources:
        token = source.obtain(audience, world)
        if token is not None:
            return token
    raise missing_token(world)


def content_claims(options: SigningOptions, run: Run, world: World) -> IdentityToken:
    """A token of GitHub's issuer whose claims are verified and may become content; no service takes it.

    Raises:
        TokenError: ``token-unverified``, ``token-issuer``, or there is none.
        ServiceError: the issuer's keys cannot be fetched.
    """
    token = obtain(options.sources, CONTENT_AUDIENCE, world)
    mapped = tuple(one.url for one in run.trust.services.issuers[:1]) if run.trust.custom else ()
    return verify_token(
        token,
        audience=CONTENT_AUDIENCE,
        issuers=issuers_of(world),
        addresses=mapped,
        budget=run.batch.budget,
        world=world,
    )


def issuers_of(world: World) -> tuple[str, ...]:
    """GitHub's issuer, or the one of the tenant that runs the job."""
    host = _server(world)
    return (f"https://token.actions.{host}",) if is_tenant(host) else (GITHUB_ISSUER,)


def with_instance(request: TrustRequest, visibility: str, world: World) -> TrustRequest:
    """The request with the instance that server and visibility decide, where the user named none.

    A tenant of ``ghe.com`` has its own instance; on github.com public repositories have the public one, others
    GitHub's. Elsewhere only public projects have one that is known.

    Raises:
        UsageError: ``signing-instance``: GitHub Enterprise Server, or a private project of another forge.
    """
    if request.instances or request.trusted_roots or request.trust_config:
        return request
    host, in_github = _server(world), world.environ.get("GITHUB_ACTIONS") == "true"
    if is_tenant(host):
        return replace(request, instances=(host,))
    if in_github and host != "github.com":
        raise _no_instance(f"{host} is a GitHub Enterprise Server, and none belongs to it")
    if not visibility:
        return request
    if visibility != "public" and not in_github:
        raise _no_instance(f"the project is {visibility}, and only GitHub has an instance for such projects")
    return replace(request, instances=("public-good" if visibility == "public" else "github",))


def _server(world: World) -> str:
    """The host of the GitHub server that runs the job."""
    return world.environ.get("GITHUB_SERVER_URL", "https://github.com").partition("://")[2].rstrip("/").lower()


def _no_instance(why: str) -> UsageError:
    return UsageError(
        code="signing-instance",
        what="no Sigstore instance is known for this job",
        why=why,
        fix="give --trust-config FILE with the instance that you run (sigstep trust create makes one), "
        "or --instance public-good with --allow-public-log",
    )


def visibility_of(token: IdentityToken | None, world: World) -> str:
    """The repository's visibility: ``public``, another word, or empty where nothing says it."""
    claims = token.claims if token is not None else {}
    for name in ("repository_visibility", "project_visibility"):
        if isinstance(claims.get(name), str):
            return str(claims[name])
    repository = github_event(world).get("repository")
    if isinstance(repository, dict) and isinstance(repository.get("visibility"), str):
        return str(repository["visibility"])
    return world.environ.get("CI_PROJECT_VISIBILITY", "")
