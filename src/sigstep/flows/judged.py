"""The verdict of a policy file over everything that was proved about a subject."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sigstep.flows.policies import OpenedPolicy
from sigstep.model.verdict import Outcome, Verdict
from sigstep.policy.judging import Decision, Judgement, judge, rules_for_file


def judged(verdict: Verdict, opened: OpenedPolicy, now: datetime) -> Verdict:
    """The verdict of the policy file over all proofs of the subject; what went wrong before stays told."""
    proofs = [one.verified for one in verdict.examinations if one.verified is not None]
    rules = rules_for_file(opened.policy, verdict.subject)
    circumstances = replace(opened.circumstances, whole=verdict.whole)
    judgement = judge(opened.policy, rules, verdict.subject, proofs, opened.key_ids, now, circumstances=circumstances)
    return outcome_of(verdict, judgement)


def outcome_of(verdict: Verdict, judgement: Judgement) -> Verdict:
    """The verdict as a policy's judgement makes it; unknown is undecided, never accepted."""
    if judgement.decision in (Decision.ADMIT, Decision.WARN):
        return replace(verdict, outcome=Outcome.ACCEPTED, findings=judgement.findings)
    outcome = Outcome.REFUSED if judgement.decision is Decision.DENY else Outcome.UNDECIDED
    return replace(verdict, outcome=outcome, findings=(*judgement.findings, *verdict.findings))
