"""GitHub's attestations API: publish a bundle, and find by digest what is known about artifacts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from sigstep.errors import ServiceError
from sigstep.model import limits
from sigstep.model.digest import Digest
from sigstep.model.receipt import Receipt
from sigstep.model.subject import Subject
from sigstep.ports.retry import Budget, retrying
from sigstep.ports.store import Found
from sigstep.ports.world import World
from sigstep.services.github import GitHub, check_slug
from sigstep.wire.github import Listed, check_bundle_url, listed, listed_in_bulk
from sigstep.wire.snappy import unsnapped

PERMISSION: Final = "attestations: write"
_READ: Final = "attestations: read"
_PARALLEL: Final = 8
_TIMEOUT_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GitHubStore:
    """Attestations of one repository, or (to find only) of an owner's repositories.

    Attributes:
        github: the API.
        place: ``owner/name``, or ``owner``.
        server: GitHub's web address, for links.
        predicate_type: only attestations of this type are asked for: ``provenance``, ``sbom``, ``release`` or a URI.
    """

    github: GitHub = field(default_factory=GitHub)
    place: str
    server: str = "https://github.com"
    predicate_type: str = ""
    name: str = "github"

    def publish(self, bundle: bytes, subjects: Sequence[Subject], world: World) -> tuple[Receipt, ...]:  # noqa: ARG002 - the family's signature
        """See `Store.publish`.

        Raises:
            UsageError: ``github-repository``.
            ServiceError: nothing was stored; see `GitHub.call`.
        """
        slug = check_slug(self.place)
        body = {"bundle": json.loads(bundle)}
        answer = self.github.json("POST", f"repos/{slug}/attestations", world, body=body, permission=PERMISSION)
        number = answer.get("id")
        if not isinstance(number, int | str) or not str(number).isalnum():
            raise ServiceError(
                code="github-answer",
                what="GitHub took the attestation and did not say under which id",
                why="the answer has no id",
                fix="look for it by digest: sigstep download sha256:… --repo OWNER/NAME",
            )
        url = f"{self.server}/{slug}/attestations/{number}"
        return (Receipt(store=self.name, location=url, id=str(number), url=url),)

    def find(self, subjects: Sequence[Subject], world: World) -> Mapping[Digest, tuple[Found, ...]]:
        """See `Finder.find`: by digest, or in bulk where the place is an owner.

        Raises:
            UsageError: ``github-repository``, ``snappy-missing``.
            FormatError: an answer, or an address in it, is not one of GitHub's.
            ServiceError: ``github-too-many``; see `GitHub.call`.
        """
        digests = tuple(dict.fromkeys(digest for subject in subjects for digest in subject.digests))
        if "/" in self.place:
            check_slug(self.place)
            known = tuple((digest, self._by_digest(digest, world)) for digest in digests)
        else:
            known = tuple(self._in_bulk(digests, world).items())
        flat = [(digest, at, one) for digest, found in known for at, one in enumerate(found, start=1)]
        with ThreadPoolExecutor(_PARALLEL) as pool:
            bundles = list(pool.map(lambda item: self._bundle(item[0], item[1], item[2], world), flat))
        return {
            digest: tuple(made for made, (of, _, _) in zip(bundles, flat, strict=True) if of == digest)
            for digest in digests
        }

    def _by_digest(self, digest: Digest, world: World) -> tuple[Listed, ...]:
        kind = f"&predicate_type={quote(self.predicate_type, safe='')}" if self.predicate_type else ""
        path = f"repos/{self.place}/attestations/{digest}?per_page=100{kind}"
        pages = self.github.pages(path, world, at_most=limits.GITHUB_PAGES + 1, permission=_READ)
        if len(pages) > limits.GITHUB_PAGES:
            raise _too_many(self.place)
        return tuple(one for page in pages for one in listed(page))

    def _in_bulk(self, digests: Sequence[Digest], world: World) -> Mapping[Digest, tuple[Listed, ...]]:
        """One call for up to 1024 digests; an owner who is no organisation is a user."""
        check_slug(f"{self.place}/x")
        found: dict[str, list[Listed]] = {}
        for at in range(0, len(digests), limits.GITHUB_DIGESTS):
            group = [str(one) for one in digests[at : at + limits.GITHUB_DIGESTS]]
            body: dict[str, Any] = {"subject_digests": group}
            if self.predicate_type:
                body["predicate_type"] = self.predicate_type
            for answer in self._bulk_pages(body, world):
                for digest, some in answer.items():
                    found.setdefault(digest, []).extend(some)
        return {digest: tuple(found.get(str(digest), ())) for digest in digests}

    def _bulk_pages(self, body: Mapping[str, Any], world: World) -> list[Mapping[str, tuple[Listed, ...]]]:
        pages: list[Mapping[str, tuple[Listed, ...]]] = []
        after, kind = "", "orgs"
        for _ in range(limits.GITHUB_PAGES):
            query = f"?per_page=100&after={quote(after, safe='')}" if after else "?per_page=100"
            answer = self._bulk(kind, query, body, world)
            if answer is None and kind == "orgs":
                kind = "users"
                answer = self._bulk(kind, query, body, world)
            if answer is None and pages:
                raise ServiceError(
                    code="github-answer",
                    what="GitHub's listing of attestations ends in the middle",
                    why=f"the page after {len(pages)} is not there",
                    fix="ask again",
                )
            if answer is None:
                break
            found, after = listed_in_bulk(answer)
            pages.append(found)
            if not after:
                break
        else:
            raise _too_many(self.place)
        return pages

    def _bulk(self, kind: str, query: str, body: Mapping[str, Any], world: World) -> Any:
        path = f"{kind}/{self.place}/attestations/bulk-list{query}"
        return self.github.json("POST", path, world, body=body, allowed=(200, 404), permission=_READ)

    def _bundle(self, digest: Digest, at: int, one: Listed, world: World) -> Found:
        source = f"GitHub {self.place} {str(digest)[:19]}#{at}"
        if not one.url:
            return Found(source=source, data=json.dumps(one.bundle).encode())
        check_bundle_url(one.url, self.github.api)
        return Found(source=source, data=unsnapped(self._fetch(one.url, world)))

    def _fetch(self, url: str, world: World) -> bytes:
        """The bytes at an address that is signed for a few minutes: no token goes there, and no redirect is taken."""

        def once() -> bytes:
            answer = world.http.request("GET", url, at_most=limits.SNAPPY_BYTES, timeout=_TIMEOUT_SECONDS)
            if answer.status == 200:
                return answer.body
            raise ServiceError(
                code="github-bundle",
                what=f"a bundle that GitHub names cannot be fetched: status {answer.status}",
                why="the address is signed and holds for minutes only" if answer.status == 403 else "",
                fix="ask again",
                retryable=answer.status >= 500,
                status=answer.status,
            )

        budget = Budget.starting_now(self.github.retry_seconds, world)
        return retrying(once, service="GitHub's store of bundles", budget=budget, world=world)


def _too_many(place: str) -> ServiceError:
    """What is left out of a listing could be what turns a verdict around, so that none is made of a part of it."""
    return ServiceError(
        code="github-too-many",
        what=f"GitHub lists more than {limits.GITHUB_PAGES} pages of attestations of {place}",
        why="no verdict is made of a part of them",
        fix="name the kind with --type, or the bundle with --bundle",
    )
