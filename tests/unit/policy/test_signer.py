"""Rules about who signed."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest
from tests.unit.refusals import code_of

from sigstep.model.bundle import Bundle, BundleVersion, MessageSignature, PublicKeyMaterial
from sigstep.model.digest import Digest
from sigstep.model.identity import Identity, NameKind
from sigstep.model.statement import STATEMENT_V1, Statement
from sigstep.model.subject import Subject
from sigstep.model.verified import Verified
from sigstep.policy.matcher import Matcher
from sigstep.policy.rule import AllOf, AnyOf, any_signer_unsafe
from sigstep.policy.signer import (
    GITHUB_ISSUER,
    HasPredicateType,
    SignedBy,
    SignedByKey,
    owner,
    repository,
    signer_workflow,
)

WORKFLOW = "https://github.com/Acme/app/.github/workflows/release.yml@refs/heads/main"
EXTENSIONS = {
    "source-repository": "https://github.com/Acme/app",
    "source-repository-owner": "https://github.com/Acme",
    "runner-environment": "github-hosted",
}


def proof(
    *,
    subject: str = WORKFLOW,
    issuer: str | None = GITHUB_ISSUER,
    extensions: Mapping[str, str] | None = None,
    key: bool = False,
) -> Verified:
    """A proof by that signer; what was proved about it does not matter to these rules."""
    bundle = Bundle(
        version=BundleVersion.V0_3,
        material=PublicKeyMaterial(hint=""),
        entries=(),
        timestamps=(),
        content=MessageSignature(digest=None, signature=b""),
    )
    identity = Identity(
        kind=NameKind.URI, subject=subject, issuer=issuer, extensions=MappingProxyType(dict(extensions or EXTENSIONS))
    )
    statement = Statement(type=STATEMENT_V1, subjects=(), predicate_type="https://slsa.dev/provenance/v1", predicate={})
    return Verified(
        subject=Subject(name="a", digests=(Digest.of(b""),)),
        identity=None if key else identity,
        key_id="00" if key else None,
        certificate=None,
        statement=statement,
        entries=(),
        times=(),
        sct_logs=(),
        root="test",
        bundle=bundle,
    )


def refused(rule: Any, verified: Verified) -> str | None:
    """The code of the finding, or None."""
    finding = rule.judge(verified)
    return finding.code if finding else None


def test_exact_identities() -> None:
    """Issuer and subject, both."""
    rule = SignedBy(subject=Matcher(WORKFLOW), issuer=Matcher(GITHUB_ISSUER))
    assert refused(rule, proof()) is None
    assert refused(rule, proof(subject=WORKFLOW + "x")) == "identity-mismatch"
    assert refused(rule, proof(issuer="https://other.example")) == "identity-mismatch"
    assert refused(rule, proof(issuer=None)) == "identity-mismatch"
    assert refused(rule, proof(key=True)) == "identity-mismatch"


def test_the_nearest_identity_is_told() -> None:
    """A maintainer sees what to ask for."""
    finding = SignedBy(subject=Matcher("https://other.example"), issuer=Matcher(GITHUB_ISSUER)).judge(proof())
    assert finding is not None
    assert WORKFLOW in finding.fix


@pytest.mark.parametrize(
    ("pattern", "kind", "value", "matches"),
    [
        ("https://github.com/org/*", "glob", "https://github.com/org/repo", True),
        ("https://github.com/org/*", "glob", "https://github.com/org/repo/x", False),
        ("https://github.com/org/**", "glob", "https://github.com/org/repo/x", True),
        ("https://github.com/org/**", "glob", "https://github.com/org-evil/repo", False),
        ("https://github.com/org", "regex", "https://github.com/org-evil", False),
        ("https://github.com/org.*", "regex", "https://github.com/org-evil", True),
        ("a.c", "glob", "abc", False),
        ("a|b", "regex", "ab", False),
        ("a", "regex", "a\n", False),
    ],
)
def test_patterns_are_anchored(pattern: str, kind: Any, value: str, matches: bool) -> None:
    """A prefix is never enough."""
    assert Matcher(pattern, kind).matches(value) is matches


def test_patterns_that_are_none() -> None:
    """Empty ones, and ones RE2 does not read (back references take exponential time elsewhere)."""
    assert code_of(lambda: Matcher("")) == "matcher-empty"
    assert code_of(lambda: Matcher("x" * 5000)) == "matcher-empty"
    assert code_of(lambda: Matcher("(", "regex")) == "matcher-malformed"
    assert code_of(lambda: Matcher(r"(a)\1", "regex")) == "matcher-malformed"


def test_somebody_has_to_be_named() -> None:
    """An issuer alone is everybody; a misspelled extension is nobody."""
    assert code_of(lambda: SignedBy(issuer=Matcher(GITHUB_ISSUER))) == "identity-missing"
    assert code_of(lambda: SignedBy(extensions=(("sourcerepo", Matcher("x")),))) == "extension-unknown"


def test_repositories_do_not_mind_case() -> None:
    """GitHub's names are case-insensitive; nothing else about them is loose."""
    assert refused(repository("acme/APP"), proof()) is None
    assert refused(repository("acme/ap"), proof()) == "identity-mismatch"
    assert refused(owner("acme"), proof()) is None
    assert refused(owner("acm"), proof()) == "identity-mismatch"
    assert refused(repository("acme/app"), proof(extensions={"build-trigger": "push"})) == "identity-mismatch"
    for said, wanted in (("acme/\u212ait", "acme/kit"), ("acme/kit", "acme/\u212ait"), ("acme/kit", "acme/k\u0131t")):
        made = proof(extensions={"source-repository": f"https://github.com/{said}"})
        assert refused(repository(wanted), made) == "identity-mismatch", "only letters of ASCII have one case"
    for slug in ("acme", "acme/", "/app", "a/b/c"):
        assert code_of(lambda s=slug: repository(s)) == "repository-malformed"  # type: ignore[misc]


def test_signer_workflows() -> None:
    """With and without a ref."""
    path = "Acme/app/.github/workflows/release.yml"
    assert refused(signer_workflow(path), proof()) is None
    assert refused(signer_workflow(f"{path}@refs/heads/main"), proof()) is None
    assert refused(signer_workflow(f"{path}@refs/heads/other"), proof()) == "identity-mismatch"
    assert refused(signer_workflow("Acme/app/.github/workflows/rel"), proof()) == "identity-mismatch"


def test_keys_and_kinds() -> None:
    """A key's signature is none of an identity, and the other way round."""
    assert refused(SignedByKey(), proof(key=True)) is None
    assert refused(SignedByKey(), proof()) == "identity-mismatch"
    assert refused(HasPredicateType(types=("https://slsa.dev/provenance/v1",)), proof()) is None
    assert refused(HasPredicateType(types=("https://slsa.dev/provenance/v1.0",)), proof()) == "predicate-type"


def test_nothing_passes_because_there_was_nothing() -> None:
    """Empty policies refuse; danger is spelled out."""
    assert refused(AllOf(()), proof()) == "policy-empty"
    assert refused(AnyOf(()), proof()) == "policy-empty"
    assert refused(any_signer_unsafe(reason="a test"), proof()) is None
    both = (repository("other/app"), repository("acme/app"))
    assert refused(AnyOf(both), proof()) is None
    assert refused(AllOf(both), proof()) == "identity-mismatch"
    assert refused(AnyOf(both[:1]), proof()) == "identity-mismatch"
