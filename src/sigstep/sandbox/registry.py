"""An OCI registry of the sandbox (distribution-spec 1.1): with and without referrers, open or by token or password."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import threading
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs

from sigstep.sandbox.exchange import Refused, Reply, Request, json_reply

_PATH: Final = re.compile(r"/v2/(?P<name>.+)/(?P<kind>manifests|blobs|referrers|tags)/(?P<rest>.*)")
_INDEX: Final = "application/vnd.oci.image.index.v1+json"


@dataclass
class _Repository:
    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    uploads: dict[str, bytes] = field(default_factory=dict)


class Registry:
    """Repositories in memory. Switches may be turned while it runs.

    Attributes:
        referrers: whether the referrers API is there.
        promises: whether writing a referrer is answered with ``OCI-Subject``, as a registry with the API does; some
            registries say so and have none, or have it and do not say so. None: as ``referrers``.
        access: ``open``, ``token`` (Bearer with scopes), ``basic``, or ``negotiate`` (which we do not speak).
        user: the name and password that ``token`` and ``basic`` ask for.
        public: whether the token service gives tokens for reading to everybody.
        realm: address of the token service, where it is not this server's own.
        replaced: bytes to answer instead of what is stored, by digest: a broken registry.
        relabelled: annotations that listings of referrers have instead of the true ones.
        page: entries of one page of referrers or tags; 0 for all.
        compares: whether a manifest is written only where ``If-Match`` has the tag's present ETag.
        deletes: whether manifests may be deleted.
        lists_tags: whether the tags of a repository are listed.
    """

    def __init__(self) -> None:
        self.referrers = True
        self.promises: bool | None = None
        self.access = "open"
        self.user = ("user", "secret")
        self.public = False
        self.realm = ""
        self.replaced: dict[str, bytes] = {}
        self.relabelled: dict[str, str] = {}
        self.page = 0
        self.compares = False
        self.deletes = True
        self.lists_tags = True
        self.requests: list[str] = []
        self._lock = threading.Lock()
        self._repositories: dict[str, _Repository] = {}
        self._tokens: dict[str, set[str]] = {}

    def handle(self, request: Request) -> Reply:
        """Everything below ``/v2/``, and the token service at ``/registry-token``."""
        if request.path == "/registry-token":
            return self._token(request)
        with self._lock:
            self.requests.append(f"{request.method} {request.path}")
            match = _PATH.fullmatch(request.path)
            self._admit(request, match["name"] if match else "")
            if match is None:
                return json_reply({})
            repository = self._repositories.setdefault(match["name"], _Repository())
            kinds = {
                "manifests": self._manifests,
                "blobs": self._blobs,
                "referrers": self._referrers,
                "tags": self._tags,
            }
            return kinds[match["kind"]](request, repository, match["name"], match["rest"])

    def _admit(self, request: Request, name: str) -> None:
        given = request.headers.get("Authorization", "")
        if self.access == "open" or (self.access == "basic" and given == self._basic()):
            return
        actions = "pull" if request.method in {"GET", "HEAD"} else "pull,push"
        if self.access == "token":
            granted = self._tokens.get(given.removeprefix("Bearer "), set())
            if {f"{name}:{action}" for action in actions.split(",")} <= granted:
                return
            realm = self.realm or f"http://{request.headers.get('Host', '')}/registry-token"
            asked = f'Bearer realm="{realm}",service="sandbox",scope="repository:{name}:{actions}"'
            raise Refused(401, "a token is needed", {"WWW-Authenticate": asked})
        scheme = "Basic" if self.access == "basic" else "Negotiate"
        raise Refused(401, "a password is needed", {"WWW-Authenticate": f'{scheme} realm="sandbox"'})

    def _basic(self) -> str:
        return "Basic " + base64.b64encode(":".join(self.user).encode()).decode()

    def _token(self, request: Request) -> Reply:
        asked = {name: values[0] for name, values in parse_qs(request.body.decode()).items()} or dict(request.query)
        known = request.headers.get("Authorization", "") == self._basic() or (
            asked.get("grant_type") == "refresh_token" and asked.get("refresh_token") == self.user[1]
        )
        bare = not request.headers.get("Authorization", "") and "refresh_token" not in asked
        public = self.public and bare and asked.get("scope", "").endswith(":pull")
        if not known and not public:
            raise Refused(401, "wrong credentials")
        kind, _, rest = asked.get("scope", "").partition(":")
        name, _, actions = rest.rpartition(":")
        if kind != "repository" or asked.get("service") != "sandbox":
            raise Refused(400, "scope and service are needed")
        token = secrets.token_hex(16)
        self._tokens[token] = {f"{name}:{action}" for action in actions.split(",")}
        return json_reply({"token": token, "expires_in": 300})

    def _blobs(self, request: Request, repository: _Repository, name: str, rest: str) -> Reply:
        if rest.startswith("uploads/"):
            return self._upload(request, repository, name, rest.removeprefix("uploads/"))
        if rest not in repository.blobs:
            raise Refused(404, "no such blob")
        return Reply(
            body=self.replaced.get(rest, repository.blobs[rest]), headers={"Content-Type": "application/octet-stream"}
        )

    def _upload(self, request: Request, repository: _Repository, name: str, session: str) -> Reply:
        if request.method == "POST":
            session = secrets.token_hex(8)
            repository.uploads[session] = b""
        elif session not in repository.uploads:
            raise Refused(404, "no such upload")
        repository.uploads[session] += request.body
        location = {"Location": f"/v2/{name}/blobs/uploads/{session}"}
        if request.method != "PUT":
            return Reply(status=202, headers=location)
        data = repository.uploads.pop(session)
        digest = request.query.get("digest", "")
        if digest != _digest(data):
            raise Refused(400, "the digest is another")
        repository.blobs[digest] = data
        return Reply(status=201, headers={"Location": f"/v2/{name}/blobs/{digest}"})

    def _manifests(self, request: Request, repository: _Repository, name: str, rest: str) -> Reply:
        digest = rest if ":" in rest else repository.tags.get(rest, "")
        if request.method == "PUT":
            return self._put(request, repository, name, rest)
        if digest not in repository.manifests:
            raise Refused(404, "no such manifest")
        if request.method == "DELETE":
            if not self.deletes:
                raise Refused(405, "manifests stay")
            if rest == digest:
                del repository.manifests[digest]
            repository.tags = {tag: to for tag, to in repository.tags.items() if to in repository.manifests}
            repository.tags.pop(rest, None)
            return Reply(status=202)
        data, kind = repository.manifests[digest]
        headers = {"Content-Type": kind, "Docker-Content-Digest": digest, "ETag": f'"{digest}"'}
        return Reply(body=self.replaced.get(digest, data), headers=headers)

    def _put(self, request: Request, repository: _Repository, name: str, rest: str) -> Reply:
        digest = _digest(request.body)
        document = request.json()
        if ":" in rest and rest != digest:
            raise Refused(400, "the digest is another")
        for one in (*document.get("layers", ()), *filter(None, [document.get("config")])):
            if one["digest"] not in repository.blobs:
                raise Refused(400, f"the blob {one['digest']} is not there")
        given = request.headers.get("If-Match", "")
        if self.compares and given and given != f'"{repository.tags.get(rest, "")}"':
            raise Refused(412, "the tag is another by now")
        repository.manifests[digest] = (request.body, request.headers.get("Content-Type", ""))
        if ":" not in rest:
            repository.tags[rest] = digest
        headers = {"Location": f"/v2/{name}/manifests/{digest}", "Docker-Content-Digest": digest}
        promises = self.referrers if self.promises is None else self.promises
        if promises and "subject" in document:
            headers["OCI-Subject"] = document["subject"]["digest"]
        return Reply(status=201, headers=headers)

    def _referrers(self, request: Request, repository: _Repository, name: str, rest: str) -> Reply:
        if not self.referrers:
            raise Refused(404, "no such address")
        found = []
        for digest, (data, kind) in repository.manifests.items():
            document = json.loads(data)
            if document.get("subject", {}).get("digest") == rest:
                entry = _entry(document, digest, len(data), kind)
                found.append({**entry, "annotations": {**entry["annotations"], **self.relabelled}})
        headers = {"Content-Type": _INDEX}
        start = int(request.query.get("from", "0"))
        if self.page and start + self.page < len(found):
            headers["Link"] = f'</v2/{name}/referrers/{rest}?from={start + self.page}>; rel="next"'
        page = found[start : start + self.page] if self.page else found
        body = {"schemaVersion": 2, "mediaType": _INDEX, "manifests": page}
        return Reply(body=json.dumps(body).encode(), headers=headers)

    def _tags(self, request: Request, repository: _Repository, name: str, rest: str) -> Reply:
        if not self.lists_tags or rest != "list":
            raise Refused(404, "no such address")
        known = sorted(repository.tags)
        after = [one for one in known if one > request.query.get("last", "")]
        page = after[: self.page] if self.page else after
        more = len(page) < len(after)
        headers = {"Link": f'</v2/{name}/tags/list?n={self.page}&last={page[-1]}>; rel="next"'} if more else {}
        return Reply(
            body=json.dumps({"name": name, "tags": page}).encode(),
            headers={"Content-Type": "application/json", **headers},
        )


def _entry(document: dict[str, Any], digest: str, size: int, kind: str) -> dict[str, Any]:
    artifact = document.get("artifactType") or document.get("config", {}).get("mediaType", "")
    annotations = document.get("annotations", {})
    return {"mediaType": kind, "digest": digest, "size": size, "artifactType": artifact, "annotations": annotations}


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
