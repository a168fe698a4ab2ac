"""The Rego of our ConstraintTemplate: universal over images, in every kind of container and image volume.

Demands are parameters of the constraint. The provider answers as GitHub's artifact-attestations-opa-provider does: for
each image the verification results of its attestations. What the provider does not answer is not admitted.
"""

from __future__ import annotations

from typing import Final

from sigstep.policy.rego_text import CONDITIONS

KIND: Final = "SigstepImages"
EXTENSIONS: Final = {
    # extension: its name in sigstore-go's verification result
    "github-workflow-trigger": "githubWorkflowTrigger",
    "github-workflow-sha": "githubWorkflowSHA",
    "github-workflow-name": "githubWorkflowName",
    "github-workflow-repository": "githubWorkflowRepository",
    "github-workflow-ref": "githubWorkflowRef",
    "build-signer-uri": "buildSignerURI",
    "build-signer-digest": "buildSignerDigest",
    "runner-environment": "runnerEnvironment",
    "source-repository": "sourceRepositoryURI",
    "source-repository-digest": "sourceRepositoryDigest",
    "source-repository-ref": "sourceRepositoryRef",
    "source-repository-id": "sourceRepositoryIdentifier",
    "source-repository-owner": "sourceRepositoryOwnerURI",
    "source-repository-owner-id": "sourceRepositoryOwnerIdentifier",
    "build-config-uri": "buildConfigURI",
    "build-config-digest": "buildConfigDigest",
    "build-trigger": "buildTrigger",
    "run-invocation-uri": "runInvocationURI",
    "source-repository-visibility": "sourceRepositoryVisibilityAtSigning",
}
REGO: Final = (
    """\
package sigstepimages

pod := input.review.object.spec
images[i] { i := pod.containers[_].image }
images[i] { i := pod.initContainers[_].image }
images[i] { i := pod.ephemeralContainers[_].image }
images[i] { i := pod.volumes[_].image.reference }

answer := external_data({"provider": input.parameters.provider, "keys": [i | images[i]]})

violation[{"msg": m}] {
  answer.system_error != ""
  m := sprintf("the provider failed: %v", [answer.system_error])
}
violation[{"msg": m}] {
  count(images) > 0
  not answer
  m := "the provider gave no answer"
}
violation[{"msg": m}] {
  images[image]
  input.parameters.requireDigest
  not regex.match("@sha256:[0-9a-f]{64}$", image)
  m := sprintf("%v is not named by its digest", [image])
}
violation[{"msg": m}] {
  images[image]
  input.parameters.refuseUnnamed
  count({n | rule := input.parameters.known[n]; applies(rule, image)}) == 0
  m := sprintf("no rule names %v", [image])
}
violation[{"msg": m}] {
  images[image]
  rule := input.parameters.rules[_]
  applies(rule, image)
  rule.deny != ""
  m := sprintf("%v: rule %v denies it: %v", [image, rule.name, rule.deny])
}
violation[{"msg": m}] {
  images[image]
  rule := input.parameters.rules[_]
  applies(rule, image)
  rule.allowedUntil != ""
  time.now_ns() > time.parse_rfc3339_ns(rule.allowedUntil)
  m := sprintf("%v: the allowance of rule %v has ended", [image, rule.name])
}
violation[{"msg": m}] {
  images[image]
  rule := input.parameters.rules[_]
  applies(rule, image)
  demand := rule.demands[_]
  not met(image, demand)
  m := sprintf("%v: rule %v: not enough of its signers attest %v%v", [image, rule.name, demand.type, errors(image)])
}
violation[{"msg": m}] {
  images[image]
  recall := input.parameters.recalls[_]
  is_recalled(image, recall)
  m := sprintf("%v was recalled: %v", [image, recall.reason])
}

applies(rule, image) {
  regex.match(rule.images[_], image)
  count({n | regex.match(rule.exclude[n], image)}) == 0
}
errors(image) = text {
  found := {e[1] | e := answer.errors[_]; e[0] == image}
  count(found) > 0
  text := sprintf(" (%v)", [concat("; ", found)])
}
errors(image) = "" { count({e | e := answer.errors[_]; e[0] == image}) == 0 }

met(image, demand) {
  count({name | signer := demand.signers[name]; a := attested(image)[_]; good(a, signer, demand)}) >= demand.count
  count({1 | demand.every; signer := demand.signers[_]; a := attested(image)[_]; bad(a, signer, demand)}) == 0
}
attested(image) = found { found := [a | r := answer.responses[_]; r[0] == image; a := r[1][_]] }
good(a, signer, demand) { about(a, signer, demand); satisfies(a.statement, demand.conditions) }
bad(a, signer, demand) { about(a, signer, demand); not satisfies(a.statement, demand.conditions) }
about(a, signer, demand) {
  a.statement.predicateType == demand.type
  certificate := a.signature.certificate
  same(certificate.issuer, signer.issuer)
  same(certificate.subjectAlternativeName, signer.subject)
  count({k | signer.extensions[k] == certificate[k]}) == count(signer.extensions)
}
same(text, wanted) { text == wanted.exact }
same(text, wanted) { regex.match(wanted.regex, text) }
same(text, wanted) { wanted.any; text != "" }

is_recalled(image, recall) { endswith(image, sprintf("@%v", [recall.digest])) }
is_recalled(image, recall) { attested(image)[_].signature.certificate[recall.member] == recall.value }
is_recalled(image, recall) {
  recall.member == "sourceRepositoryDigest"
  startswith(lower(attested(image)[_].signature.certificate.sourceRepositoryDigest), lower(recall.value))
}
is_recalled(image, recall) {
  recall.member == "runInvocationURI"
  startswith(attested(image)[_].signature.certificate.runInvocationURI, sprintf("%v/attempts/", [recall.value]))
}
is_recalled(image, recall) {
  certificate := attested(image)[_].signature.certificate
  same(certificate.issuer, recall.issuer)
  same(certificate.subjectAlternativeName, recall.subject)
}

"""
    + CONDITIONS
)
