"""Where reports about dependencies go: standard output, files, the job summary, one comment of the pull request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from sigstep.errors import SigstepError, UsageError
from sigstep.flows.dependency_comment import write_comment
from sigstep.model.dependency import DependencyReport
from sigstep.ports.world import World
from sigstep.rendering.dependencies import dependencies_annotations, dependencies_text
from sigstep.rendering.dependency_json import dependencies_json
from sigstep.rendering.dependency_markdown import MARKER, dependencies_comment, dependencies_markdown
from sigstep.rendering.dependency_sarif import dependencies_sarif
from sigstep.rendering.text import error_text

FORMS: dict[str, Callable[[DependencyReport], str]] = {
    "text": dependencies_text,
    "json": dependencies_json,
    "markdown": dependencies_markdown,
    "annotations": dependencies_annotations,
    "sarif": dependencies_sarif,
}


@dataclass(frozen=True, slots=True)
class Output:
    """What the options of `report_options` said."""

    form: str
    outputs: tuple[str, ...]
    summary: bool
    comment: bool
    pull_request: int


def report_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options about reports."""
    options = (
        click.option("--format", "form", type=click.Choice(list(FORMS)), default="text", help="Form of the report."),
        click.option(
            "--output",
            "outputs",
            multiple=True,
            metavar="FORM=FILE",
            help="Write the report in a form to a file, too; repeatable.",
        ),
        click.option("--summary", is_flag=True, help="Append the Markdown to GITHUB_STEP_SUMMARY."),
        click.option("--comment", is_flag=True, help="Write or update one comment at the pull request."),
        click.option("--pull-request", type=click.IntRange(1), default=None, help="Its number, outside its own job."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def tell(report: DependencyReport, output: Output, world: World) -> int:
    """Write the report everywhere it is asked for; its exit status.

    Raises:
        UsageError: ``report-output``.
    """
    files = [_file(one) for one in output.outputs]
    click.echo(FORMS[output.form](report))
    for form, path in files:
        _write(path, FORMS[form](report), append=False)
    summary = world.environ.get("GITHUB_STEP_SUMMARY", "")
    if output.summary and summary:
        _write(Path(summary), dependencies_markdown(report) + "\n", append=True)
    if output.comment:
        try:
            write_comment(dependencies_comment(report), MARKER, world, number=output.pull_request or 0)
        except SigstepError as error:  # a fork's or Dependabot's token may not write; the summary has it all
            click.echo(error_text(error), err=True)
    return report.exit_code


def _file(text: str) -> tuple[str, Path]:
    form, _, path = text.partition("=")
    if form not in FORMS or not path:
        raise UsageError(
            code="report-output",
            what=f"{text[:100]!r} is no form and file",
            why=f"forms are {', '.join(FORMS)}",
            fix="write --output sarif=results.sarif",
        )
    return form, Path(path)


def _write(path: Path, text: str, *, append: bool) -> None:
    try:
        with path.open("a" if append else "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(
            code="report-output", what=f"{path} cannot be written", why=error.strerror or "", fix="check the path"
        ) from None
