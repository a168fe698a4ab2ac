"""The images of the Dockerfile, built for real on a base made here: the command line as nobody, and the Action's step."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from tests.interop.tools import cache
from tests.sandboxes import sandbox

from sigstep.sandbox.local import Sandbox

__all__ = ["sandbox"]

ROOT = Path(__file__).parents[2]
BASE = "localhost/sigstep-base:local"
SECONDS = 600
STORAGE = '[storage]\ndriver = "overlay"\nrunroot = "{0}/run"\ngraphroot = "{0}/graph"\n'


class Buildah:
    """buildah with a storage of its own, without a daemon."""

    def __init__(self, folder: Path) -> None:
        configuration = folder / "storage.conf"
        configuration.write_text(STORAGE.format(folder))
        more = {"CONTAINERS_STORAGE_CONF": str(configuration), "STORAGE_DRIVER": "overlay"}
        self._environ = {**os.environ, **more}  # noqa: TID251

    def __call__(self, *arguments: str, cwd: Path = ROOT) -> str:
        """Run one command; what it prints."""
        command = ["buildah", *arguments]
        done = subprocess.run(
            command, cwd=cwd, env=self._environ, capture_output=True, text=True, timeout=SECONDS, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def build(self, target: str, *more: str) -> None:
        """One target of the Dockerfile, its wheels from the folder that set-up made."""
        wheels = Path(sys.prefix) / "wheelhouse"
        began = time.monotonic()
        self(
            *(
                "bud",
                "--isolation",
                "chroot",
                "--layers",
                "-q",
                "--target",
                target,
                "-t",
                f"localhost/sigstep:{target}",
            ),
            *("--build-arg", f"PYTHON_IMAGE={BASE}", "-v", f"{wheels}:/wheels:ro"),
            *("--build-arg", "PIP_OPTIONS=--no-index --find-links /wheels", *more, "."),
        )
        print(f"{target}: built in {time.monotonic() - began:.1f} s")

    def entry_point(self, target: str) -> list[str]:
        """The image's entry point, as its configuration says."""
        configuration = self("inspect", "--type", "image", f"localhost/sigstep:{target}")
        return list(json.loads(configuration)["OCIv1"]["config"]["Entrypoint"])

    def size(self, image: str) -> int:
        """Bytes of an image's file system as buildah counts them."""
        (found,) = [one for one in json.loads(self("images", "--json")) if image in (one["names"] or ())]
        return int(found["size"].split()[0])

    @contextmanager
    def mounted(self, target: str) -> Iterator[Path]:
        """The file system of a container of that image."""
        container = self("from", "--pull-never", f"localhost/sigstep:{target}")
        try:
            yield Path(self("mount", container))
        finally:
            self("rm", container)


def base_archive() -> Path:
    """A Debian with Python as a tar, made once (debootstrap) from where this machine's packages come from."""
    path = cache() / "debian-bookworm-python.tar"
    if not path.exists():
        ask = ["apt-get", "indextargets", "--format", "$(SITE)"]
        mirror = subprocess.run(ask, check=True, capture_output=True, text=True, timeout=60).stdout.split()[0]
        root = path.with_suffix(".root")
        packages = "--include=python3,python3-venv,python3-pip"
        make = ["debootstrap", "--variant=minbase", packages, "bookworm", str(root), mirror]
        subprocess.run(make, check=True, capture_output=True, timeout=SECONDS)
        partial = path.with_suffix(".partial")
        leave = ["--exclude=./dev/*", "--exclude=./var/cache/apt/*", "--exclude=./var/lib/apt/lists/*"]
        subprocess.run(["tar", "-C", str(root), *leave, "-cf", str(partial), "."], check=True, timeout=SECONDS)
        shutil.rmtree(root)
        partial.replace(path)
    return path


@pytest.fixture(scope="module")
def buildah(tmp_path_factory: pytest.TempPathFactory) -> Buildah:
    """buildah with the base image and both images of the Dockerfile."""
    folder = tmp_path_factory.mktemp("buildah")
    built = Buildah(folder)
    context = folder / "base"
    context.mkdir()
    shutil.copy(base_archive(), context / "base.tar")
    (context / "Dockerfile").write_text('FROM scratch\nADD base.tar /\nCMD ["/bin/sh"]\n')
    built("bud", "--isolation", "chroot", "-q", "-t", BASE, ".", cwd=context)
    for target in ("cli", "action"):
        built.build(target)
    return built


def inside(
    root: Path,
    command: Sequence[str],
    *,
    environ: Mapping[str, str],
    binds: Mapping[Path, str],
    user: str = "0:0",
    writable: bool = True,
    folder: str = "/work",
) -> subprocess.CompletedProcess[str]:
    """Run a command in that file system as a container would: mounts of its own, a clean environment, a user."""
    script = [f"mount --bind {root} {root}"]
    for source, place in binds.items():
        (root / place.lstrip("/")).mkdir(parents=True, exist_ok=True)
        script.append(f"mount --bind {source} {root}{place}")
    script.append(f"mount -t tmpfs tmpfs {root}/tmp")
    if not writable:
        script.append(f"mount -o remount,bind,ro {root}")
    # chroot goes to the root folder; the image's own python goes where a container would begin
    begin = "import os, sys; os.chdir(sys.argv[1]); os.execv(sys.argv[2], sys.argv[2:])"
    script.append(f'exec chroot --userspec={user} {root} /opt/sigstep/bin/python -I -c "$BEGIN" {folder} "$@"')
    return subprocess.run(
        ["unshare", "--mount", "sh", "-ec", "\n".join(script), "sh", *command],
        env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "BEGIN": begin, **environ},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_command_line_as_nobody_on_a_file_system_without_writes(buildah: Buildah, tmp_path: Path) -> None:
    """The image needs no shell, no user and no place to write but /tmp."""
    (tmp_path / "file").write_text("hello\n")
    tmp_path.chmod(0o755)
    command = buildah.entry_point("cli")
    with buildah.mounted("cli") as root:

        def run(*arguments: str) -> subprocess.CompletedProcess[str]:
            binds = {tmp_path: "/work"}
            return inside(root, arguments, environ={"HOME": "/tmp"}, binds=binds, user="65532:65532", writable=False)

        began = time.monotonic()
        version = run(*command, "--version")
        print(f"cli: `--version` in {time.monotonic() - began:.2f} s, {buildah.size('localhost/sigstep:cli')} MB")
        assert (version.returncode, version.stderr) == (0, "")
        refused = run(*command, "verify", "file", "--repo", "acme/widget", "--offline")
        assert refused.returncode == 1, refused.stderr
        assert "no-bundle" in refused.stdout
        written = run(command[0], "-I", "-c", "open('/opt/sigstep/x', 'w')")
        assert "Read-only file system" in written.stderr or "Permission denied" in written.stderr


def test_the_step_as_the_runner_runs_it(buildah: Buildah, sandbox: Sandbox, tmp_path: Path) -> None:
    """docker/action.yml: inputs through its ``env``, the runner's folders where the runner mounts them, as root."""
    workspace, temporary, commands = (tmp_path / name for name in ("workspace", "runner_temp", "file_commands"))
    for folder in (workspace, temporary, commands):
        folder.mkdir()
    (workspace / "one.whl").write_text("one\n")
    action = yaml.safe_load((ROOT / "docker" / "action.yml").read_text())
    given = {name: str(one.get("default", "")) for name, one in action["inputs"].items()}
    given["subject-path"] = "*.whl"
    given["github-token"] = sandbox.hub.token  # the default is an expression, which the runner replaces
    mapped = dict(action["runs"]["env"])
    for variable, value in mapped.items():
        if value.startswith("${{ inputs."):
            mapped[variable] = given[value.removeprefix("${{ inputs.").removesuffix(" }}")]
    config = workspace / "trust.json"
    shutil.copy(sandbox.trust_config_file, config)
    environ = {
        **sandbox.environ(),
        **mapped,
        "SIGSTEP_TRUST_CONFIG": "trust.json",
        "GITHUB_WORKSPACE": "/github/workspace",
        "RUNNER_TEMP": "/github/runner_temp",
        "GITHUB_OUTPUT": "/github/file_commands/output",
        "GITHUB_STEP_SUMMARY": "/github/file_commands/summary",
        "HOME": "/github/home",
    }
    mounts = {workspace: "/github/workspace", temporary: "/github/runner_temp", commands: "/github/file_commands"}
    with buildah.mounted("action") as root:
        (root / "github" / "home").mkdir(parents=True)
        shutil.copy("/etc/hosts", root / "etc" / "hosts")
        done = inside(root, buildah.entry_point("action"), environ=environ, binds=mounts, folder="/github/workspace")
    assert done.returncode == 0, done.stdout + done.stderr
    outputs = (commands / "output").read_text()
    assert "\nverified\n" in outputs
    (bundle,) = workspace.rglob("*.sigstore.json")
    assert str(bundle.relative_to(workspace)) in outputs  # a path that the next step finds in its workspace
    assert "one.whl" in (commands / "summary").read_text()
