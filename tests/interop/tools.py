"""Third-party programs of the interop tests, by name and version, built once into a cache folder outside the checkout.

``python -m tests.interop.tools`` builds what is missing, one after the other, and says what each took.
Each is built in a module of its own, so that every program gets the dependency versions its authors chose.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

BUILD_SECONDS = 1800


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One program: its module and version, the package of its command, build tags, and a file of its module to keep."""

    name: str
    version: str
    module: str
    package: str = ""
    tags: str = ""
    data: str = ""

    @property
    def path(self) -> Path:
        """Where the program is, once built."""
        return cache() / f"{self.name}-{self.version}"

    @property
    def data_path(self) -> Path:
        """Where the file of its module is kept."""
        return cache() / f"{self.name}-{self.version}{Path(self.data).suffix}"

    @property
    def built(self) -> bool:
        """Whether nothing is missing."""
        return self.path.exists() and (not self.data or self.data_path.exists())


TOOLS = {
    tool.name: tool
    for tool in (
        Tool(name="olareg", version="v0.2.2", module="github.com/olareg/olareg", package="cmd/olareg"),
        Tool(name="oras", version="v1.3.3", module="oras.land/oras", package="cmd/oras"),
        Tool(name="fulcio", version="v1.8.8", module="github.com/sigstore/fulcio"),
        Tool(
            name="rekor2",
            version="v2.3.0",
            module="github.com/sigstore/rekor-tiles/v2",
            package="cmd/rekor-server/posix",
        ),
        Tool(
            name="tsa",
            version="v2.1.3",
            module="github.com/sigstore/timestamp-authority/v2",
            package="cmd/timestamp-server",
        ),
        Tool(
            name="sigstore-go", version="v1.2.1", module="github.com/sigstore/sigstore-go", package="test/conformance"
        ),
        Tool(
            name="trillian-server",
            version="v1.7.3",
            module="github.com/google/trillian",
            package="cmd/trillian_log_server",
            tags="postgresql",
            data="storage/postgresql/schema/storage.sql",
        ),
        Tool(
            name="trillian-signer",
            version="v1.7.3",
            module="github.com/google/trillian",
            package="cmd/trillian_log_signer",
            tags="postgresql",
        ),
        Tool(name="createtree", version="v1.7.3", module="github.com/google/trillian", package="cmd/createtree"),
        Tool(
            name="ct-server",
            version="v1.3.3",
            module="github.com/google/certificate-transparency-go",
            package="trillian/ctfe/ct_server",
        ),
        Tool(name="rekor1", version="v1.5.4", module="github.com/sigstore/rekor", package="cmd/rekor-server"),
        Tool(name="cosign", version="v3.1.2", module="github.com/sigstore/cosign/v3", package="cmd/cosign"),
        Tool(name="gh", version="v2.95.0", module="github.com/cli/cli/v2", package="cmd/gh"),
        Tool(name="conftest", version="v0.69.0", module="github.com/open-policy-agent/conftest"),
        Tool(name="actionlint", version="v1.7.12", module="github.com/rhysd/actionlint", package="cmd/actionlint"),
        Tool(
            name="slsa-verifier",
            version="v2.7.1",
            module="github.com/slsa-framework/slsa-verifier/v2",
            package="cli/slsa-verifier",
        ),
    )
}

# commands of Debian packages: the command, and the package that has it
DEBIAN = {
    "buildah": "buildah",
    "chromium": "chromium",
    "debootstrap": "debootstrap",
    "docker-registry": "docker-registry",
    "skopeo": "skopeo",
    "umoci": "umoci",
}


def cache() -> Path:
    """The folder of the built programs: ``SIGSTEP_INTEROP_TOOLS``, else below the user's cache folder."""
    chosen = os.environ.get("SIGSTEP_INTEROP_TOOLS")  # noqa: TID251
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"  # noqa: TID251
    return Path(base) / "sigstep-interop" / "bin"


def tool(name: str) -> str:
    """The path of a built program.

    Raises:
        FileNotFoundError: it is not built; the message says how.
    """
    path = TOOLS[name].path
    if not path.exists():
        message = f"{name} is not built: run `make interop` (needs Go)"
        raise FileNotFoundError(message)
    return str(path)


def source(name: str) -> Path:
    """The folder with the sources of a program's module, its test data among them; fetched by Go where it is not there.

    Raises:
        subprocess.CalledProcessError: Go could not fetch it.
    """
    wanted = TOOLS[name]
    command = ["go", "mod", "download", "-json", f"{wanted.module}@{wanted.version}"]
    environ = {**os.environ, "GOTOOLCHAIN": "local"}  # noqa: TID251
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=BUILD_SECONDS, env=environ)
    return Path(json.loads(done.stdout)["Dir"])


def build(wanted: Tool) -> None:
    """Build one program in a scratch module.

    Raises:
        subprocess.CalledProcessError: Go could not build it; its output is on standard error.
    """
    package = f"{wanted.module}/{wanted.package}" if wanted.package else wanted.module
    wanted.path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        (scratch / "go.mod").write_text(f"module scratch\n\ngo 1.26\n\nrequire {wanted.module} {wanted.version}\n")
        (scratch / "tools.go").write_text(f'//go:build tools\n\npackage tools\n\nimport _ "{package}"\n')
        built = scratch / "built"
        environ = {**os.environ, "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}  # noqa: TID251
        command = ["go", "build", *(["-tags", wanted.tags] if wanted.tags else []), "-o", str(built), package]
        subprocess.run(command, cwd=scratch, env=environ, check=True, timeout=BUILD_SECONDS)
        if wanted.data:
            where = ["go", "list", "-m", "-f", "{{.Dir}}", wanted.module]
            module = subprocess.run(where, cwd=scratch, env=environ, check=True, capture_output=True, text=True)
            shutil.copyfile(Path(module.stdout.strip()) / wanted.data, wanted.data_path)
        partial = wanted.path.with_suffix(".partial")
        shutil.copyfile(built, partial)
        partial.chmod(0o755)
        partial.replace(wanted.path)


def install() -> list[str]:
    """Install the Debian packages whose commands are missing; the commands that are missing still."""
    missing = [command for command in DEBIAN if shutil.which(command) is None]
    if missing and shutil.which("apt-get") is not None:
        environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}  # noqa: TID251
        packages = sorted({DEBIAN[command] for command in missing})
        for arguments in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *packages]):
            subprocess.run(
                ["apt-get", *arguments], env=environ, check=False, timeout=BUILD_SECONDS, capture_output=True
            )
    return [command for command in missing if shutil.which(command) is None]


def main() -> int:
    """Build and install what is missing; 1 when something could not be had."""
    failed = install()
    for wanted in TOOLS.values():
        if wanted.built:
            continue
        start = time.monotonic()
        try:
            build(wanted)
        except (subprocess.SubprocessError, OSError) as error:
            failed.append(wanted.name)
            print(f"{wanted.name} {wanted.version}: not built: {error}", flush=True)
        else:
            print(f"{wanted.name} {wanted.version}: built in {time.monotonic() - start:.0f} s", flush=True)
    if failed:
        print(f"missing: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
