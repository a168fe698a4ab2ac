"""Sigstore instances that sigstep knows by name, and those of a custom TUF repository."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Final

from sigstep.errors import UsageError
from sigstep.model.trust import Thresholds, Validity

if TYPE_CHECKING:
    from sigstep.model.services import SigningConfig

PUBLIC_PROFILE: Final = Thresholds(entries=1, times=1, scts=1)
GITHUB_PROFILE: Final = Thresholds(entries=0, times=1, signed_times=1, scts=0)
_GITHUB_START: Final = datetime(2023, 10, 27, 16, 30, tzinfo=timezone.utc)


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One instance: its TUF repository, the names of its targets, the folder of what the package carries of it.

    Attributes:
        name: its name in options and reports.
        tuf_url: base address of the TUF metadata; targets are below ``targets/``.
        root_target, config_target: names of the targets; ``config_target`` is empty where the repository has none.
        embedded: folder below ``sigstep.trust.roots``, empty where the package carries nothing.
        thresholds: of its profile; None: by what its trusted root lists.
        writes_publicly: its logs can be read by everybody.
        tuf_root: the caller's first ``root.json`` (custom repositories).
    """

    name: str
    tuf_url: str
    root_target: str = "trusted_root.json"
    config_target: str = "signing_config.v0.2.json"
    embedded: str = ""
    thresholds: Thresholds | None = None
    writes_publicly: bool = False
    tuf_root: bytes | None = None

    def file(self, name: str) -> bytes | None:
        """A file that the package carries for this instance, or None."""
        if not self.embedded:
            return None
        from importlib import resources

        path = resources.files("sigstep.trust") / "roots" / self.embedded / name
        return path.read_bytes() if path.is_file() else None


PUBLIC_GOOD: Final = Instance(
    name="public-good",
    tuf_url="https://tuf-repo-cdn.sigstore.dev",
    embedded="public-good",
    thresholds=PUBLIC_PROFILE,
    writes_publicly=True,
)
STAGING: Final = Instance(
    name="staging",
    tuf_url="https://tuf-repo-cdn.sigstage.dev",
    embedded="staging",
    thresholds=PUBLIC_PROFILE,
    writes_publicly=True,
)
GITHUB: Final = Instance(
    name="github",
    tuf_url="https://tuf-repo.github.com",
    config_target="",
    embedded="github",
    thresholds=GITHUB_PROFILE,
)
KNOWN: Final = {one.name: one for one in (PUBLIC_GOOD, STAGING, GITHUB)}


def instance_of(name: str, *, tuf_root: bytes | None = None) -> Instance:
    """The instance of that name, or of the custom TUF repository at that address.

    Args:
        name: ``public-good``, ``staging``, ``github``, or an http(s) address.
        tuf_root: the first ``root.json`` of a custom repository; it is never fetched from the network.

    Raises:
        UsageError: ``instance-unknown``, ``tuf-root-missing``.
    """
    known = KNOWN.get(name)
    if known is not None:
        return known
    if not name.startswith(("https://", "http://")):
        raise UsageError(
            code="instance-unknown",
            what=f"there is no instance {name!r}",
            why=f"known are {', '.join(KNOWN)} and addresses of TUF repositories",
            fix="give one of these names, OCTO.ghe.com of a tenant, or https://… with --tuf-root",
        )
    if tuf_root is None:
        raise UsageError(
            code="tuf-root-missing",
            what=f"the TUF repository {name} has no anchor",
            why="a first root.json that comes from the network proves nothing",
            fix="run sigstep trust init URL --tuf-root FILE once with the root.json that its operator handed you",
        )
    return Instance(name=name.rstrip("/"), tuf_url=name.rstrip("/"), tuf_root=tuf_root)


def tenant(domain: str, trust_domain: str) -> Instance:
    """GitHub's instance of one ``*.ghe.com`` tenant, whose trusted root is a target of GitHub's repository."""
    return Instance(
        name=domain,
        tuf_url=GITHUB.tuf_url,
        root_target=f"{trust_domain}.trusted_root.json",
        config_target="",
        embedded="github",
        thresholds=GITHUB_PROFILE,
    )


def github_services(domain: str = "githubapp.com") -> SigningConfig:
    """GitHub's Fulcio and timestamp authority; nothing is written to a log.

    Args:
        domain: ``githubapp.com``, or the domain of a tenant (``octo.ghe.com``).
    """
    from sigstep.model.services import Service, SigningConfig

    validity = Validity(start=_GITHUB_START)
    return SigningConfig(
        certificate_authorities=(
            Service(url=f"https://fulcio.{domain}", major_api_version=1, validity=validity, operator="github"),
        ),
        timestamp_authorities=(
            Service(
                url=f"https://timestamp.{domain}/api/v1/timestamp",
                major_api_version=1,
                validity=validity,
                operator="github",
            ),
        ),
    )
