"""Variables that package managers obey: of workflows and actions, of Dockerfiles, of Bundler's own file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from sigstep.ecosystems.redirects.common import QUOTES, line_of, redirect, table
from sigstep.model import limits
from sigstep.model.dependency import Redirect
from sigstep.subjects.manifest import instructions
from sigstep.wire import strict_yaml
from sigstep.wire.strict_yaml import Node

_VARIABLES: Final = frozenset(
    (
        *("npm_config_registry", "pnpm_config_registry", "yarn_npm_registry_server", "bun_config_registry"),
        *("pip_index_url", "pip_pypi_url", "pip_extra_index_url", "pip_find_links", "pip_trusted_host"),
        *("uv_default_index", "uv_index", "uv_index_url", "uv_extra_index_url", "uv_find_links", "uv_insecure_host"),
        *("pdm_pypi_url", "pipenv_pypi_mirror"),
        *("pip_config_file", "uv_config_file", "npm_config_userconfig", "npm_config_globalconfig", "goenv"),
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


def dockerfile(data: bytes, path: str) -> Iterator[Redirect]:
    """Each such variable of ``ENV`` and ``ARG`` (Dockerfile reference); a name that has variables counts as one."""
    for number, words in instructions(data.decode("utf-8-sig", "replace")):
        kind, *pairs = (word.translate(QUOTES) for word in words)
        if kind.upper() == "ONBUILD":
            kind, *pairs = pairs or [kind]
        if kind.upper() not in {"ENV", "ARG"}:
            continue
        if "=" not in "".join(pairs[:1]):  # ENV NAME value
            pairs = [f"{''.join(pairs[:1])}={' '.join(pairs[1:])}"]
        for name, _, to in (one.partition("=") for one in pairs):
            if "$" in name or _counts(name.lower(), to):
                yield from redirect(f"the variable {name}", to, path, number)


def bundler(data: bytes, path: str) -> Iterator[Redirect]:
    """Mirrors of a ``.bundle/config`` (Bundler's bundle-config(1)), whose members are named as variables."""
    for name, to in table(strict_yaml.loads(data, name=path)).items():
        if _counts(str(name).lower(), ""):
            yield from redirect(f"the variable {name}", to, path, line_of(data, name))


def _counts(name: str, value: str) -> bool:
    if name == "goflags":
        flags = value.replace("'", " ").replace('"', " ").replace("--", "-").split()
        return "${{" in value or any(one.startswith(_GO_FLAGS) for one in flags)
    return name in _VARIABLES or name.startswith(_PREFIXES)


def _members(node: Node | None) -> Mapping[str, Node]:
    return node.value if node is not None and isinstance(node.value, Mapping) else {}


def _items(node: Node | None) -> tuple[Node, ...]:
    return node.value if node is not None and isinstance(node.value, tuple) else ()
