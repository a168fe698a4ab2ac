"""Name another commit of sigstep everywhere: ``python scripts/pin.py OWNER/sigstep@COMMIT VERSION``.

The slug and the commit stand in README, docs, workflows and examples; `sigstep.flows.init.USES` is the value they have.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PLACES = (
    "README.md",
    "docs/**/*.md",
    "workflows-examples/*.yml",
    ".github/workflows/*.yml",
    "src/sigstep/flows/init.py",
)
USES = re.compile(
    r"(?P<slug>[\w.-]+/sigstep)(?P<path>(/[\w.-]+)*)@(?P<commit>[0-9a-f]{40}) # (?P<version>v[\w.-]+)", re.ASCII
)


def texts() -> dict[Path, str]:
    """Every file that may name sigstep as an action, and its text."""
    return {path: path.read_text(encoding="utf-8") for place in PLACES for path in sorted(ROOT.glob(place))}


def main() -> int:
    """Write the new pin; 2 where the arguments are no pin."""
    found = re.fullmatch(r"([\w.-]+/sigstep)@([0-9a-f]{40})", sys.argv[1]) if len(sys.argv) == 3 else None
    if found is None:
        print(__doc__, file=sys.stderr)
        return 2
    slug, commit = found.groups()
    for path, text in texts().items():
        old = {one["slug"] for one in USES.finditer(text)}
        new = USES.sub(lambda one: f"{slug}{one['path']}@{commit} # {sys.argv[2]}", text)
        for name in old:
            new = new.replace(f"{name}/.github/", f"{slug}/.github/")
        if new != text:
            path.write_text(new, encoding="utf-8")
            print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
