"""Copy the trust anchors that the installed ``sigstore`` package carries into ``sigstep.trust.roots``.

Run it after raising the version of ``sigstore`` in pyproject.toml; ``tests/unit/trust`` says when the copies differ.
GitHub's files are its public root keys and its trusted root: ``--github KEYS TRUSTED_ROOT`` takes new ones.
"""

from __future__ import annotations

import argparse
import json
from importlib import resources
from pathlib import Path

ROOTS = Path(__file__).parents[1] / "src" / "sigstep" / "trust" / "roots"
STORES = {
    "public-good": "https%3A%2F%2Ftuf-repo-cdn.sigstore.dev",
    "staging": "https%3A%2F%2Ftuf-repo-cdn.sigstage.dev",
}
FILES = ("root.json", "trusted_root.json", "signing_config.v0.2.json")


def packaged(instance: str, file: str) -> bytes:
    """A file as the installed ``sigstore`` package has it."""
    return (resources.files("sigstore") / "_store" / STORES[instance] / file).read_bytes()


def refresh() -> None:
    """Copy every file of `STORES`."""
    for instance in STORES:
        (ROOTS / instance).mkdir(parents=True, exist_ok=True)
        for file in FILES:
            (ROOTS / instance / file).write_bytes(packaged(instance, file))


def refresh_github(keys: Path, trusted_root: Path) -> None:
    """Write GitHub's anchor: the PEM keys of the root role with version and threshold, and its trusted root."""
    said = json.loads(keys.read_text())
    anchor = {
        "url": said["url"],
        "version": said["version"],
        "threshold": said["threshold"],
        "keys": {name: key["keyval"]["public"] for name, key in sorted(said["keys"].items())},
    }
    folder = ROOTS / "github"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "root-keys.json").write_text(json.dumps(anchor, indent=1) + "\n")
    (folder / "trusted_root.json").write_text(json.dumps(json.loads(trusted_root.read_text()), indent=1) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--github", nargs=2, type=Path, metavar=("KEYS", "TRUSTED_ROOT"))
    options = parser.parse_args()
    refresh()
    if options.github:
        refresh_github(*options.github)
