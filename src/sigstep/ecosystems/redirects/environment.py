"""Variables of a workflow that package managers obey: its ``env:``, and those of jobs and steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from sigstep.ecosystems.redirects.common import redirect
from sigstep.model import limits
from sigstep.model.dependency import Redirect
from sigstep.wire import strict_yaml
from sigstep.wire.strict_yaml import Node

VARIABLES: Final = frozenset(
    (
        *("npm_config_registry", "yarn_npm_registry_server", "bun_config_registry"),
        *("pip_index_url", "pip_extra_index_url", "pip_find_links", "pip_trusted_host"),
        *("uv_default_index", "uv_index", "uv_index_url", "uv_extra_index_url", "uv_find_links", "uv_insecure_host"),
        *("goproxy", "gosumdb", "gonosumdb", "gonosumcheck", "gonoproxy", "goprivate", "goinsecure", "goflags"),
    )
)
_CARGO: Final = ("cargo_source_", "cargo_registries_")


def workflow(data: bytes, path: str) -> Iterator[Redirect]:
    """Each such variable of a workflow; of two in one file with one name, both count."""
    for document in strict_yaml.documents(data, at_most=limits.LOCKFILE_BYTES, name=path):
        jobs = [_members(one) for one in _members(_members(document).get("jobs")).values()]
        steps = [_members(step) for job in jobs for step in _items(job.get("steps"))]
        for holder in (_members(document), *jobs, *steps):
            for name, node in _members(holder.get("env")).items():
                if name.lower() in VARIABLES or name.lower().startswith(_CARGO):
                    yield from redirect(f"the variable {name}", str(node.value or ""), path, node.line)


def _members(node: Node | None) -> Mapping[str, Node]:
    return node.value if node is not None and isinstance(node.value, Mapping) else {}


def _items(node: Node | None) -> tuple[Node, ...]:
    return node.value if node is not None and isinstance(node.value, tuple) else ()
