"""The door of the Action: one operation, then outputs, summary, annotations and the exit status."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from sigstep.action.inputs import Inputs
from sigstep.action.result import OUTCOMES, StepResult
from sigstep.action.runner import Runner
from sigstep.errors import SigstepError, TokenError
from sigstep.model.verdict import Finding
from sigstep.ports.real import real_world
from sigstep.ports.world import World
from sigstep.rendering.markdown import error_markdown
from sigstep.rendering.text import error_text

OPERATIONS: Final = MappingProxyType[str, str](
    {
        # operation: "module:function"; each takes the inputs and the world and gives a result
        "attest": "sigstep.action.attest:run",
        "dependencies": "sigstep.action.dependencies:run",
        "sbom": "sigstep.action.attest:run_sbom",
        "sign": "sigstep.action.sign:run",
        "verify": "sigstep.action.verify:run",
    }
)
FILES: Final = MappingProxyType[str, str](
    {
        # output: the file that it leads to
        "report-path": "report.json",
        "html-path": "report.html",
        "sarif-path": "report.sarif",
        "comment-path": "comment.md",
    }
)
OUTPUTS: Final = (
    *("bundle-path", "bundle-paths", "attestation-id", "attestation-ids", "attestation-url", "attestation-urls"),
    *("storage-record-ids", "outcome", "verified-count", "failed-count", *FILES, "summary-path"),
)
NO_TOKEN: Final = frozenset({"token-none", "token-dependabot", "token-fork", "token-permission"})  # nothing was asked
_NONE: Final[Mapping[str, str]] = MappingProxyType({})


def main() -> int:
    """Run the step in the real world."""
    return run(real_world())


def run(world: World) -> int:
    """Run the operation that the environment names; its exit status is the command line's."""
    inputs = Inputs(environ=world.environ)
    runner = Runner(world=world)
    try:
        operation = _operation(inputs.choice("operation", tuple(OPERATIONS)))
        tolerant = inputs.choice("fail-on", ("refused", "none")) == "none"
        skipping = inputs.choice("on-missing-token", ("fail", "skip")) == "skip"
    except SigstepError as error:
        return _failed(error, inputs, runner)
    try:
        result = operation(inputs, world)
    except SigstepError as error:
        if isinstance(error, TokenError) and skipping and error.code in NO_TOKEN:
            _failed(error, inputs, runner, outcome="skipped")
            return 0
        return _failed(error, inputs, runner)
    with runner.untrusted():
        print(result.text)
    _write(inputs, runner, result.values, result.summary, result.files)
    runner.annotate(result.errors, kind="warning" if tolerant else "error")
    runner.annotate(result.warnings, kind="warning")
    return 0 if tolerant and result.status == 1 else result.status


def _operation(name: str) -> Callable[[Inputs, World], StepResult]:
    module, _, function = OPERATIONS[name].partition(":")
    found: Callable[[Inputs, World], StepResult] = getattr(importlib.import_module(module), function)
    return found


def _failed(error: SigstepError, inputs: Inputs, runner: Runner, *, outcome: str = "") -> int:
    finding = Finding.of(error)
    with runner.untrusted():
        print(error_text(error))
    counts = {"outcome": outcome or OUTCOMES[error.exit_code], "verified-count": "0", "failed-count": "0"}
    _write(inputs, runner, counts, error_markdown(finding, skipped=bool(outcome)))
    runner.annotate((finding,), kind="notice" if outcome else "error")
    return error.exit_code


def _write(
    inputs: Inputs, runner: Runner, values: Mapping[str, str], summary: str, files: Mapping[str, str] = _NONE
) -> None:
    """All outputs, always: an output that is left out could be forged by a printed line."""
    outputs = {**dict.fromkeys(OUTPUTS, ""), **values}
    if temporary := runner.world.environ.get("RUNNER_TEMP"):
        folder = Path(temporary) / f"sigstep-{runner.world.entropy.token(8).hex()}"
        folder.mkdir(parents=True)
        named = {
            **{FILES[output]: (output, text) for output, text in files.items()},
            "summary.md": ("summary-path", summary),
        }
        for name, (output, text) in named.items():
            (folder / name).write_text(text, encoding="utf-8")
            outputs[output] = str(folder / name)
    runner.write_outputs(outputs)
    if inputs.text("show-summary").lower() != "false":
        runner.write_summary(summary)
