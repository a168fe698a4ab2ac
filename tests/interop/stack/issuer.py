"""An OIDC issuer under GitHub's true name: TLS for Fulcio behind a CONNECT proxy, plain http on loopback for clients."""

from __future__ import annotations

import base64
import json
import socket
import ssl
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

ISSUER = "https://token.actions.githubusercontent.com"
REQUEST_TOKEN = "request-token"
PIPE_SECONDS = 30


def github_claims(**changed: str) -> dict[str, str]:
    """The claims of a push to the default branch of a public repository."""
    repository, workflow = "acme/app", "acme/app/.github/workflows/release.yml@refs/heads/main"
    sha = "5f3c9a4de3b21d14a1b6a3f4f4dcb3c2f9c2a001"
    return {
        "sub": f"repo:{repository}:ref:refs/heads/main",
        "ref": "refs/heads/main",
        "ref_type": "branch",
        "sha": sha,
        "repository": repository,
        "repository_id": "1001",
        "repository_owner": "acme",
        "repository_owner_id": "2002",
        "repository_visibility": "public",
        "actor": "maintainer",
        "actor_id": "3003",
        "workflow": "release",
        "workflow_ref": workflow,
        "workflow_sha": sha,
        "job_workflow_ref": workflow,
        "job_workflow_sha": sha,
        "event_name": "push",
        "run_id": "4004",
        "run_number": "5",
        "run_attempt": "1",
        "runner_environment": "github-hosted",
        **changed,
    }


class Issuer:
    """Keys, tokens, and three listeners on loopback: ``http_url``, the TLS one, and the CONNECT proxy ``proxy_url``."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.claims = github_claims()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler(public=False))
        self._https = ThreadingHTTPServer(("127.0.0.1", 0), self._handler(public=True))
        self._https.socket = tls.wrap_socket(self._https.socket, server_side=True)
        self._proxy = socket.create_server(("127.0.0.1", 0))
        self.http_url = f"http://127.0.0.1:{self._http.server_port}"
        self.proxy_url = f"http://127.0.0.1:{self._proxy.getsockname()[1]}"
        for serve in (self._http.serve_forever, self._https.serve_forever, self._accept):
            threading.Thread(target=serve, daemon=True).start()

    def close(self) -> None:
        """End the listeners."""
        self._http.shutdown()
        self._https.shutdown()
        self._http.server_close()
        self._https.server_close()
        self._proxy.close()

    def token(self, audience: str = "sigstore", **changed: str) -> str:
        """A signed token; ``changed`` claims replace those of `github_claims`."""
        now = int(time.time())  # noqa: TID251
        claims = {**self.claims, **changed, "iss": ISSUER, "aud": audience, "jti": str(uuid.uuid4())}
        pem = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return jwt.encode(
            {**claims, "iat": now, "nbf": now - 5, "exp": now + 300}, pem, algorithm="RS256", headers={"kid": "k1"}
        )

    def environ(self) -> dict[str, str]:
        """What a runner step has."""
        return {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.http_url}/token?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": REQUEST_TOKEN,
            "GITHUB_ACTIONS": "true",
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_REPOSITORY": self.claims["repository"],
        }

    def _document(self, path: str, query: dict[str, list[str]], base: str) -> dict[str, Any] | None:
        if path == "/.well-known/openid-configuration":
            return {
                "issuer": ISSUER,
                "jwks_uri": f"{base}/jwks",
                "id_token_signing_alg_values_supported": ["RS256"],
                "response_types_supported": ["id_token"],
                "subject_types_supported": ["public"],
            }
        if path == "/jwks":
            return {"keys": [self._jwk()]}
        if path == "/token":
            return {"count": 1, "value": self.token(query.get("audience", [""])[0])}
        return None

    def _jwk(self) -> dict[str, str]:
        numbers = self._key.public_key().public_numbers()

        def text(number: int) -> str:
            raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
            return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

        return {
            "kty": "RSA",
            "kid": "k1",
            "use": "sig",
            "alg": "RS256",
            "n": text(numbers.n),
            "e": text(numbers.e),
        }

    def _handler(self, *, public: bool) -> type[BaseHTTPRequestHandler]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                base = ISSUER if public else issuer.http_url
                document = issuer._document(parts.path, parse_qs(parts.query), base)
                body = json.dumps(document).encode()
                self.send_response(404 if document is None else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        return Handler

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._proxy.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        """Answer one CONNECT and pass bytes to the TLS listener, whatever host was asked for."""
        with client, socket.create_connection(("127.0.0.1", self._https.server_port), PIPE_SECONDS) as server:
            head = b""
            while b"\r\n\r\n" not in head and len(head) < 4096:
                head += client.recv(1024)
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            back = threading.Thread(target=_pipe, args=(server, client), daemon=True)
            back.start()
            _pipe(client, server)
            back.join(PIPE_SECONDS)


def _pipe(source: socket.socket, target: socket.socket) -> None:
    source.settimeout(PIPE_SECONDS)
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return
