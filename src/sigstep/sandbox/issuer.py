"""The OIDC issuer: discovery, JWKS, the runner's token request, and the check of tokens that Fulcio makes."""

from __future__ import annotations

import base64
import secrets
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from sigstep.ports.world import Clock
from sigstep.sandbox.claims import EMAIL_ISSUER, GITHUB_ISSUER, github_claims
from sigstep.sandbox.exchange import Refused, Reply, Request, json_reply
from sigstep.sandbox.other_ci import CLAIMS

AUDIENCE: Final = "sigstore"
TOKEN_SECONDS: Final = 300
_SKEW_SECONDS: Final = 5


class Issuer:
    """Signs tokens under GitHub's true issuer name; who asks must find the keys at ``base_url`` instead.

    The address is the only member of ``oidcUrls`` in the sandbox's signing config: a client that checks a token's
    signature fetches ``{oidcUrl}/.well-known/openid-configuration`` there, under this trust configuration alone.
    """

    def __init__(self, clock: Clock) -> None:
        self.base_url = ""
        self.claims: dict[str, str] = github_claims()
        self.request_token = secrets.token_urlsafe(24)
        self._clock = clock
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._wrong: rsa.RSAPrivateKey | None = None

    def token(
        self,
        audience: str = AUDIENCE,
        *,
        lifetime: int = TOKEN_SECONDS,
        issuer: str = "",
        spoiled: bool = False,
        **claims: Any,
    ) -> str:
        """A signed token.

        Args:
            audience: its ``aud``.
            lifetime: seconds until it expires; a negative number makes an expired one.
            issuer: another issuer name than GitHub's, with its own kind of claims where it is GitLab's or Buildkite's;
                tokens with an ``email`` claim are a person's.
            spoiled: sign with a key that is not in the JWKS.
            claims: replace those of `claims`.
        """
        now = int(self._clock.now().timestamp())
        if "email" in claims:
            own: dict[str, Any] = {"sub": claims["email"], "email_verified": True, **claims}
            name = issuer or EMAIL_ISSUER
        elif issuer in CLAIMS:
            own, name = dict(CLAIMS[issuer](**claims)), issuer
        else:
            own = self._changed(claims)
            name = issuer or GITHUB_ISSUER
        times = {"iat": now, "nbf": now - _SKEW_SECONDS, "exp": now + lifetime}
        return jwt.encode(
            {**own, "iss": name, "aud": audience, "jti": secrets.token_hex(16), **times},
            self._other_key() if spoiled else self._key,
            algorithm="RS256",
            headers={"kid": "sandbox"},
        )

    def check(self, token: str) -> dict[str, Any]:
        """The claims of a token that is good for Fulcio.

        Raises:
            Refused: signature, audience, issuer or time do not hold.
        """
        options: Any = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}
        try:
            claims: dict[str, Any] = jwt.decode(
                token, self._key.public_key(), algorithms=["RS256"], audience=AUDIENCE, options=options
            )
        except jwt.InvalidTokenError as error:
            raise Refused(400, f"There was an error processing the identity token: {error}") from None
        now = self._clock.now().timestamp()
        if not claims.get("nbf", 0) - _SKEW_SECONDS <= now <= claims.get("exp", 0):
            raise Refused(400, "There was an error processing the identity token: it is not valid now")
        if claims.get("iss") not in (GITHUB_ISSUER, EMAIL_ISSUER, *CLAIMS):
            raise Refused(400, "There was an error processing the identity token: its issuer is unknown")
        return claims

    def handle(self, request: Request) -> Reply:
        """Discovery, JWKS and the token request.

        Raises:
            Refused: no such address, or the request token is wrong.
        """
        if request.path == "/.well-known/openid-configuration":
            return json_reply(
                {
                    "issuer": GITHUB_ISSUER,
                    "jwks_uri": f"{self.base_url}/.well-known/jwks",
                    "id_token_signing_alg_values_supported": ["RS256"],
                    "response_types_supported": ["id_token"],
                    "subject_types_supported": ["public", "pairwise"],
                }
            )
        if request.path == "/.well-known/jwks":
            return json_reply({"keys": [self._jwk()]})
        if request.path == "/token":
            if request.headers.get("Authorization", "").lower() != f"bearer {self.request_token}".lower():
                raise Refused(401, "the request token is wrong")
            default = f"https://github.com/{self.claims['repository_owner']}"
            token = self.token(request.query.get("audience", default), spoiled=request.spoiled)
            return json_reply({"count": len(token), "value": token})
        raise Refused(404, "no such address")

    def _changed(self, claims: dict[str, Any]) -> dict[str, str]:
        if {"repository", "ref", "sha", "environment", "workflow_ref"} & set(claims):
            return github_claims(**claims)
        return {**self.claims, **claims}

    def _other_key(self) -> rsa.RSAPrivateKey:
        if self._wrong is None:
            self._wrong = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        return self._wrong

    def _jwk(self) -> dict[str, str]:
        numbers = self._key.public_key().public_numbers()
        return {
            "kty": "RSA",
            "kid": "sandbox",
            "use": "sig",
            "alg": "RS256",
            "n": _url64(numbers.n),
            "e": _url64(numbers.e),
        }


def _url64(number: int) -> str:
    raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
