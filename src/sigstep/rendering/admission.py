"""What an admission engine would do, as text for people and as JSON for machines."""

from __future__ import annotations

import json
from typing import Any, Final

from sigstep.flows.admission import AdmissionReport, WorkloadRuling
from sigstep.policy.judging import Decision
from sigstep.rendering.text import plain

SCHEMA: Final = "sigstep/admission/v1"
_MARKS: Final = {Decision.ADMIT: "admit", Decision.WARN: "warn", Decision.DENY: "DENY", Decision.UNKNOWN: "UNKNOWN"}


def admission_text(report: AdmissionReport) -> str:
    """A line for each workload, and below it each image with what every policy says."""
    lines: list[str] = []
    last = ""
    for one in report.rulings:
        workload = one.workload
        title = f"{workload.kind} {workload.namespace + '/' if workload.namespace else ''}{workload.name}"
        heading = f"{plain(title)}  ({plain(workload.source)})"
        if heading != last:
            lines.append(heading)
            last = heading
        lines += _ruling_lines(one)
    counts = {decision: sum(one.ruling.decision is decision for one in report.rulings) for decision in Decision}
    told = ", ".join(f"{count} {_MARKS[decision].lower()}" for decision, count in counts.items() if count)
    lines.append(f"{report.engine}: {report.workloads} workloads, {report.images} images: {told or 'nothing to judge'}")
    return "\n".join(lines)


def _ruling_lines(one: WorkloadRuling) -> list[str]:
    ruling = one.ruling
    image = f"{plain(one.image)}" + (f" ({one.digest})" if one.digest else "") if one.image else "the whole object"
    rule = " / ".join(plain(part) for part in (ruling.policy, ruling.rule) if part)
    lines = [f"  {_MARKS[ruling.decision]:<8}{image}" + (f"  by {rule}" if rule else "")]
    if ruling.pointer:
        lines.append(f"          at:  {plain(ruling.pointer)}")
    if ruling.reason:
        lines.append(f"          why: {plain(ruling.reason)}")
    return lines


def admission_json(report: AdmissionReport) -> str:
    """The report as one JSON object of the schema `SCHEMA`."""
    return json.dumps(
        {
            "schema": SCHEMA,
            "engine": report.engine,
            "exitCode": report.exit_code,
            "workloads": report.workloads,
            "images": report.images,
            "rulings": [_ruling(one) for one in report.rulings],
        },
        indent=2,
    )


def _ruling(one: WorkloadRuling) -> dict[str, Any]:
    ruling = one.ruling
    return {
        "source": one.workload.source,
        "kind": one.workload.kind,
        "namespace": one.workload.namespace,
        "name": one.workload.name,
        "image": one.image,
        "digest": str(one.digest) if one.digest else "",
        "pointer": ruling.pointer,
        "policy": ruling.policy,
        "rule": ruling.rule,
        "decision": ruling.decision.value,
        "reason": ruling.reason,
        "seen": ruling.seen,
        "unjudged": ruling.unjudged,
    }
