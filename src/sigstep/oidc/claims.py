"""OIDC tokens: read with bounds, checked before use, and verified where their claims become content (RFC 7519)."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any, Final

from sigstep.errors import FormatError, ServiceError, TokenError
from sigstep.model import limits
from sigstep.model.token import IdentityToken
from sigstep.ports.retry import Budget, retrying
from sigstep.ports.world import World
from sigstep.wire import strict_json

AUDIENCE: Final = "sigstore"
CONTENT_AUDIENCE: Final = "nobody"  # a token that no service takes, whose claims are content
GITHUB_ISSUER: Final = "https://token.actions.githubusercontent.com"
_LEEWAY_SECONDS: Final = 60
_DOCUMENT_BYTES: Final = 1024 * 1024


def read_token(raw: str, *, audience: str, world: World) -> IdentityToken:
    """A token with its claims, decoded and not verified; what Fulcio would refuse is refused here, with the reason.

    Args:
        raw: three base64url parts.
        audience: the audience that it has to be made for.

    Raises:
        TokenError: ``token-malformed``, ``token-audience``, ``token-expired``.
    """
    raw = raw.strip()
    claims = _decode(raw)
    said = claims.get("aud")
    if audience not in (said if isinstance(said, list) else [said]):
        raise TokenError(
            code="token-audience",
            what=f"the OIDC token is not made for the audience {audience}",
            why=f"its audience is {str(said)[:200]!r}",
            fix=f"ask the issuer for a token with the audience {audience}",
        )
    now = world.clock.now().timestamp()
    expires, begins = _time(claims.get("exp")), _time(claims.get("nbf", claims.get("iat", now)))
    if expires is None or begins is None or not isinstance(claims.get("iss"), str):
        raise _malformed("one of iss, exp, nbf and iat is missing or of another kind")
    if expires <= now:
        raise TokenError(
            code="token-expired",
            what="the OIDC token has expired",
            why=f"{now - expires:.0f} s ago",
            fix="get a fresh token just before signing, and check the machine's clock",
        )
    if begins > now + _LEEWAY_SECONDS:
        raise TokenError(
            code="token-expired",
            what="the OIDC token is not valid yet",
            why=f"it becomes valid in {begins - now:.0f} s",
            fix="check the machine's clock",
        )
    return IdentityToken(raw=raw, claims=claims)


def principal(token: IdentityToken) -> str:
    """What the proof of possession is made over (fulcio.proto): a verified e-mail address, else ``sub``.

    Raises:
        TokenError: ``token-malformed``.
    """
    email = token.claims.get("email")
    if isinstance(email, str) and email and token.claims.get("email_verified") in (True, "true"):
        return email
    subject = token.claims.get("sub")
    if not isinstance(subject, str) or not subject:
        raise _malformed("it has no subject")
    return subject


def verify_token(
    token: IdentityToken,
    *,
    audience: str,
    issuers: tuple[str, ...],
    addresses: tuple[str, ...] = (),
    budget: Budget,
    world: World,
) -> IdentityToken:
    """The same token with verified claims (OpenID Connect Discovery 1.0, RFC 7517; RS256 only).

    Args:
        token: as received.
        audience: the audience that it has to be made for.
        issuers: issuers that count; a longer one counts too where only ``/<enterprise>`` follows.
        addresses: where the issuer's discovery document may be, before the issuer itself is asked.

    Raises:
        TokenError: ``token-issuer``, ``token-unverified``.
        ServiceError: the issuer's keys could not be fetched.
    """
    issuer = token.issuer
    if not any(issuer == one or issuer.startswith(f"{one}/") for one in issuers):
        raise TokenError(
            code="token-issuer",
            what="the OIDC token comes from another issuer than expected",
            why=f"{issuer[:200]!r}; expected is {' or '.join(issuers)}",
            fix="take the token from the CI system that runs the build",
        )
    for base in (*addresses, issuer):
        document = _fetch(f"{base.rstrip('/')}/.well-known/openid-configuration", budget, world)
        if document.get("issuer") == issuer and isinstance(document.get("jwks_uri"), str):
            break
    else:
        raise _unverified(f"the discovery document of {base} is of another issuer")
    keys = _fetch(document["jwks_uri"], budget, world)
    return IdentityToken(raw=token.raw, claims=_verified(token.raw, keys, audience, issuer, world), verified=True)


def _verified(raw: str, keys: Mapping[str, Any], audience: str, issuer: str, world: World) -> Mapping[str, Any]:
    import jwt

    try:
        header = jwt.get_unverified_header(raw)
        candidates = [
            key for key in keys.get("keys", ()) if isinstance(key, dict) and key.get("kid") == header.get("kid")
        ]
        if header.get("alg") != "RS256" or len(candidates) != 1 or candidates[0].get("kty") != "RSA":
            raise _unverified("no RSA key of the issuer has the token's key id")
        claims: dict[str, Any] = jwt.decode(
            raw,
            jwt.PyJWK(candidates[0], algorithm="RS256").key,
            algorithms=["RS256"],
            audience=audience,
            issuer=issuer,
            options={
                "require": ["exp", "iat", "iss", "aud"],
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
            },
        )
    except (jwt.PyJWTError, TypeError, ValueError) as error:
        raise _unverified(type(error).__name__) from None
    if claims["exp"] + _LEEWAY_SECONDS <= world.clock.now().timestamp():
        raise _unverified("it has expired")
    return claims


def _fetch(url: str, budget: Budget, world: World) -> Mapping[str, Any]:
    def once() -> Mapping[str, Any]:
        answer = world.http.request("GET", url, at_most=_DOCUMENT_BYTES, headers={"Accept": "application/json"})
        if answer.status != 200:
            raise ServiceError(
                code="service-failed",
                what=f"the OIDC issuer answered {url} with status {answer.status}",
                fix="try again later",
                retryable=answer.status >= 500 or answer.status == 429,
                status=answer.status,
            )
        try:
            value = strict_json.loads(answer.body, at_most=_DOCUMENT_BYTES, name="answer of the OIDC issuer")
        except FormatError as error:
            raise _unverified(error.why) from None
        if not isinstance(value, dict):
            raise _unverified(f"{url} is not a JSON object")
        return value

    return retrying(once, service=f"the OIDC issuer at {url}", budget=budget, world=world)


def _decode(raw: str) -> Mapping[str, Any]:
    if len(raw) > limits.TOKEN_BYTES:
        raise _malformed(f"it is longer than {limits.TOKEN_BYTES} bytes")
    parts = raw.split(".")
    if len(parts) != 3 or not all(parts):
        raise _malformed("it does not have three parts")
    try:
        payload = base64.b64decode(parts[1] + "=" * (-len(parts[1]) % 4), altchars=b"-_", validate=True)
        claims = strict_json.loads(payload, at_most=limits.TOKEN_BYTES, name="token")
    except (FormatError, ValueError, binascii.Error, json.JSONDecodeError):
        raise _malformed("its claims are not base64url of JSON") from None
    if not isinstance(claims, dict):
        raise _malformed("its claims are not a JSON object")
    return claims


def _time(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _malformed(why: str) -> TokenError:
    return TokenError(
        code="token-malformed", what="this is not an OIDC token", why=why, fix="hand over the token itself (a JWT)"
    )


def _unverified(why: str) -> TokenError:
    return TokenError(
        code="token-unverified",
        what="the claims of the OIDC token are not proved",
        why=why,
        fix="check the address of the issuer; a token that is not verified is never used as content",
    )
