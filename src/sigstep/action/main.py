"""The door of the Action: one operation, then outputs, summary, annotations and the exit status."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Final

from sigstep.action.inputs import Inputs
from sigstep.action.runner import Runner
from sigstep.errors import SigstepError
from sigstep.model.verdict import Finding, Outcome, Report
from sigstep.ports.real import real_world
from sigstep.ports.world import World
from sigstep.rendering.markdown import error_markdown, report_markdown
from sigstep.rendering.report import report_json, report_text
from sigstep.rendering.text import plain

OPERATIONS: Final = MappingProxyType[str, str](
    {
        # operation: "module:function"; each takes the inputs and the world and gives a report
        "verify": "sigstep.action.verify:run",
    }
)
OUTPUTS: Final = ("outcome", "verified-count", "failed-count", "report-path", "summary-path")
_OUTCOMES: Final = {0: "verified", 1: "refused", 2: "usage", 3: "nothing-to-examine", 4: "undecided"}


def main() -> int:
    """Run the step in the real world."""
    return run(real_world())


def run(world: World) -> int:
    """Run the operation that the environment names; its exit status is the command line's."""
    inputs = Inputs(environ=world.environ)
    runner = Runner(world=world)
    try:
        operation = _operation(inputs.choice("operation", tuple(OPERATIONS)))
        fail = inputs.choice("fail-on", ("refused", "none"))
        report = operation(inputs, world)
    except SigstepError as error:
        return _failed(error, inputs, runner)
    status = _told(report, inputs, runner)
    return 0 if fail == "none" else status


def _operation(name: str) -> Callable[[Inputs, World], Report]:
    module, _, function = OPERATIONS[name].partition(":")
    found: Callable[[Inputs, World], Report] = getattr(importlib.import_module(module), function)
    return found


def _told(report: Report, inputs: Inputs, runner: Runner) -> int:
    with runner.untrusted():
        print(report_text(report))
    summary = report_markdown(report)
    accepted = sum(verdict.outcome is Outcome.ACCEPTED for verdict in report.verdicts)
    _write(inputs, runner, report_json(report), summary, report.exit_code, accepted, len(report.verdicts) - accepted)
    runner.annotate(tuple(one for verdict in report.verdicts for one in verdict.findings if not verdict.accepted))
    return report.exit_code


def _failed(error: SigstepError, inputs: Inputs, runner: Runner) -> int:
    finding = Finding.of(error)
    with runner.untrusted():
        print(f"error: {plain(error.what)} [{error.code}]")
    _write(inputs, runner, "", error_markdown(finding), error.exit_code, 0, 0)
    runner.annotate((finding,))
    return error.exit_code


def _write(inputs: Inputs, runner: Runner, report: str, summary: str, status: int, accepted: int, failed: int) -> None:
    """All outputs, always: an output that is left out could be forged by a printed line."""
    outputs = dict.fromkeys(OUTPUTS, "")
    outputs.update({"outcome": _OUTCOMES[status], "verified-count": str(accepted), "failed-count": str(failed)})
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
