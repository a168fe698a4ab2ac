"""GitHub's linked artifacts: a storage record says in which registry an artifact is kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from sigstep.errors import ServiceError
from sigstep.model.digest import Digest
from sigstep.model.receipt import Receipt
from sigstep.ports.world import World
from sigstep.services.github import GitHub, check_slug

PERMISSION: Final = "artifact-metadata: write"
_NAME: Final = 256
_VERSION: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageRecords:
    """Storage records of one repository's owner, who has to be an organisation.

    Attributes:
        github: the API.
        repository: ``owner/name``.
    """

    github: GitHub = field(default_factory=GitHub)
    repository: str

    def possible(self, world: World) -> bool:
        """Whether the owner is an organisation; users have no linked artifacts.

        Raises:
            ServiceError: see `GitHub.call`.
        """
        answer = self.github.json("GET", f"repos/{check_slug(self.repository)}", world)
        owner = answer.get("owner")
        return isinstance(owner, dict) and owner.get("type") == "Organization"

    def record(self, name: str, digest: Digest, world: World, *, registry: str, version: str = "") -> Receipt:
        """Record where an artifact is (GitHub REST API, artifact metadata).

        Args:
            name: of the artifact, with its registry.
            digest: its sha256.
            registry: the host of the registry.
            version: of the artifact, where there is one.

        Raises:
            ServiceError: ``storage-record``, where the permission is missing; and those of `GitHub.call`.
        """
        owner, _, short = check_slug(self.repository).partition("/")
        body = {
            "name": name[:_NAME],
            "digest": str(digest),
            "registry_url": f"https://{registry}",
            "github_repository": short,
            **({"version": version[:_VERSION]} if version else {}),
        }
        path = f"orgs/{owner}/artifacts/metadata/storage-record"
        answer = self.github.json("POST", path, world, body=body, allowed=(200, 201, 404), permission=PERMISSION)
        records = answer.get("storage_records") if isinstance(answer, dict) else None
        ids = [str(one["id"]) for one in records or () if isinstance(one, dict) and "id" in one]
        if not ids:
            raise ServiceError(
                code="storage-record",
                what="GitHub made no storage record",
                why="it knows no such artifact, which is also what it says where the permission is missing",
                fix="say `create-storage-record: false`, or give the job the permission",
                paste=f"permissions:\n  {PERMISSION}",
            )
        return Receipt(store="storage-record", location=name, id=",".join(ids))
