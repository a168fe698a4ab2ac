"""Registries of every kind on loopback: packages, their metadata, and attestations made with a sandbox's keys."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import unquote

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from tests.attesting import (
    NPM_PUBLISH,
    PYPI_PUBLISH,
    RELEASE,
    RELEASES,
    SLSA,
    Json,
    Who,
    bundle,
    by_key,
    pep740,
    sha256,
    signed_file,
    sri,
    statement,
)

from sigstep.sandbox import keys
from sigstep.sandbox.exchange import Reply, Request, b64
from sigstep.sandbox.faults import Faults
from sigstep.sandbox.local import Sandbox
from sigstep.sandbox.merkle import Tree
from sigstep.sandbox.server import Server

LONG_AGO = timedelta(days=90)
SIMPLE = {"Content-Type": "application/vnd.pypi.simple.v1+json"}


@dataclass(frozen=True)
class Made:
    """One published version.

    Attributes:
        version: its number.
        who: the publisher of its provenance; None for none.
        age: how long ago it was published.
        shape: of the provenance (see `bundle`).
        quirks: what is wrong or special about it; each registry knows its own.
        content: bytes of the artifact; by default they follow from name and version.
    """

    version: str
    who: Who | None = None
    age: timedelta = LONG_AGO
    shape: str = "v0.3"
    quirks: frozenset[str] = frozenset()
    content: bytes = b""
    extra: Mapping[str, Any] = field(default_factory=dict)

    def data(self, name: str, part: str = "") -> bytes:
        """The bytes of the artifact, or of one of its parts."""
        return self.content or f"{name} {self.version} {part}".encode()

    @property
    def published(self) -> str:
        """When, as registries write it."""
        return (datetime.now(timezone.utc) - self.age).strftime("%Y-%m-%dT%H:%M:%S.000Z")  # noqa: TID251


class Market:
    """All registries behind one address; a context manager. ``asked`` are the paths that were asked for."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.answers: dict[str, Reply] = {}
        self.asked: list[tuple[str, Mapping[str, str]]] = []
        self.faults = Faults()
        self.npm_key = keys.p256()
        self.npm_hint = "SHA256:" + b64(keys.key_id(self.npm_key.public_key()))
        self.notary = ed25519.Ed25519PrivateKey.generate()
        self._records: list[bytes] = []
        self._server = Server([("/", "market", self.handle)], self.faults)

    def __enter__(self) -> Market:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    @property
    def url(self) -> str:
        """The address of all of them."""
        return self._server.url

    def registries(self) -> dict[str, str]:
        """Addresses by ecosystem, as options give them."""
        names = ("npm", "cargo", "gem", "golang", "maven", "github")
        return {"pypi": f"{self.url}/simple", **{name: f"{self.url}/{name}" for name in names}}

    def handle(self, request: Request) -> Reply:
        """What is served at a path."""
        path = unquote(request.path)
        self.asked.append((path, request.headers))
        return self.answers.get(path, Reply(status=404, body=b"{}", headers={"Content-Type": "application/json"}))

    def serve(self, path: str, value: Any, headers: Mapping[str, str] | None = None, status: int = 200) -> None:
        """Serve JSON, or bytes."""
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        kind = {"Content-Type": "application/json", **(headers or {})}
        self.answers[path] = Reply(status=status, body=body, headers=kind)

    # npm

    def npm_keys(self) -> bytes:
        """``keys.json`` of the npm registry."""
        raw = b64(keys.spki(self.npm_key.public_key()))
        public = {"rawBytes": raw, "validFor": {"start": "2020-01-01T00:00:00Z"}}
        usages = ("npm:signatures", "npm:attestations")
        return json.dumps(
            {"keys": [{"keyId": self.npm_hint, "keyUsage": usage, "publicKey": public} for usage in usages]}
        ).encode()

    def npm(self, name: str, *versions: Made, repository: str = "git+https://github.com/acme/app.git") -> None:
        """Publish versions. Quirks: ``unsigned`` ``bad-signature`` ``trusted`` ``untrusted`` ``404`` ``empty``
        ``wrong-subject`` ``wrong-digest`` ``no-publish`` ``other-publish`` ``unknown-key`` ``other-hash``.
        """
        listed, times = {}, {}
        for made in versions:
            integrity = sri(made.data(name, "other" if "other-hash" in made.quirks else ""))
            dist: Json = {"integrity": integrity, "tarball": f"{self.url}/npm/{name}/-/x-{made.version}.tgz"}
            message = f"{name}@{made.version}:{'x' if 'bad-signature' in made.quirks else integrity}".encode()
            if "unsigned" not in made.quirks:
                dist["signatures"] = [{"keyid": self.npm_hint, "sig": b64(keys.sign(self.npm_key, message))}]
            entry: Json = {"dist": dist, "repository": {"type": "git", "url": repository}}
            if made.quirks & {"trusted", "untrusted"}:
                entry["_npmUser"] = (
                    {"trustedPublisher": {"id": "github"}} if "trusted" in made.quirks else {"name": "a"}
                )
            if made.who is not None or "empty" in made.quirks:
                dist["attestations"] = {"url": "x", "provenance": {"predicateType": SLSA}}
                if "404" not in made.quirks:
                    attested = [] if "empty" in made.quirks else self._npm_attestations(name, made)
                    self.serve(f"/npm/-/npm/v1/attestations/{name}@{made.version}", {"attestations": attested})
            listed[made.version] = entry
            times[made.version] = made.published
        self.serve(f"/npm/{name}", {"name": name, "versions": listed, "time": times})

    def _npm_attestations(self, name: str, made: Made) -> list[Json]:
        assert made.who is not None
        about = f"pkg:npm/{('evil' if 'wrong-subject' in made.quirks else name).replace('@', '%40')}@{made.version}"
        content = b"other" if "wrong-digest" in made.quirks else made.data(name)
        digest = {"sha512": hashlib.sha512(content).hexdigest()}
        provenance = statement(about, digest, SLSA, {"buildDefinition": {}}, old=made.shape == "intoto")
        found = [
            {"predicateType": SLSA, "bundle": bundle(self.sandbox, provenance, made.who.certificate(), made.shape)}
        ]
        if "no-publish" not in made.quirks:
            predicate = {"name": "evil" if "other-publish" in made.quirks else name, "version": made.version}
            publish = statement(about, digest, NPM_PUBLISH, predicate, old=True)
            hint = "SHA256:unknown" if "unknown-key" in made.quirks else self.npm_hint
            found.append({"predicateType": NPM_PUBLISH, "bundle": by_key(self.sandbox, publish, self.npm_key, hint)})
        return found

    # Python

    def pypi(self, name: str, *versions: Made, status: str = "") -> None:
        """Publish versions of two files each. Quirks: ``partial`` ``yanked`` ``html`` ``unaware`` ``404`` ``empty``
        ``wrong-name`` ``wrong-publisher`` ``elsewhere`` ``two-publishers`` ``bad-signature``.
        """
        files = []
        for made in versions:
            for at, file in enumerate(python_files(name, made.version)):
                data = made.data(name, file)
                entry: Json = {"filename": file, "hashes": {"sha256": sha256(data)}, "upload-time": made.published}
                entry["yanked"] = "yanked" in made.quirks
                where = f"/integrity/{file}/provenance"
                attested = made.who is not None and not (at and "partial" in made.quirks)
                host = "https://elsewhere.example" if "elsewhere" in made.quirks else self.url
                if "unaware" not in made.quirks:
                    entry["provenance"] = host + where if attested else None
                if attested and "404" not in made.quirks:
                    self.serve(where, self._provenance(file, data, made, at))
                files.append(entry)
        document: Json = {"meta": {"api-version": "1.4"}, "name": name, "files": files}
        if status:
            document["project-status"] = {"status": status}
        html = any("html" in made.quirks for made in versions)
        self.serve(f"/simple/{name}/", document, {"Content-Type": "text/html"} if html else SIMPLE)

    def _provenance(self, file: str, data: bytes, made: Made, at: int) -> Json:
        assert made.who is not None
        who = (
            made.who.but(repository="evil/app", repository_id="666")
            if "two-publishers" in made.quirks and at
            else made.who
        )
        about = "other-1.tar.gz" if "wrong-name" in made.quirks else file
        payload = statement(about, {"sha256": sha256(data)}, PYPI_PUBLISH)
        attestation = pep740(bundle(self.sandbox, payload, who.certificate(), "v0.3"))
        if "bad-signature" in made.quirks:
            attestation["envelope"]["signature"] = b64(b"\x30\x06\x02\x01\x01\x02\x01\x01")
        repository = "else/where" if "wrong-publisher" in made.quirks else who.repository
        publisher = {"kind": "GitHub", "repository": repository, "workflow": who.workflow, "environment": None}
        group = {"publisher": publisher, "attestations": [] if "empty" in made.quirks else [attestation]}
        return {"version": 1, "attestation_bundles": [group]}

    # crates and gems

    def cargo(self, name: str, *versions: Made) -> None:
        """Publish crates. Quirks: ``yanked`` ``unaware`` ``other-hash``."""
        listed = []
        for made in versions:
            content = b"other" if "other-hash" in made.quirks else made.data(name)
            entry: Json = {"num": made.version, "checksum": sha256(content), "created_at": made.published}
            entry["yanked"] = "yanked" in made.quirks
            if "unaware" not in made.quirks:
                who = made.who
                entry["trustpub_data"] = who and {
                    "provider": "github", "repository": who.repository, "run_id": who.run, "sha": "0" * 40
                }  # fmt: skip
            listed.append(entry)
        self.serve(f"/cargo/api/v1/crates/{name}", {"crate": {"name": name}, "versions": listed})

    def gem(self, name: str, *versions: Made) -> None:
        """Publish gems. Quirks: ``404`` ``pem`` ``no-kind`` ``other-file`` ``other-hash``."""
        listed = []
        for made in versions:
            data = made.data(name)
            stated = b"other" if "other-hash" in made.quirks else data
            listed.append(
                {"number": made.version, "platform": "ruby", "sha": sha256(stated), "created_at": made.published}
            )
            bundles = []
            if made.who is not None:
                one = signed_file(self.sandbox, b"other" if "other-file" in made.quirks else data, made.who)
                bundles = [_damaged(one, made.quirks)]
            if "404" not in made.quirks:
                self.serve(f"/gem/api/v1/attestations/{name}-{made.version}.json", bundles)
        self.serve(f"/gem/api/v1/versions/{name}.json", listed)

    # Go

    @property
    def notary_key(self) -> str:
        """The verifier key of the checksum database."""
        name = "sum.example"
        raw = b"\x01" + self.notary.public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw
        )
        hint = hashlib.sha256(name.encode() + b"\n" + raw).hexdigest()[:8]
        return f"{name}+{hint}+{b64(raw)}"

    def golang(self, modules: Sequence[tuple[str, str, bytes]], *, spoiled: str = "") -> None:
        """A checksum database of modules: path, version and content; ``spoiled`` is ``note`` or ``tile``."""
        tree = Tree()
        records = []
        for path, version, content in modules:
            digest = b64(hashlib.sha256(content).digest())
            records.append(f"{path} {version} h1:{digest}\n{path} {version}/go.mod h1:{digest}\n".encode())
            tree.append(records[-1])
        size = len(records)
        text = f"go.sum database tree\n{size}\n{b64(tree.root())}\n".encode()
        hint = bytes.fromhex(self.notary_key.split("+")[1])
        signature = self.notary.sign(b"x" if spoiled == "note" else text)
        note = text + f"\n\u2014 sum.example {b64(hint + signature)}\n".encode()
        for number, (path, version, _) in enumerate(modules):
            name = "".join(f"!{one.lower()}" if one.isupper() else one for one in path)
            self.serve(f"/golang/lookup/{name}@{version}", f"{number}\n".encode() + records[number] + b"\n" + note)
        self._tiles([hashlib.sha256(b"\x00" + one).digest() for one in records], spoiled == "tile")

    def _tiles(self, leaves: list[bytes], spoiled: bool) -> None:
        level = 0
        while leaves:
            for at in range(0, len(leaves), 256):
                tile = leaves[at : at + 256]
                body = b"".join(b"\x00" * 32 if spoiled else one for one in tile)
                number = f"{at // 256:03d}" + ("" if len(tile) == 256 else f".p/{len(tile)}")
                self.serve(f"/golang/tile/8/{level}/{number}", body)
            whole = [leaves[at : at + 256] for at in range(0, len(leaves) - len(leaves) % 256, 256)]
            leaves, level = [_root(one) for one in whole], level + 1

    # Maven

    def maven(self, group: str, artifact: str, *versions: Made) -> None:
        """Artifacts with bundles beside them. Quirk: ``other-file``."""
        for made in versions:
            if made.who is not None:
                data = b"other" if "other-file" in made.quirks else made.data(artifact)
                path = f"/maven/{group.replace('.', '/')}/{artifact}/{made.version}/{artifact}-{made.version}.jar"
                self.serve(f"{path}.sigstore.json", signed_file(self.sandbox, data, made.who))

    # GitHub

    def repository(
        self,
        slug: str,
        *,
        number: int = 55,
        owner: int = 66,
        branches: Mapping[str, Sequence[str]] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """A repository: the commits that each branch reaches (the last is its head), and what tags stand for."""
        base, listed = f"/github/repos/{slug}", branches or {"main": []}
        self.serve(base, {"id": number, "owner": {"id": owner}, "default_branch": "main"})
        heads = [
            {"name": name, "commit": {"sha": commits[-1] if commits else "0" * 40}} for name, commits in listed.items()
        ]
        self.serve(f"{base}/branches", heads)
        self.serve(f"{base}/tags", [{"name": name, "commit": {"sha": sha}} for name, sha in (tags or {}).items()])
        for name, commits in listed.items():
            for sha in commits:
                self.serve(f"{base}/compare/{name}...{sha}", {"status": "behind"})
        for name, sha in (tags or {}).items():
            self.serve(f"{base}/git/ref/tags/{name}", {"object": {"type": "commit", "sha": sha}})

    def annotated(self, slug: str, tag: str, commit: str, sha: str) -> None:
        """An annotated tag."""
        self.serve(f"/github/repos/{slug}/git/ref/tags/{tag}", {"object": {"type": "tag", "sha": sha}})
        self.serve(f"/github/repos/{slug}/git/tags/{sha}", {"object": {"type": "commit", "sha": commit}})

    def release(self, slug: str, tag: str, sha: str, *, number: str = "55", owner: str = "66") -> None:
        """The attestation of an immutable release."""
        predicate = {"repository": slug, "repositoryId": number, "ownerId": owner, "tag": tag, "purl": "x"}
        payload = statement(f"pkg:github/{slug}@{tag}", {"sha1": sha}, RELEASE, predicate)
        self.attested(slug, f"sha1:{sha}", bundle(self.sandbox, payload, RELEASES))

    def attested(self, slug: str, digest: str, *bundles: Json) -> None:
        """What GitHub lists about a digest."""
        self.serve(
            f"/github/repos/{slug}/attestations/{digest}", {"attestations": [{"bundle": one} for one in bundles]}
        )

    def run(self, slug: str, number: str, conclusion: str) -> None:
        """How a run of a workflow ended."""
        self.serve(f"/github/repos/{slug}/actions/runs/{number}/attempts/1", {"conclusion": conclusion})


def python_files(name: str, version: str) -> tuple[str, str]:
    """The names of a version's two files."""
    return f"{name.replace('-', '_')}-{version}-py3-none-any.whl", f"{name.replace('-', '_')}-{version}.tar.gz"


def _damaged(made: Json, quirks: frozenset[str]) -> Json:
    if "pem" in quirks:
        certificate = made["verificationMaterial"]["certificate"]
        body = certificate["rawBytes"]
        text = f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"
        certificate["rawBytes"] = base64.b64encode(text.encode()).decode()
    if "no-kind" in quirks:
        for entry in made["verificationMaterial"]["tlogEntries"]:
            del entry["kindVersion"]
    return made


def _root(hashes: Sequence[bytes]) -> bytes:
    level = list(hashes)
    while len(level) > 1:
        level = [hashlib.sha256(b"\x01" + level[at] + level[at + 1]).digest() for at in range(0, len(level), 2)]
    return level[0]
