"""What a step tells the runner: outputs, summary, annotations. The one module that knows workflow commands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from actions_toolkit import core

from sigstep.model.verdict import Finding
from sigstep.ports.world import World
from sigstep.rendering.text import plain

SUMMARY_BYTES: Final = 1_000_000  # the runner drops a summary above 1 MiB as a whole
OUTPUT_BYTES: Final = 900_000  # the runner takes an output of 1 MiB
ANNOTATIONS: Final = 10  # the runner shows ten of a kind for each step
MESSAGE_CHARS: Final = 4000  # the runner cuts messages at 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """The runner of this step; files that it did not name are left unwritten, as outside a workflow."""

    world: World

    def write_outputs(self, outputs: Mapping[str, str]) -> None:
        """Write every output, each between delimiters that nothing outside can know; one that is too large is empty."""
        lines: list[str] = []
        for name, value in outputs.items():
            delimiter = f"ghadelimiter_{self.world.entropy.token(16).hex()}"
            lines += [f"{name}<<{delimiter}", value if len(value.encode()) <= OUTPUT_BYTES else "", delimiter]
        self.append("GITHUB_OUTPUT", "\n".join(lines) + "\n")

    def write_summary(self, markdown: str) -> None:
        """Add to the job summary, cut to what the runner takes."""
        data = markdown.encode()
        if len(data) > SUMMARY_BYTES:
            kept = data[: SUMMARY_BYTES - 100].decode(errors="ignore").rpartition("\n")[0]
            fence = "\n```" if kept.count("```") % 2 else ""
            markdown = f"{kept}{fence}\n\nThe summary is cut here; the report has all.\n"
        self.append("GITHUB_STEP_SUMMARY", markdown)

    def annotate(self, findings: tuple[Finding, ...], *, kind: str = "error") -> None:
        """One annotation for each finding, up to the runner's cap; the last tells of the rest."""
        shown = findings if len(findings) <= ANNOTATIONS else findings[: ANNOTATIONS - 1]
        for one in shown:
            fix = one.fix and f"fix: {one.fix}"
            parts = [plain(part) for part in (one.what, one.why, fix) if part]
            text = f"{'. '.join(parts)} [{one.code}]" + (f"\n{one.paste}" if one.paste else "")
            place = {name: str(one.details[name]) for name in ("file", "line") if name in one.details}
            core.issue_command(kind, {"title": "sigstep", **place}, text[:MESSAGE_CHARS])
        if len(shown) < len(findings):
            core.issue_command(kind, {"title": "sigstep"}, f"and {len(findings) - len(shown)} more, in the report")

    @contextmanager
    def untrusted(self) -> Iterator[None]:
        """Text printed inside can't be taken for workflow commands: the runner is told to ignore them until the end."""
        token = self.world.entropy.token(16).hex()
        print(f"::stop-commands::{token}", flush=True)
        try:
            yield
        finally:
            print(f"\n::{token}::", flush=True)

    def append(self, variable: str, text: str) -> None:
        """Append to the file that a variable of the runner names."""
        path = self.world.environ.get(variable)
        if path:
            with Path(path).open("a", encoding="utf-8", newline="") as file:
                file.write(text)
