"""Variables of a workflow that package managers obey: its ``env:``, and those of jobs, containers and steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from sigstep.ecosystems.redirects.common import redirect
from sigstep.model import limits
from sigstep.model.dependency import Redirect
from sigstep.wire import strict_yaml
from sigstep.wire.strict_yaml import Node

_VARIABLES: Final = frozenset(
    (
        *("npm_config_registry", "pnpm_config_registry", "yarn_npm_registry_server", "bun_config_registry"),
        *("pip_index_url", "pip_extra_index_url", "pip_find_links", "pip_trusted_host"),
        *("uv_default_index", "uv_index", "uv_index_url", "uv_extra_index_url", "uv_find_links", "uv_insecure_host"),
        *("goproxy", "gosumdb", "gonosumdb", "gonosumcheck", "gonoproxy", "goprivate", "goinsecure"),
    )
)
_PREFIXES: Final = ("cargo_source_", "cargo_registries_", "npm_config_@", "pnpm_config_@", "bundle_mirror__")
_GO_FLAGS: Final = ("-mod=mod", "-modfile", "-overlay", "-insecure", "-toolexec")  # others choose no code


def workflow(data: bytes, path: str) -> Iterator[Redirect]:
    """Each such variable of a workflow or action; of two in one file with one name, both count."""
    for document in strict_yaml.documents(data, at_most=limits.LOCKFILE_BYTES, name=path):
        whole = _members(document)
        jobs = [_members(one) for one in (*_members(whole.get("jobs")).values(), whole.get("runs"))]
        inner = [_members(one) for job in jobs for one in (job.get("container"), *_items(job.get("steps")))]
        for holder in (whole, *jobs, *inner):
            for name, node in _members(holder.get("env")).items():
                if _counts(name.lower(), str(node.value)):
                    yield from redirect(f"the variable {name}", str(node.value or ""), path, node.line)


def _counts(name: str, value: str) -> bool:
    if name == "goflags":
        flags = value.replace("'", " ").replace('"', " ").replace("--", "-").split()
        return "${{" in value or any(one.startswith(_GO_FLAGS) for one in flags)
    return name in _VARIABLES or name.startswith(_PREFIXES)


def _members(node: Node | None) -> Mapping[str, Node]:
    return node.value if node is not None and isinstance(node.value, Mapping) else {}


def _items(node: Node | None) -> tuple[Node, ...]:
    return node.value if node is not None and isinstance(node.value, tuple) else ()
