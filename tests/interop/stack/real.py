"""A whole real Sigstore on loopback: Fulcio, a CT log, Rekor v1 and v2, a timestamp authority."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import ssl
import subprocess
import tempfile
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from tests.interop.stack import keys
from tests.interop.stack.issuer import ISSUER, Issuer
from tests.interop.stack.processes import Processes, free_port
from tests.interop.tools import TOOLS, tool

HOST = "localhost"
SQL_SECONDS = 60
SEED_SECONDS = 30


class RealStack:
    """Real servers, started on entry and ended on exit.

    Args:
        organization: the ``O=`` of the CA; gh chooses its trust policy by it.
    """

    def __init__(self, *, organization: str = "sigstore.dev") -> None:
        self.organization = organization
        self.folder = Path(tempfile.mkdtemp(prefix="sigstep-stack-"))
        self._processes = Processes(self.folder)
        self._ports = {name: free_port() for name in _SERVICES}

    def __enter__(self) -> RealStack:
        self.folder.chmod(0o755)
        try:
            self._make_keys()
            self._start_issuer()
            self._start_tsa()
            self._start_trillian()
            self._start_ct_log()
            self._start_fulcio()
            self._start_rekor_v2()
            self._start_rekor_v1()
            self._seed()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def url(self, service: str) -> str:
        """The address of a service: ``fulcio rekor1 rekor2 tsa ct``."""
        suffix = {"tsa": "/api/v1/timestamp", "ct": "/sigstep"}.get(service, "")
        return f"http://{HOST}:{self._ports[service]}{suffix}"

    def token(self, audience: str = "sigstore", **claims: str) -> str:
        """An OIDC token of the stack's issuer."""
        return self.issuer.token(audience, **claims)

    def environ(self) -> dict[str, str]:
        """What a runner step has, and where the trust config is."""
        return self.issuer.environ() | {"SIGSTEP_TRUST_CONFIG": str(self.trust_config_file)}

    @property
    def trust_config_file(self) -> Path:
        """Client trust config that names Rekor v1."""
        return self._write("client_trust_config.json", json.dumps(self.client_trust_config(1)).encode())

    @property
    def trusted_root_file(self) -> Path:
        """Trusted root."""
        return self._write("trusted_root.json", json.dumps(self.trusted_root()).encode())

    def trusted_root(self) -> dict[str, Any]:
        """``trusted_root.json`` of this stack."""
        window = {"start": "2025-01-01T00:00:00Z"}
        ec_key, ed_key = "PKIX_ECDSA_P256_SHA_256", "PKIX_ED25519"

        def log(url: str, key: keys.PrivateKey, details: str, log_id: bytes) -> dict[str, Any]:
            return {
                "baseUrl": url,
                "hashAlgorithm": "SHA2_256",
                "publicKey": {"rawBytes": _b64(keys.spki(key)), "keyDetails": details, "validFor": window},
                "logId": {"keyId": _b64(log_id)},
            }

        def authority(url: str, *chain: keys.Issued) -> dict[str, Any]:
            return {
                "subject": {"organization": self.organization, "commonName": "sigstep-stack"},
                "uri": url,
                "certChain": {"certificates": [{"rawBytes": _b64(keys.der(one))} for one in chain]},
                "validFor": window,
            }

        return {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [
                log(self.url("rekor1"), self._rekor1, ec_key, hashlib.sha256(keys.spki(self._rekor1)).digest()),
                log(self.url("rekor2"), self._rekor2, ed_key, _note_id(HOST, self._rekor2)),
            ],
            "ctlogs": [log(self.url("ct"), self._ct, ec_key, hashlib.sha256(keys.spki(self._ct)).digest())],
            "certificateAuthorities": [authority(self.url("fulcio"), self._intermediate, self._root)],
            "timestampAuthorities": [authority(self.url("tsa"), self._tsa_leaf, self._tsa_root)],
        }

    def signing_config(self, rekor: int = 2) -> dict[str, Any]:
        """``signing_config.v0.2.json`` that names one log, Rekor v1 or v2."""

        def service(url: str, version: int = 1) -> list[dict[str, Any]]:
            return [
                {
                    "url": url,
                    "majorApiVersion": version,
                    "validFor": {"start": "2025-01-01T00:00:00Z"},
                    "operator": "stack",
                }
            ]

        return {
            "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
            "caUrls": service(self.url("fulcio")),
            "oidcUrls": service(self.issuer.http_url),
            "rekorTlogUrls": service(self.url(f"rekor{rekor}"), rekor),
            "rekorTlogConfig": {"selector": "ANY"},
            "tsaUrls": service(self.url("tsa")),
            "tsaConfig": {"selector": "ANY"},
        }

    def client_trust_config(self, log_version: int = 2) -> dict[str, Any]:
        """Both in one."""
        return {
            "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
            "trustedRoot": self.trusted_root(),
            "signingConfig": self.signing_config(log_version),
        }

    def _make_keys(self) -> None:
        org = self.organization
        self._root = keys.issue("stack-root", organization=org)
        self._intermediate = keys.issue(
            "stack-intermediate", organization=org, issuer=self._root, path_length=0, usage=keys.CODE_SIGNING
        )
        self._tsa_root = keys.issue("stack-tsa-root", organization=org)
        self._tsa_leaf = keys.issue(
            "stack-tsa",
            organization=org,
            issuer=self._tsa_root,
            authority=False,
            usage=keys.TIME_STAMPING,
            usage_critical=True,
        )
        self._ct, self._rekor1 = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        self._rekor2 = ed25519.Ed25519PrivateKey.generate()
        self._write("chain.pem", keys.pem(self._intermediate, self._root))
        self._write("root.pem", keys.pem(self._root))
        self._write("intermediate.key", keys.pkcs8(self._intermediate.key))
        self._write("tsa.pem", keys.pem(self._tsa_leaf, self._tsa_root))
        self._write("tsa.key", keys.pkcs8(self._tsa_leaf.key))
        self._write("ct.pub", keys.spki_pem(self._ct))
        self._write("rekor1.key", keys.pkcs8(self._rekor1))
        self._write("rekor2.key", keys.pkcs8(self._rekor2))

    def _start_issuer(self) -> None:
        authority = keys.issue("stack-tls", organization="stack")
        leaf = keys.issue(
            "issuer", organization="stack", issuer=authority, authority=False, host=ISSUER.removeprefix("https://")
        )
        self._write("tls-ca.pem", keys.pem(authority))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(
            self._write("tls.pem", keys.pem(leaf, authority)), self._write("tls.key", keys.pkcs8(leaf.key))
        )
        self.issuer = Issuer(context)

    def _start_tsa(self) -> None:
        port = str(self._ports["tsa"])
        options = ["--timestamp-signer=file", "--file-signer-key-path=tsa.key", "--certificate-chain-path=tsa.pem"]
        self._processes.start(
            "tsa", [tool("tsa"), "serve", f"--host={HOST}", f"--port={port}", "--disable-ntp-monitoring", *options]
        )
        self._processes.wait("tsa", f"http://{HOST}:{port}/ping")

    def _start_trillian(self) -> None:
        bins = max(Path("/usr/lib/postgresql").glob("*/bin"))
        data = self.folder / "postgres"
        data.mkdir()
        shutil.chown(data, "postgres", "postgres")
        port = str(self._ports["postgres"])
        as_postgres = ["runuser", "-u", "postgres", "--"]
        _run([*as_postgres, str(bins / "initdb"), "-D", str(data), "-A", "trust", "-N"])
        listen = ["-c", "listen_addresses=127.0.0.1", "-c", f"port={port}", "-c", f"unix_socket_directories={data}"]
        self._processes.start(
            "postgres", [str(bins / "postgres"), "-D", str(data), "-c", "fsync=off", *listen], user="postgres"
        )
        self._processes.wait_port("postgres", int(port))
        uri = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        schema = self._write("schema.sql", TOOLS["trillian-server"].data_path.read_bytes())
        _run([str(bins / "psql"), "-q", "-v", "ON_ERROR_STOP=1", "-f", str(schema), uri])
        storage = ["--storage_system=postgresql", f"--postgresql_uri={uri}", "--quota_system=noop"]
        for name, extra in (
            ("trillian-server", []),
            ("trillian-signer", ["--force_master", "--sequencer_interval=100ms"]),
        ):
            rpc, http = self._ports[name], self._ports[f"{name}-http"]
            endpoints = [f"--rpc_endpoint=127.0.0.1:{rpc}", f"--http_endpoint=127.0.0.1:{http}"]
            self._processes.start(name, [tool(name), "--logtostderr", *storage, *endpoints, *extra])
            self._processes.wait(name, f"http://127.0.0.1:{http}/healthz")

    def _start_ct_log(self) -> None:
        trillian = f"127.0.0.1:{self._ports['trillian-server']}"
        tree = _run([tool("createtree"), f"--admin_server={trillian}", "--logtostderr=false"]).decode().split()[-1]
        key = self._ct.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        config = (
            f'config {{ log_id: {tree} prefix: "sigstep" roots_pem_file: "root.pem" ext_key_usages: "CodeSigning"\n'
            f"  private_key: {{ [type.googleapis.com/keyspb.PrivateKey] {{ der: {_prototext(key)} }} }}\n}}\n"
        )
        self._write("ct.cfg", config.encode())
        port = self._ports["ct"]
        self._processes.start(
            "ct",
            [
                tool("ct-server"),
                f"--http_endpoint={HOST}:{port}",
                f"--log_rpc_server={trillian}",
                "--log_config=ct.cfg",
                "--quota_remote=false",
            ],
        )
        self._processes.wait("ct", f"http://{HOST}:{port}/sigstep/ct/v1/get-sth")

    def _start_fulcio(self) -> None:
        issuers = {ISSUER: {"IssuerURL": ISSUER, "ClientID": "sigstore", "Type": "github-workflow"}}
        self._write("fulcio.json", json.dumps({"OIDCIssuers": issuers}).encode())
        port, grpc, metrics = (self._ports[name] for name in ("fulcio", "fulcio-grpc", "fulcio-metrics"))
        options = [
            f"--host={HOST}",
            f"--port={port}",
            f"--grpc-host={HOST}",
            f"--grpc-port={grpc}",
            f"--metrics-port={metrics}",
            "--ca=fileca",
            "--fileca-cert=chain.pem",
            "--fileca-key=intermediate.key",
            "--fileca-key-passwd=unused",
            "--fileca-watch=false",
            f"--ct-log-url={self.url('ct')}",
            "--ct-log-public-key-path=ct.pub",
            "--config-path=fulcio.json",
            f"--legacy-unix-domain-socket=@{self.folder.name}",
        ]
        environ = {
            "SSL_CERT_FILE": str(self.folder / "tls-ca.pem"),
            "HTTPS_PROXY": self.issuer.proxy_url,
            "NO_PROXY": "localhost,127.0.0.1",
        }
        self._processes.start("fulcio", [tool("fulcio"), "serve", *options], environ=environ)
        self._processes.wait("fulcio", f"http://{HOST}:{port}/healthz")

    def _start_rekor_v2(self) -> None:
        port, grpc, metrics = (self._ports[name] for name in ("rekor2", "rekor2-grpc", "rekor2-metrics"))
        options = [
            "--http-address=127.0.0.1",
            f"--http-port={port}",
            "--grpc-address=127.0.0.1",
            f"--grpc-port={grpc}",
            f"--http-metrics-port={metrics}",
            f"--hostname={HOST}",
            f"--storage-dir={self.folder / 'rekor2'}",
            "--signer-filepath=rekor2.key",
            "--checkpoint-interval=200ms",
            "--batch-max-age=100ms",
        ]
        self._processes.start("rekor2", [tool("rekor2"), "serve", *options])
        self._processes.wait("rekor2", f"http://127.0.0.1:{port}/healthz")

    def _start_rekor_v1(self) -> None:
        port = self._ports["rekor1"]
        endpoints = (
            "getLogInfo,getPublicKey,getLogProof,createLogEntry,getLogEntryByIndex,getLogEntryByUUID,searchLogQuery"
        )
        options = [
            "--host=127.0.0.1",
            f"--port={port}",
            "--scheme=http",
            "--rekor_server.signer=rekor1.key",
            f"--rekor_server.hostname={HOST}",
            f"--trillian_log_server.port={self._ports['trillian-server']}",
            "--enable_retrieve_api=false",
            f"--enabled_api_endpoints={endpoints}",
        ]
        self._processes.start("rekor1", [tool("rekor1"), "serve", *options])
        self._processes.wait("rekor1", f"http://127.0.0.1:{port}/ping")

    def _seed(self) -> None:
        """One throw-away entry in each log: readers that want every member refuse a proof without hashes."""
        key = ec.generate_private_key(ec.SECP256R1())
        digest = hashlib.sha256(b"seed").digest()
        signature = _b64(key.sign(b"seed", ec.ECDSA(hashes.SHA256())))
        verifier = {"keyDetails": "PKIX_ECDSA_P256_SHA_256", "publicKey": {"rawBytes": _b64(keys.spki(key))}}
        v2 = {"digest": _b64(digest), "signature": {"content": signature, "verifier": verifier}}
        _post(f"{self.url('rekor2')}/api/v2/log/entries", {"hashedRekordRequestV002": v2})
        public_key = {"content": _b64(keys.spki_pem(key))}
        v1 = {
            "data": {"hash": {"algorithm": "sha256", "value": digest.hex()}},
            "signature": {"content": signature, "publicKey": public_key},
        }
        entry = {"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": v1}
        _post(f"{self.url('rekor1')}/api/v1/log/entries", entry)

    def _write(self, name: str, data: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(data)
        return path

    def _close(self) -> None:
        self._processes.stop()
        if hasattr(self, "issuer"):
            self.issuer.close()
        shutil.rmtree(self.folder, ignore_errors=True)


_SERVICES = (
    *("tsa", "postgres", "trillian-server", "trillian-server-http", "trillian-signer", "trillian-signer-http", "ct"),
    *("fulcio", "fulcio-grpc", "fulcio-metrics", "rekor2", "rekor2-grpc", "rekor2-metrics", "rekor1"),
)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _note_id(origin: str, key: ed25519.Ed25519PrivateKey) -> bytes:
    """C2SP signed-note key id of an Ed25519 key, all 32 bytes."""
    raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return hashlib.sha256(origin.encode() + b"\n\x01" + raw).digest()


def _post(url: str, document: dict[str, Any]) -> None:
    request = urllib.request.Request(url, json.dumps(document).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=SEED_SECONDS) as answer:
        answer.read()


def _prototext(data: bytes) -> str:
    return '"' + "".join(f"\\{byte:03o}" for byte in data) + '"'


def _run(command: list[str]) -> bytes:
    return subprocess.run(command, check=True, capture_output=True, timeout=SQL_SECONDS, cwd="/").stdout
