"""The sandbox's GitHub: attestations, storage records and releases by REST, with permissions that can be missing.

Nothing is verified, as GitHub's own listing verifies nothing that a reader may rely on.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Mapping
from typing import Any, Final

from sigstep.sandbox.exchange import Refused, Reply, Request, json_reply

ALL: Final = frozenset({"attestations", "artifact-metadata", "contents"})
_DIGESTS: Final = 1024
_RECORD: Final = re.compile(r"sha256:[a-f0-9]{64}")


class Hub:
    """State and rules of GitHub's API, below ``/github``.

    Attributes:
        token: what a writing request has to carry.
        permissions: what the token may write.
        organization: whether owners are organisations (linked artifacts exist for them alone).
        available: whether the repository may have attestations; private ones of users may not.
        inline: give bundles in listings, as before July 2026, instead of addresses of snappy blocks.
        page: attestations on one page.
    """

    def __init__(self) -> None:
        self.base_url = ""
        self.token = "sandbox-github-token"
        self.permissions = ALL
        self.organization = True
        self.available = True
        self.inline = False
        self.page = 30
        self.attestations: list[tuple[str, dict[str, Any]]] = []
        self.records: list[dict[str, Any]] = []
        self.releases: dict[str, dict[str, Any]] = {}
        self.contents: dict[tuple[str, str, str], bytes] = {}  # repository, ref and path
        self._assets: dict[int, tuple[str, dict[str, Any], bytes]] = {}
        self._numbers = iter(range(7000, 1_000_000))
        self._lock = threading.Lock()

    def handle(self, request: Request) -> Reply:
        """Answer one request."""
        path = request.path.removeprefix("/github").strip("/").split("/")
        with self._lock:
            match path:
                case ["blobs", name]:
                    return self._blob(name, request)
                case ["repos", owner, repository]:
                    kind = "Organization" if self.organization else "User"
                    return json_reply({"full_name": f"{owner}/{repository}", "owner": {"login": owner, "type": kind}})
                case ["repos", owner, repository, "attestations"] if request.method == "POST":
                    return self._create(f"{owner}/{repository}", request)
                case ["repos", owner, repository, "attestations", digest]:
                    return self._list(f"{owner}/{repository}", digest, request)
                case ["orgs" | "users" as kind, owner, "attestations", "bulk-list"] if request.method == "POST":
                    return self._bulk(kind, owner, request)
                case ["orgs", owner, "artifacts", "metadata", "storage-record"] if request.method == "POST":
                    return self._record(owner, request)
                case ["repos", owner, repository, "contents", *where]:
                    return self._content(f"{owner}/{repository}", "/".join(where), request)
                case ["repos", owner, repository, "releases", *rest]:
                    return self._release(f"{owner}/{repository}", rest, request)
                case _:
                    raise Refused(404, "Not Found")

    def add_release(self, repository: str, tag: str, *, draft: bool = False) -> None:
        """A release without assets."""
        number = next(self._numbers)
        base = f"{self.base_url}/github/repos/{repository}/releases/{number}/assets"
        self.releases[f"{repository}@{tag}"] = {
            "id": number, "tag_name": tag, "draft": draft, "upload_url": f"{base}{{?name,label}}"
        }  # fmt: skip

    def assets(self, repository: str, tag: str) -> dict[str, bytes]:
        """The assets of a release, by name."""
        number = self.releases[f"{repository}@{tag}"]["id"]
        return {
            meta["name"]: data
            for _, meta, data in self._assets.values()
            if meta["release"] == number
        }  # fmt: skip

    def _authorize(self, request: Request, permission: str) -> None:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            raise Refused(401, "Bad credentials")
        if permission not in self.permissions:
            raise Refused(403, "Resource not accessible by integration")

    def _create(self, repository: str, request: Request) -> Reply:
        self._authorize(request, "attestations")
        if not self.available:
            raise Refused(403, "Feature not available for user-owned private repositories.")
        bundle = request.json().get("bundle")
        if not isinstance(bundle, dict) or not isinstance(bundle.get("dsseEnvelope"), dict):
            raise Refused(422, "Invalid request: bundle has no dsseEnvelope")
        number = next(self._numbers)
        self.attestations.append((repository, {"id": number, "bundle": bundle, **_statement(bundle)}))
        return json_reply({"id": number}, status=201)

    def _matching(self, places: Mapping[str, bool], digest: str, kind: str) -> list[dict[str, Any]]:
        kinds = {"provenance": "https://slsa.dev/provenance/", "sbom": "https://spdx.dev/", "release": "release"}
        return [
            one
            for repository, one in self.attestations
            if (places.get(repository) or places.get(repository.partition("/")[0]))
            and digest in one["digests"]
            and (not kind or kinds.get(kind, kind) in one["type"])
        ]

    def _told(self, one: dict[str, Any]) -> dict[str, Any]:
        url = f"{self.base_url}/github/blobs/{one['id']}.json.sn?sig=short-lived"
        return {"bundle": one["bundle"] if self.inline else None, "bundle_url": url, "repository_id": 1001,
                "initiator": "user"}  # fmt: skip

    def _list(self, repository: str, digest: str, request: Request) -> Reply:
        if "Authorization" in request.headers and request.headers["Authorization"] != f"Bearer {self.token}":
            raise Refused(401, "Bad credentials")
        found = self._matching({repository: True}, digest, request.query.get("predicate_type", ""))
        if not found:
            raise Refused(404, "Not Found")
        size = min(int(request.query.get("per_page", 30)), self.page)
        start = int(request.query.get("after", 0))
        headers = {}
        if start + size < len(found):
            here = f"{self.base_url}/github/repos/{repository}/attestations/{digest}"
            query = "".join(
                f"&{name}={value}" for name, value in request.query.items() if name in ("per_page", "predicate_type")
            )
            headers["Link"] = f'<{here}?after={start + size}{query}>; rel="next"'
        page = found[start : start + size]
        return json_reply({"attestations": [self._told(one) for one in page]}, headers=headers)

    def _bulk(self, kind: str, owner: str, request: Request) -> Reply:
        if kind == "users":
            self._authorize(request, "attestations")
        if (kind == "orgs") is not self.organization:
            raise Refused(404, "Not Found")
        asked = request.json()
        digests = asked.get("subject_digests")
        if not isinstance(digests, list) or not 0 < len(digests) <= _DIGESTS:
            raise Refused(422, f"subject_digests has 1 to {_DIGESTS} members")
        wanted = str(asked.get("predicate_type", ""))
        flat = [(digest, one) for digest in digests for one in self._matching({owner: True}, digest, wanted)]
        start = int(request.query.get("after", 0))
        page = flat[start : start + self.page]
        answer: dict[str, Any] = dict.fromkeys(digests)
        for digest, one in page:
            answer[digest] = [*(answer[digest] or []), self._told(one)]
        more = start + self.page < len(flat)
        info = {"has_next": more, **({"next": str(start + self.page)} if more else {})}
        return json_reply({"attestations_subject_digests": answer, "page_info": info})

    def _record(self, owner: str, request: Request) -> Reply:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            raise Refused(401, "Bad credentials")
        if "artifact-metadata" not in self.permissions or not self.organization:
            raise Refused(404, "no artifacts found")
        asked = request.json()
        if not _RECORD.fullmatch(str(asked.get("digest"))) or not str(asked.get("registry_url")).startswith("https://"):
            raise Refused(422, "Invalid request")
        record = {"id": next(self._numbers), "owner": owner, **asked}
        self.records.append(record)
        return json_reply({"total_count": 1, "storage_records": [record]})

    def _blob(self, name: str, request: Request) -> Reply:
        """A store of another host than the API: whoever sends the token there has lost it."""
        if "Authorization" in request.headers:
            raise Refused(400, "a token came to the store of bundles")
        number = name.partition(".")[0]
        for _, one in self.attestations:
            if str(one["id"]) == number:
                body = snapped(json.dumps(one["bundle"]).encode())
                return Reply(body=body, headers={"Content-Type": "application/x-snappy"})
        raise Refused(404, "no such blob")

    def _content(self, repository: str, path: str, request: Request) -> Reply:
        ref = request.query.get("ref", "")
        if (repository, ref, path) in self.contents:
            return Reply(
                body=self.contents[repository, ref, path], headers={"Content-Type": "application/octet-stream"}
            )
        below = [(name, data) for (of, at, name), data in self.contents.items()
                 if (of, at, name.rpartition("/")[0]) == (repository, ref, path)]  # fmt: skip
        if not below:
            raise Refused(404, "Not Found")
        return json_reply(
            [{"type": "file", "name": name.rpartition("/")[2], "path": name, "size": len(data)} for name, data in below]
        )

    def _release(self, repository: str, rest: list[str], request: Request) -> Reply:
        visible = "contents" in self.permissions and request.headers.get("Authorization") == f"Bearer {self.token}"
        match rest:
            case []:
                mine = [one for key, one in self.releases.items() if key.partition("@")[0] == repository]
                return json_reply([one for one in mine if visible or not one["draft"]])
            case ["tags", tag]:
                found = self.releases.get(f"{repository}@{tag}")
                if found is None or found["draft"]:
                    raise Refused(404, "Not Found")
                return json_reply(found)
            case [number, "assets"] if request.method == "GET":
                assets = [meta for _, meta, _ in self._assets.values() if str(meta["release"]) == number]
                return json_reply(assets)
            case [number, "assets"]:
                return self._upload(repository, int(number), request)
            case ["assets", number] if request.method == "GET":
                return Reply(body=self._asset(number)[2], headers={"Content-Type": "application/octet-stream"})
            case ["assets", number] if request.method == "DELETE":
                self._authorize(request, "contents")
                self._asset(number)
                del self._assets[int(number)]
                return Reply(status=204)
            case ["assets", number] if request.method == "PATCH":
                self._authorize(request, "contents")
                meta = self._asset(number)[1]
                self._free(meta["release"], str(request.json().get("name")))
                meta["name"] = str(request.json()["name"])
                return json_reply(meta)
        raise Refused(404, "Not Found")

    def _asset(self, number: str) -> tuple[str, dict[str, Any], bytes]:
        try:
            return self._assets[int(number)]
        except (KeyError, ValueError):
            raise Refused(404, "Not Found") from None

    def _free(self, release: int, name: str) -> None:
        if any(meta["release"] == release and meta["name"] == name for _, meta, _ in self._assets.values()):
            raise Refused(422, "Validation Failed: already_exists")

    def _upload(self, repository: str, release: int, request: Request) -> Reply:
        self._authorize(request, "contents")
        name = request.query.get("name", "")
        self._free(release, name)
        number = next(self._numbers)
        url = f"{self.base_url}/github/repos/{repository}/releases/assets/{number}"
        digest = f"sha256:{hashlib.sha256(request.body).hexdigest()}"
        meta = {"id": number, "name": name, "url": url, "browser_download_url": f"{url}?download", "release": release,
                "size": len(request.body), "digest": digest, "state": "uploaded"}  # fmt: skip
        self._assets[number] = (repository, meta, request.body)
        return json_reply(meta, status=201)


def _statement(bundle: dict[str, Any]) -> dict[str, Any]:
    try:
        statement = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
        digests = {f"{name}:{value}" for one in statement["subject"] for name, value in one["digest"].items()}
        return {"digests": digests, "type": str(statement["predicateType"])}
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Refused(422, "Invalid request: the envelope holds no statement") from None


def snapped(data: bytes) -> bytes:
    """A snappy block of literals alone (google/snappy, format_description.txt): any reader takes it."""
    length, head = len(data), bytearray()
    while length >= 0x80:
        head.append(length & 0x7F | 0x80)
        length >>= 7
    head.append(length)
    for at in range(0, len(data), 0x10000):
        piece = data[at : at + 0x10000]
        head += bytes([61 << 2]) + (len(piece) - 1).to_bytes(2, "little") + piece
    return bytes(head)
