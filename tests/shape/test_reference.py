"""The generated table of inputs and outputs has every one of every action, with its default."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def test_every_input_and_output_is_in_the_table() -> None:
    """Generated from the files, so that what is declared is what is told; list inputs have their file form."""
    code = "import reference; print(reference.actions())"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT / "scripts", check=True, capture_output=True, text=True, timeout=60
    )
    page = done.stdout
    for file in (ROOT / "action.yml", *ROOT.glob("*/action.yml")):
        action = yaml.safe_load(file.read_text())
        folder = file.parent.relative_to(ROOT)
        title = f"## `uses: OWNER/sigstep{'' if str(folder) == '.' else f'/{folder}'}`"
        section = page.partition(title)[2].partition("\n## ")[0]
        for name, one in {**action["inputs"], **action["outputs"]}.items():
            assert f"| `{name}` |" in section, (file, name)
            assert one["description"].partition("`")[0].strip()[:20] in section
        for name, one in action["inputs"].items():
            if "one a line" in one["description"] or "with commas between" in one["description"]:
                assert f"{name}-file" in action["inputs"], (file, name)
