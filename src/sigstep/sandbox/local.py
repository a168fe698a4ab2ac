"""A whole Sigstore on loopback, for rehearsal and tests, never for production."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any, Final

from sigstep.ports.world import Clock
from sigstep.sandbox import documents
from sigstep.sandbox.authority import CertificateAuthority
from sigstep.sandbox.claims import runner_environment
from sigstep.sandbox.ct_log import CtLog
from sigstep.sandbox.exchange import Refused, Reply, Request, json_reply
from sigstep.sandbox.faults import Faults, fault_of
from sigstep.sandbox.forge import Forge
from sigstep.sandbox.fulcio import Fulcio
from sigstep.sandbox.hub import Hub
from sigstep.sandbox.issuer import Issuer
from sigstep.sandbox.log_v1 import LogV1
from sigstep.sandbox.log_v2 import LogV2
from sigstep.sandbox.registry import Registry
from sigstep.sandbox.server import Route, Server
from sigstep.sandbox.timestamp import TimestampAuthority
from sigstep.sandbox.tuf_repository import TufRepository

ORGANIZATION: Final = "sigstep sandbox"


class Sandbox:
    """A local Sigstore: OIDC issuer, Fulcio with a CT log, Rekor v1 and v2, a time-stamping authority, TUF.

    A context manager. Keys are made at its start and are gone at its end; a folder with the trust files lives as long.
    The services answer on one address; their paths do not meet. See `Issuer` on how its address becomes known.

    Args:
        log_version: which Rekor the signing config names, 1 or 2.
        private: as GitHub's instance for private repositories: no log, no SCT, a trusted root without them.
        clock: the time of all services; the machine's by default.
        sct_extensions: bytes put into each SCT's extensions.
    """

    def __init__(
        self,
        *,
        log_version: int = 1,
        private: bool = False,
        clock: Clock | None = None,
        sct_extensions: bytes = b"",
    ) -> None:
        self._clock = clock or _machine_clock()
        self._log_version = None if private else log_version
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._server: Server | None = None
        self._repository: TufRepository | None = None
        self._started = self._clock.now()
        self.private = private
        self.faults = Faults()
        self.issuer = Issuer(self._clock)
        self.authority = CertificateAuthority(self._clock.now(), organization=ORGANIZATION)
        self.ct_log = CtLog(self._clock, extensions=sct_extensions)
        self.fulcio = Fulcio(self.authority, self.issuer, () if private else (self.ct_log,), self._clock)
        self.log_v1 = LogV1(self._clock)
        self.log_v2 = LogV2()
        self.registry = Registry()
        self.hub = Hub()
        self.timestamp_authority = TimestampAuthority(self._clock, organization=ORGANIZATION)
        self.forge = Forge(
            self._clock, self.authority, self.ct_log, (self.log_v1, self.log_v2), self.timestamp_authority
        )

    def __enter__(self) -> Sandbox:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Sandbox:
        """Serve; itself."""
        self._server = Server(self._routes(), self.faults)
        self.issuer.base_url = self.hub.base_url = self.url
        targets = {
            "trusted_root.json": _bytes(self.trusted_root()),
            "signing_config.v0.2.json": _bytes(self.signing_config()),
        }
        self._repository = TufRepository(targets, self._clock)
        self._folder = tempfile.TemporaryDirectory(prefix="sigstep-sandbox-")
        for name, content in (
            *targets.items(),
            ("client_trust_config.json", _bytes(self.client_trust_config())),
            ("root.json", self._repository.root),
        ):
            (self.folder / name).write_bytes(content)
        self._server.start()
        return self

    def stop(self) -> None:
        """End the server and remove the folder."""
        if self._server is not None:
            self._server.stop()
        if self._folder is not None:
            self._folder.cleanup()
        self._server = self._folder = None

    @property
    def url(self) -> str:
        """The base address of every service, ``http://localhost:PORT``."""
        assert self._server is not None, "the sandbox is not started"
        return self._server.url

    @property
    def folder(self) -> Path:
        """Where trusted root, signing config, client trust config and TUF root (``root.json``) are as files."""
        assert self._folder is not None, "the sandbox is not started"
        return Path(self._folder.name)

    @property
    def trust_config_file(self) -> Path:
        """The client trust config as a file."""
        return self.folder / "client_trust_config.json"

    @property
    def trusted_root_file(self) -> Path:
        """The trusted root as a file."""
        return self.folder / "trusted_root.json"

    @property
    def tuf(self) -> TufRepository:
        """The TUF repository with its switches."""
        assert self._repository is not None, "the sandbox is not started"
        return self._repository

    @property
    def tuf_url(self) -> str:
        """The base address of the TUF repository."""
        return f"{self.url}/tuf"

    @property
    def tuf_root(self) -> bytes:
        """The first ``root.json`` of the TUF repository, to be handed to a client."""
        return self.tuf.root

    def token(self, audience: str = "sigstore", **claims: Any) -> str:
        """A token; see `Issuer.token`."""
        return self.issuer.token(audience, **claims)

    def trusted_root(self) -> dict[str, Any]:
        """The JSON value of ``trusted_root.json``."""
        return documents.trusted_root(
            self.url,
            self._started,
            logs=() if self.private else (self.log_v1, self.log_v2),
            ct_logs=() if self.private else (self.ct_log,),
            authority=self.authority,
            timestamp_authority=self.timestamp_authority,
        )

    def signing_config(self, log_version: int | None = None) -> dict[str, Any]:
        """The JSON value of a signing config for Rekor v1 or v2; the sandbox's own choice by default."""
        version = None if self.private else log_version or self._log_version
        return documents.signing_config(self.url, self._started, log_version=version)

    def client_trust_config(self, log_version: int | None = None) -> dict[str, Any]:
        """The JSON value of a client trust config: trusted root and signing config."""
        return documents.client_trust_config(self.trusted_root(), self.signing_config(log_version))

    def environ(self, *, token: bool = True) -> dict[str, str]:
        """What a step of a workflow has, and where the trust files are.

        ``SIGSTEP_TRUST_CONFIG`` is the client trust config. Without ``token`` the two variables of the token request
        are left out, as in a job of a fork's pull request.
        """
        variables = {
            **runner_environment(self.issuer.claims),
            "SIGSTEP_TRUST_CONFIG": str(self.trust_config_file),
            "GITHUB_API_URL": f"{self.url}/github",
            "SIGSTEP_SANDBOX_URL": self.url,
            "SIGSTEP_SANDBOX_TUF_URL": self.tuf_url,
            "SIGSTEP_SANDBOX_TUF_ROOT": str(self.folder / "root.json"),
        }
        if token:
            variables["ACTIONS_ID_TOKEN_REQUEST_URL"] = f"{self.url}/token?api-version=2.0"
            variables["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] = self.issuer.request_token
        return variables

    def _routes(self) -> tuple[Route, ...]:
        return (
            ("/.well-known/", "issuer", self.issuer.handle),
            ("/token", "issuer", self.issuer.handle),
            ("/api/v2/signingCert", "fulcio", self.fulcio.handle),
            ("/api/v2/trustBundle", "fulcio", self.fulcio.handle),
            ("/api/v2/configuration", "fulcio", self.fulcio.handle),
            ("/api/v1/log", "rekor-v1", self.log_v1.handle),
            ("/api/v1/index", "rekor-v1", self.log_v1.handle),
            ("/api/v1/timestamp", "timestamp", self.timestamp_authority.handle),
            ("/api/v2/", "rekor-v2", self.log_v2.handle),
            ("/tuf/", "tuf", self._tuf),
            ("/v2/", "registry", self.registry.handle),
            ("/registry-token", "registry-token", self.registry.handle),
            ("/github/", "github", self.hub.handle),
            ("/sandbox/faults", "control", self._control),
        )

    def _tuf(self, request: Request) -> Reply:
        return self.tuf.handle(request)

    def _control(self, request: Request) -> Reply:
        """Faults by HTTP: GET lists them, POST sets one, DELETE clears all."""
        if request.method == "POST":
            asked = request.json()
            self.faults.set(str(asked.get("service", "")), fault_of(asked))
        elif request.method == "DELETE":
            self.faults.clear()
        elif request.method != "GET":
            raise Refused(405, "GET, POST and DELETE")
        return json_reply(self.faults.listed())


def _bytes(value: dict[str, Any]) -> bytes:
    return json.dumps(value, indent=2).encode() + b"\n"


def _machine_clock() -> Clock:
    from sigstep.ports.real import RealClock

    return RealClock()
