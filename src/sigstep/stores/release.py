"""Assets of a GitHub release: bundles beside the files that people download; replaced without a gap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import quote, urlsplit

from sigstep.errors import ServiceError
from sigstep.model import limits
from sigstep.model.bundle import FILE_ENDINGS
from sigstep.model.digest import Digest
from sigstep.model.receipt import Receipt
from sigstep.model.subject import Subject
from sigstep.ports.store import Found
from sigstep.ports.world import World
from sigstep.services.github import GitHub, check_slug
from sigstep.wire.github import malformed

PERMISSION: Final = "contents: write"
_OCTETS: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseStore:
    """The release of a tag, a draft too.

    Attributes:
        github: the API.
        repository: ``owner/name``.
        tag: of the release.
        asset: the asset's name; by default ``<file>.sigstore.json``, and ``attestation.sigstore.json`` for many.
        replace: take the place of an asset of the same name with other content; otherwise that is an error.
    """

    github: GitHub = field(default_factory=GitHub)
    repository: str
    tag: str
    asset: str = ""
    replace: bool = False
    name: str = "release"

    def publish(self, bundle: bytes, subjects: Sequence[Subject], world: World) -> tuple[Receipt, ...]:
        """See `Store.publish`.

        Raises:
            ServiceError: ``release-asset-exists``, ``release-upload``, ``release-missing``, and those of `GitHub.call`.
        """
        stem = _asset_name(subjects[0]) if len(subjects) == 1 else "attestation"
        name = _kept(self.asset) if self.asset else f"{stem}.sigstore.json"
        data = bundle + b"\n"
        release = self._release(world)
        old = next((one for one in self._assets(release, world) if one.get("name") == name), None)
        if old is not None and old.get("digest") == str(Digest.of(data)):
            return (self._receipt(old),)
        if old is not None and not self.replace:
            raise ServiceError(
                code="release-asset-exists",
                what=f"the release {self.tag} has another {name}",
                why="it was not asked to replace it",
                fix="say `release-replace: true`, or attest into a new release",
            )
        if old is None:
            return (self._receipt(self._upload(release, name, data, world)),)
        return (self._receipt(self._replaced(release, old, name, data, world)),)

    def find(self, subjects: Sequence[Subject], world: World) -> Mapping[Digest, tuple[Found, ...]]:
        """See `Finder.find`: assets that are named for the subject, and those for all of a release.

        Raises:
            ServiceError: ``release-missing``, and those of `GitHub.call`.
        """
        assets = [
            one for one in self._assets(self._release(world), world) if str(one.get("name")).endswith(FILE_ENDINGS)
        ]
        read: dict[str, Found] = {}
        found: dict[Digest, tuple[Found, ...]] = {}
        names = {_asset_name(subject) for subject in subjects}
        for subject in subjects:
            about = []
            for asset in assets:
                name = str(asset["name"])
                owner = next((one for one in sorted(names, key=len, reverse=True) if name.startswith(f"{one}.")), "")
                if owner in {"", _asset_name(subject)}:
                    if name not in read:
                        read[name] = self._read(asset, world)
                    about.append(read[name])
            found.update(dict.fromkeys(subject.digests, tuple(about)))
        return found

    def _read(self, asset: Mapping[str, Any], world: World) -> Found:
        answer = self.github.call("GET", str(asset.get("url")), world, allowed=(200,), accept=_OCTETS, redirects=3)
        return Found(source=f"release {self.tag} {asset['name']}", data=answer.body)

    def _release(self, world: World) -> dict[str, Any]:
        """The release of the tag. A draft has no address of its own: it is looked for among the latest hundred."""
        slug, tag = check_slug(self.repository), quote(self.tag, safe="")
        answer = self.github.json("GET", f"repos/{slug}/releases/tags/{tag}", world, allowed=(200, 404))
        if answer is None:
            pages = self.github.pages(f"repos/{slug}/releases?per_page=100", world, at_most=1)
            listed = [one for page in pages for one in page.get("items", ()) if isinstance(one, dict)]
            answer = next((one for one in listed if one.get("tag_name") == self.tag), None)
        if answer is None:
            raise ServiceError(
                code="release-missing",
                what=f"{slug} has no release {self.tag[:100]!r}",
                why="GitHub knows none, or the token may not see its draft",
                fix="create it first; for a draft give the job the permission",
                paste=f"permissions:\n  {PERMISSION}",
            )
        return _checked(answer, "upload_url")

    def _assets(self, release: Mapping[str, Any], world: World) -> list[dict[str, Any]]:
        path = f"repos/{self.repository}/releases/{int(release['id'])}/assets?per_page=100"
        pages = self.github.pages(path, world, at_most=limits.RELEASE_ASSETS // 100)
        return [one for page in pages for one in page.get("items", ()) if isinstance(one, dict)]

    def _upload(self, release: Mapping[str, Any], name: str, data: bytes, world: World) -> dict[str, Any]:
        """Uploads have a host of their own; the token goes there only where it is GitHub's."""
        address = str(release["upload_url"]).partition("{")[0]
        there = urlsplit(address)
        uploads = replace(self.github, api=f"{there.scheme}://{there.netloc}")
        if not _may_upload(self.github.api, uploads.api):
            raise ServiceError(
                code="release-upload",
                what="GitHub names a server for uploads that is not its own",
                why=f"{there.netloc[:100]} does not belong to {urlsplit(self.github.api).netloc}",
                fix="check GITHUB_API_URL; a proxy may have answered in GitHub's place",
            )
        answer = uploads.json_of_upload(f"{address}?name={quote(name, safe='')}", data, world, permission=PERMISSION)
        return _checked(answer, "name")

    def _replaced(
        self, release: Mapping[str, Any], old: Mapping[str, Any], name: str, data: bytes, world: World
    ) -> dict[str, Any]:
        """The new asset under another name, then the old one away, then the name: whoever is killed between leaves at
        least one of them whole."""
        base = f"repos/{self.repository}/releases/assets"
        made = self._upload(release, f"new-{world.entropy.token(4).hex()}-{name}", data, world)
        try:
            self.github.json("DELETE", f"{base}/{int(old['id'])}", world, allowed=(204, 404), permission=PERMISSION)
            named = self.github.json(
                "PATCH", f"{base}/{int(made['id'])}", world, body={"name": name}, permission=PERMISSION
            )
        except ServiceError as error:
            raise ServiceError(
                code="release-replace",
                what=f"{name} of the release {self.tag} was not replaced to the end",
                why=f"the new content is there as {made['name']}: {error.what}",
                fix=f"rename that asset to {name}, or run the step again and delete it",
            ) from error
        return _checked(named, "name")

    def _receipt(self, asset: Mapping[str, Any]) -> Receipt:
        url = str(asset.get("browser_download_url", ""))
        return Receipt(store=self.name, location=f"{self.tag}/{asset['name']}", id=str(asset.get("id", "")), url=url)


def _asset_name(subject: Subject) -> str:
    return _kept(PurePosixPath((subject.location or subject.name).replace("\\", "/")).name) or "subject"


def _kept(name: str) -> str:
    """A name as GitHub keeps it: what is neither letter, digit, dot, dash nor underscore becomes a dot."""
    return "".join(char if char.isascii() and (char.isalnum() or char in "._-") else "." for char in name)


def _may_upload(api: str, uploads: str) -> bool:
    if api == uploads or uploads == api.replace("://api.", "://uploads.", 1):
        return True
    here, there = urlsplit(api), urlsplit(uploads)
    return (here.scheme, here.netloc) == (there.scheme, there.netloc)


def _checked(answer: Any, member: str) -> dict[str, Any]:
    if not isinstance(answer, dict) or not isinstance(answer.get(member), str) or not isinstance(answer.get("id"), int):
        raise malformed(f"it lacks id or {member}")
    return answer
