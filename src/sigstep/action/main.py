"""The door of the Action: one operation, then outputs, summary, annotations and the exit status."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from sigstep.action.inputs import Inputs
from sigstep.action.result import StepResult
from sigstep.action.runner import Runner
from sigstep.errors import SigstepError, TokenError
from sigstep.model.verdict import Finding, Outcome
from sigstep.ports.real import real_world
from sigstep.ports.signals import interrupted, leave, raise_on_signals
from sigstep.ports.world import World
from sigstep.rendering.markdown import error_markdown, report_markdown
from sigstep.rendering.report import report_json, report_text
from sigstep.rendering.text import error_text

OPERATIONS: Final = MappingProxyType[str, str](
    {
        # operation: "module:function"; each takes the inputs and the world and gives a report
        "attest": "sigstep.action.attest:run",
        "verify": "sigstep.action.verify:run",
    }
)
OUTPUTS: Final = (
    "bundle-path",
    "bundle-paths",
    "outcome",
    "verified-count",
    "failed-count",
    "report-path",
    "summary-path",
)
NO_TOKEN: Final = frozenset({"token-none", "token-dependabot", "token-fork", "token-permission"})  # nothing was asked
_OUTCOMES: Final = {0: "verified", 1: "refused", 2: "usage", 3: "nothing-to-examine", 4: "undecided"}


def main() -> int:
    """Run the step in the real world; a run that is cancelled still writes its outputs."""
    raise_on_signals()
    world = real_world()
    try:
        return run(world)
    except KeyboardInterrupt:
        _failed(interrupted(), Inputs(environ=world.environ), Runner(world=world))
        leave()


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
    except TokenError as error:
        if skipping and error.code in NO_TOKEN:
            _failed(error, inputs, runner, outcome="skipped")
            return 0
        return _failed(error, inputs, runner)
    except SigstepError as error:
        return _failed(error, inputs, runner)
    status = _told(result, inputs, runner)
    return 0 if tolerant and status == 1 else status


def _operation(name: str) -> Callable[[Inputs, World], StepResult]:
    module, _, function = OPERATIONS[name].partition(":")
    found: Callable[[Inputs, World], StepResult] = getattr(importlib.import_module(module), function)
    return found


def _told(result: StepResult, inputs: Inputs, runner: Runner) -> int:
    report = result.report
    failures = tuple(Finding.of(error, source=name) for name, error in result.failures)
    status = report.exit_code or max((error.exit_code for _, error in result.failures), default=0)
    with runner.untrusted():
        print(report_text(report))
    accepted = sum(verdict.outcome is Outcome.ACCEPTED for verdict in report.verdicts)
    counts = {
        "outcome": _OUTCOMES[status],
        "verified-count": str(accepted),
        "failed-count": str(len(report.verdicts) - accepted + len(failures)),
        "bundle-path": result.bundles[0] if result.bundles else "",
        "bundle-paths": "\n".join(result.bundles),
    }
    summary = "\n".join([report_markdown(report), *(error_markdown(one) for one in failures)])
    _write(inputs, runner, counts, summary, report_json(report))
    refused = tuple(one for verdict in report.verdicts for one in verdict.findings if not verdict.accepted)
    runner.annotate((*refused, *failures))
    return status


def _failed(error: SigstepError, inputs: Inputs, runner: Runner, *, outcome: str = "") -> int:
    finding = Finding.of(error)
    with runner.untrusted():
        print(error_text(error))
    counts = {"outcome": outcome or _OUTCOMES[error.exit_code], "verified-count": "0", "failed-count": "0"}
    _write(inputs, runner, counts, error_markdown(finding, paste=error.paste))
    runner.annotate((finding,), kind="notice" if outcome else "error")
    return error.exit_code


def _write(inputs: Inputs, runner: Runner, values: Mapping[str, str], summary: str, report: str = "") -> None:
    """All outputs, always: an output that is left out could be forged by a printed line."""
    outputs = {**dict.fromkeys(OUTPUTS, ""), **values}
    if temporary := runner.world.environ.get("RUNNER_TEMP"):
        folder = Path(temporary) / f"sigstep-{runner.world.entropy.token(8).hex()}"
        folder.mkdir(parents=True)
        for name, text in (("report.json", report), ("summary.md", summary)):
            if text:
                (folder / name).write_text(text, encoding="utf-8")
                outputs[f"{name.partition('.')[0]}-path"] = str(folder / name)
    runner.write_outputs(outputs)
    if inputs.text("show-summary").lower() != "false":
        runner.write_summary(summary)
