"""OIDC tokens: reading, verifying, where they come from, and why there is none."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import jwt
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from tests import worlds

from sigstep.errors import ServiceError, TokenError
from sigstep.model.token import IdentityToken
from sigstep.oidc.ambient import AmbientCredential
from sigstep.oidc.claims import GITHUB_ISSUER, principal, read_token, verify_token
from sigstep.oidc.github import GitHubActions
from sigstep.oidc.given import TokenFile, TokenVariable
from sigstep.oidc.missing import missing_token
from sigstep.ports.http import Response
from sigstep.ports.retry import Budget
from sigstep.rendering.text import error_text

NOW = int(worlds.NOW.timestamp())
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
URL = "https://runner.example/token?api-version=2.0"


def token(audience: str = "sigstore", kid: str = "one", **changes: Any) -> str:
    claims = {
        "iss": GITHUB_ISSUER,
        "aud": audience,
        "sub": "repo:o/r",
        "iat": NOW,
        "nbf": NOW,
        "exp": NOW + 300,
    } | changes
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, KEY, algorithm="RS256", headers={"kid": kid})


def raw_token(payload: bytes) -> str:
    return f"e30.{base64.urlsafe_b64encode(payload).decode().rstrip('=')}.c2ln"


def test_a_token_is_read_and_does_not_print() -> None:
    """Design, rules: a token's repr is its issuer and audience."""
    raw = token(aud=["sigstore", "other"])
    read = read_token(f"{raw}\n", audience="sigstore", world=worlds.world())
    assert read.raw == raw
    assert raw not in f"{read} {read!r}"
    assert principal(read) == "repo:o/r"


def test_a_verified_address_is_the_principal() -> None:
    """fulcio.proto: the proof of possession is made over it."""
    mail: dict[str, Any] = {"email": "a@b.example", "email_verified": True}
    assert principal(read_token(token(**mail), audience="sigstore", world=worlds.world())) == "a@b.example"
    mail["email_verified"] = False
    assert principal(read_token(token(**mail), audience="sigstore", world=worlds.world())) == "repo:o/r"
    with pytest.raises(TokenError) as caught:
        principal(read_token(token(sub=None), audience="sigstore", world=worlds.world()))
    assert caught.value.code == "token-malformed"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("a.b", "token-malformed"),
        ("a..c", "token-malformed"),
        ("a.!.c", "token-malformed"),
        ("x" * 70_000, "token-malformed"),
        (raw_token(b"[]"), "token-malformed"),
        (raw_token(b'{"aud":"sigstore","aud":"x"}'), "token-malformed"),
        (raw_token(b'{"aud":"sigstore","iss":"i","iat":1}'), "token-malformed"),
        (raw_token(b'{"aud":"sigstore","iss":"i","exp":true,"iat":1}'), "token-malformed"),
        (token("other"), "token-audience"),
        (token(exp=NOW - 1), "token-expired"),
        (token(nbf=NOW + 600), "token-expired"),
    ],
)
def test_what_fulcio_would_refuse_is_refused_here(raw: str, code: str) -> None:
    """Issue 2, bad input: wrong audience, expired token."""
    with pytest.raises(TokenError) as caught:
        read_token(raw, audience="sigstore", world=worlds.world())
    assert caught.value.code == code
    assert raw not in f"{caught.value.what} {caught.value.why} {caught.value.fix}"


def issuer(document: dict[str, Any] | None = None, keys: dict[str, Any] | None = None) -> worlds.Answering:
    public = json.loads(RSAAlgorithm.to_jwk(KEY.public_key())) | {"kid": "one"}
    said = {"issuer": GITHUB_ISSUER, "jwks_uri": "https://keys.example/jwks"} if document is None else document

    def answering(sent: worlds.Sent) -> Response:
        if sent.url.endswith("/.well-known/openid-configuration"):
            return worlds.answer(200, json.dumps(said).encode())
        return worlds.answer(200, json.dumps({"keys": [public]} if keys is None else keys).encode())

    return answering


def verified(raw: str, answering: worlds.Answering, address: str = "") -> IdentityToken:
    world = worlds.world(answering)
    claims = json.loads(base64.urlsafe_b64decode(raw.split(".")[1] + "=="))
    return verify_token(
        IdentityToken(raw=raw, claims=claims),
        audience="nobody",
        issuers=(GITHUB_ISSUER,),
        addresses=(address,) if address else (),
        budget=Budget.starting_now(5, world),
        world=world,
    )


def test_claims_that_become_content_are_verified() -> None:
    """Discovery and JWKS, at the issuer or at a mapped address."""
    found = verified(token("nobody"), issuer(), address="http://127.0.0.1:1")
    assert found.verified
    assert found.claims["sub"] == "repo:o/r"


@pytest.mark.parametrize(
    ("raw", "answering", "code"),
    [
        (token("nobody", iss="https://evil.example"), issuer(), "token-issuer"),
        (token("nobody", iss=f"{GITHUB_ISSUER}.evil.example"), issuer(), "token-issuer"),
        (
            token("nobody"),
            issuer({"issuer": "https://other.example", "jwks_uri": "https://k.example"}),
            "token-unverified",
        ),
        (token("nobody"), issuer({"issuer": GITHUB_ISSUER}), "token-unverified"),
        (token("nobody"), issuer(keys={"keys": []}), "token-unverified"),
        (
            token("nobody"),
            issuer(keys={"keys": [{"kid": "one", "kty": "RSA", "n": "AQ", "e": "AQ"}]}),
            "token-unverified",
        ),
        (token("nobody", kid="two"), issuer(), "token-unverified"),
        (token("sigstore"), issuer(), "token-unverified"),
        (token("nobody", exp=NOW - 100), issuer(), "token-unverified"),
        (token("nobody")[:-8] + "AAAAAAAA", issuer(), "token-unverified"),
        (token("nobody"), lambda sent: worlds.answer(200, b"<html>"), "token-unverified"),
        (token("nobody"), lambda sent: worlds.answer(200, b"[]"), "token-unverified"),
    ],
)
def test_claims_that_are_not_proved_are_not_used(raw: str, answering: worlds.Answering, code: str) -> None:
    """One change from the accepted token each."""
    with pytest.raises(TokenError) as caught:
        verified(raw, answering)
    assert caught.value.code == code


def test_an_issuer_that_is_down_is_said() -> None:
    """The keys could not be fetched: no verdict on the token."""
    with pytest.raises(ServiceError) as caught:
        verified(token("nobody"), lambda sent: worlds.answer(503))
    assert caught.value.code == "service-unavailable"


def runner(answering: worlds.Answering) -> Any:
    environ = {"ACTIONS_ID_TOKEN_REQUEST_URL": URL, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "bearer-secret"}
    return worlds.world(answering, environ=environ)


def test_the_runner_is_asked_with_its_own_query_kept() -> None:
    """The address has a query already; the bearer goes to it alone."""
    world = runner(worlds.in_turn([worlds.answer(502), worlds.answer(200, json.dumps({"value": token()}).encode())]))
    found = GitHubActions().obtain("sigstore", world)
    assert found is not None
    sent = world.http.sent[-1]
    assert sent.url == f"{URL}&audience=sigstore"
    assert sent.headers["Authorization"] == "Bearer bearer-secret"
    assert len(world.http.sent) == 2


@pytest.mark.parametrize(
    "answered",
    [worlds.answer(401), worlds.answer(200, b"<html>"), worlds.answer(200, b"{}"), worlds.answer(200, b"[]")],
)
def test_a_runner_that_gives_none_is_said(answered: Response) -> None:
    """4xx and garbage."""
    with pytest.raises(TokenError) as caught:
        GitHubActions().obtain("sigstore", runner(worlds.in_turn([answered])))
    assert caught.value.code == "token-request-refused"
    assert "bearer-secret" not in str(caught.value)


def test_a_runner_that_never_answers_ends_the_wait() -> None:
    """Every wait is bounded."""
    world = runner(worlds.no_network)
    with pytest.raises(ServiceError) as caught:
        GitHubActions(retry_seconds=60).obtain("sigstore", world)
    assert caught.value.code == "service-unavailable"
    assert world.clock.monotonic() <= 61


def test_tokens_that_are_handed_over(tmp_path: Path) -> None:
    """A file, or a variable that is named; none is read unasked."""
    path = tmp_path / "token"
    path.write_text(token())
    world = worlds.world(environ={"MY_TOKEN": token()})
    assert TokenFile(path=path).obtain("sigstore", world) is not None
    assert TokenVariable(variable="MY_TOKEN").obtain("sigstore", world) is not None
    with pytest.raises(TokenError) as missing:
        TokenFile(path=tmp_path / "none").obtain("sigstore", world)
    with pytest.raises(TokenError) as empty:
        TokenVariable(variable="OTHER").obtain("sigstore", world)
    assert (missing.value.code, empty.value.code) == ("token-file-unreadable", "token-variable-empty")


def test_github_is_not_left_to_the_library() -> None:
    """Our own bounded client speaks there; the other systems are in `tests/flows/test_other_ci.py`."""
    assert AmbientCredential().obtain("sigstore", worlds.world(environ={"GITHUB_ACTIONS": "true"})) is None


@pytest.mark.parametrize(
    ("environ", "event", "code", "pasted"),
    [
        ({"GITHUB_ACTIONS": "true", "GITHUB_ACTOR": "dependabot[bot]"}, None, "token-dependabot", "branches: [main]"),
        ({"GITHUB_ACTIONS": "true"}, ("fork/r", "o/r"), "token-fork", "if: github.event"),
        ({"GITHUB_ACTIONS": "true"}, (None, "o/r"), "token-fork", "if: github.event"),
        ({"GITHUB_ACTIONS": "true"}, ("o/r", "o/r"), "token-permission", "id-token: write"),
        ({"GITHUB_ACTIONS": "true"}, None, "token-permission", "id-token: write"),
        ({"GITLAB_CI": "true"}, None, "token-permission", "aud: sigstore"),
        ({"BUILDKITE": "true"}, None, "token-permission", "steps:"),
        ({"CIRCLECI": "true"}, None, "token-permission", "context:"),
        ({}, None, "token-none", "--token-file"),
    ],
)
def test_a_missing_token_is_explained(
    tmp_path: Path, environ: dict[str, str], event: tuple[str | None, str] | None, code: str, pasted: str
) -> None:
    """Fork pull request, Dependabot, missing permission, not in CI: each its own message with what to paste."""
    path = tmp_path / "event.json"
    if event is not None:
        head, base = ({"repo": {"full_name": name} if name else None} for name in event)
        path.write_text(json.dumps({"pull_request": {"head": head, "base": base}}))
    error = missing_token(worlds.world(environ={"GITHUB_EVENT_PATH": str(path), **environ}))
    assert error.code == code
    assert pasted in (error.paste or error.fix)
    assert isinstance(yaml.safe_load(error.paste or "a: 1"), dict)
    assert error.paste.splitlines() == [line.strip() and line[4:] for line in error_text(error).splitlines()[3:]]
