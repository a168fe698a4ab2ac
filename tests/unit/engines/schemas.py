"""Structure of the engines' objects, as facts: the members that we write, and the kinds that their CRDs give them.

Sources: policy-controller ``config/300-clusterimagepolicy.yaml``, Kyverno ``policies.kyverno.io_imagevalidatingpolicies.yaml``,
Gatekeeper's ConstraintTemplate and ExpansionTemplate, Connaisseur's values.
"""

from __future__ import annotations

from typing import Any

TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
FLAG: dict[str, Any] = {"type": "boolean"}
LABEL: dict[str, Any] = {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"}


def obj(required: str, /, **members: Any) -> dict[str, Any]:
    """An object with these members only; the required ones by name."""
    return {"type": "object", "additionalProperties": False, "required": required.split(), "properties": members}


def items(of: dict[str, Any], least: int = 1) -> dict[str, Any]:
    """A list."""
    return {"type": "array", "minItems": least, "items": of}


def top(api: str, kind: str, spec: dict[str, Any], name: str = "spec") -> dict[str, Any]:
    """A Kubernetes object."""
    metadata = obj("name", name=LABEL, namespace=LABEL, labels={"type": "object", "additionalProperties": TEXT})
    return obj(
        f"apiVersion kind metadata {name}",
        apiVersion={"enum": api.split()},
        kind={"const": kind},
        metadata=metadata,
        **{name: spec},
    )


IDENTITY = {
    **obj("", issuer=TEXT, issuerRegExp=TEXT, subject=TEXT, subjectRegExp=TEXT),
    "allOf": [
        {"oneOf": [{"required": ["issuer"]}, {"required": ["issuerRegExp"]}]},
        {"oneOf": [{"required": ["subject"]}, {"required": ["subjectRegExp"]}]},
    ],
}
REGO = obj("type data", type={"const": "rego"}, data=TEXT)
CTLOG = obj("url", url=TEXT, trustRootRef=LABEL)
KEYLESS = obj("identities", url=TEXT, identities=items(IDENTITY), trustRootRef=LABEL, insecureIgnoreSCT=FLAG)
KEY = obj("data hashAlgorithm", data=TEXT, hashAlgorithm={"enum": ["sha256", "sha384", "sha512"]})
AUTHORITY = {
    **obj(
        "name",
        name=TEXT,
        keyless=KEYLESS,
        key=KEY,
        static=obj("action", action={"enum": ["pass", "fail"]}, message=TEXT),
        ctlog=CTLOG,
        rfc3161timestamp=obj("trustRootRef", trustRootRef=LABEL),
        signatureFormat={"const": "bundle"},
        attestations=items(obj("name predicateType", name=TEXT, predicateType=TEXT, policy=REGO)),
    ),
    "oneOf": [{"required": ["keyless"]}, {"required": ["key"]}, {"required": ["static"]}],
    "allOf": [
        {"if": {"required": ["signatureFormat"]}, "then": {"required": ["attestations", "keyless"]}},
        {"if": {"required": ["static"]}, "then": {"maxProperties": 2}},
    ],
}
SUBJECT = obj("organization commonName", organization={"type": "string"}, commonName={"type": "string"})
ROOT_AUTHORITY = obj("subject uri certChain", subject=SUBJECT, uri=TEXT, certChain=TEXT)
ROOT_LOG = obj("baseURL hashAlgorithm publicKey", baseURL=TEXT, hashAlgorithm={"const": "sha-256"}, publicKey=TEXT)
KYVERNO_CTLOG = obj("", url=TEXT, insecureIgnoreTlog=FLAG, insecureIgnoreSCT=FLAG)
KYVERNO_CTLOG["anyOf"] = [
    {"required": ["url"]},
    {"properties": {"insecureIgnoreTlog": {"const": True}}, "required": ["insecureIgnoreTlog"]},
]
COSIGN = obj(
    "",
    keyless=obj("identities", identities={**items(IDENTITY), "maxItems": 1}),
    key=KEY,
    ctlog=KYVERNO_CTLOG,
    trustedRoot=obj("value", value=TEXT),
)
RESOURCES = obj(
    "apiGroups apiVersions operations resources",
    apiGroups=items({"type": "string"}),
    apiVersions=items(TEXT),
    operations=items(TEXT),
    resources=items(TEXT),
)
IVP = obj(
    "validationActions failurePolicy matchConstraints matchImageReferences attestors validations",
    validationActions={**items({"enum": ["Deny", "Audit", "Warn"]}), "maxItems": 1},
    failurePolicy={"const": "Fail"},
    webhookConfiguration=obj("timeoutSeconds", timeoutSeconds={"type": "integer", "minimum": 1, "maximum": 30}),
    matchConstraints=obj("resourceRules", resourceRules=items(RESOURCES)),
    autogen=obj("podControllers", podControllers=obj("controllers", controllers=items(TEXT))),
    matchImageReferences=items(obj("", glob=TEXT, expression=TEXT)),
    validationConfigurations=obj(
        "mutateDigest verifyDigest required", mutateDigest=FLAG, verifyDigest=FLAG, required=FLAG
    ),
    variables=items(obj("name expression", name=TEXT, expression=TEXT)),
    attestors=items(
        obj("name cosign", name={"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}, cosign=COSIGN), 0
    ),
    attestations=items(
        obj(
            "name intoto", name={"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}, intoto=obj("type", type=TEXT)
        )
    ),
    validations=items(obj("expression message", expression=TEXT, message=TEXT)),
)
GROUPS = obj("apiGroups kinds", apiGroups=items({"type": "string"}), kinds=items(TEXT))
CONSTRAINT = obj(
    "enforcementAction match parameters",
    enforcementAction={"enum": ["deny", "warn", "dryrun", "scoped"]},
    match=obj("kinds", kinds=items(GROUPS)),
    parameters={"type": "object"},
)
NAMES = obj(
    "spec",
    spec=obj(
        "names validation",
        names=obj("kind", kind=TEXT),
        validation=obj("openAPIV3Schema", openAPIV3Schema={"type": "object"}),
    ),
)
TEMPLATE = obj(
    "crd targets",
    crd=NAMES,
    targets={**items(obj("target rego", target={"const": "admission.k8s.gatekeeper.sh"}, rego=TEXT)), "maxItems": 1},
)
APPLY = obj("groups versions kinds", groups=items({"type": "string"}), versions=items(TEXT), kinds=items(TEXT))
GVK = obj("group version kind", group={"type": "string"}, version=TEXT, kind=TEXT)
TRUST_ROOT = obj(
    "",
    trustRoot=TEXT,
    required=items(TEXT),
    threshold={"type": "integer", "minimum": 1},
    verifyInTransparencyLog=FLAG,
    verifySCT=FLAG,
    mode={"enum": ["mutate", "insecureValidateOnly"]},
)
CON_KEYLESS = {
    **obj("", issuer=TEXT, issuerRegex=TEXT, subject=TEXT, subjectRegex=TEXT),
    "allOf": [
        {"oneOf": [{"required": ["issuer"]}, {"required": ["issuerRegex"]}]},
        {"oneOf": [{"required": ["subject"]}, {"required": ["subjectRegex"]}]},
    ],
}
ROOT = {
    **obj("name", name=TEXT, key=TEXT, keyless=CON_KEYLESS),
    "oneOf": [{"required": ["key"]}, {"required": ["keyless"]}],
}
VALIDATOR = obj("name type", name=TEXT, type={"enum": ["static", "cosign"]}, approve=FLAG, trustRoots=items(ROOT))
VALUES = obj(
    "validators policy",
    validators=items(VALIDATOR),
    policy=items(obj("pattern validator", pattern=TEXT, validator=TEXT, **{"with": TRUST_ROOT})),
)
RESULT = obj(
    "policy resources kind result isImageValidatingPolicy",
    policy=LABEL,
    resources=items(TEXT),
    kind=TEXT,
    result={"enum": ["pass", "fail", "skip"]},
    isImageValidatingPolicy=FLAG,
)

SCHEMAS: dict[str, dict[str, Any]] = {
    "ClusterImagePolicy": top(
        "policy.sigstore.dev/v1beta1 policy.sigstore.dev/v1alpha1",
        "ClusterImagePolicy",
        obj(
            "images authorities",
            mode={"enum": ["enforce", "warn"]},
            images=items(obj("glob", glob=TEXT)),
            authorities=items(AUTHORITY),
            policy=REGO,
        ),
    ),
    "TrustRoot": top(
        "policy.sigstore.dev/v1alpha1",
        "TrustRoot",
        obj(
            "sigstoreKeys",
            sigstoreKeys=obj(
                "certificateAuthorities",
                certificateAuthorities=items(ROOT_AUTHORITY),
                tLogs=items(ROOT_LOG),
                ctLogs=items(ROOT_LOG),
                timestampAuthorities=items(ROOT_AUTHORITY),
            ),
        ),
    ),
    "ConfigMap": top("v1", "ConfigMap", {"type": "object", "additionalProperties": TEXT}, "data"),
    "Namespace": obj(
        "apiVersion kind metadata", apiVersion={"const": "v1"}, kind={"const": "Namespace"}, metadata={"type": "object"}
    ),
    "ImageValidatingPolicy": top("policies.kyverno.io/v1", "ImageValidatingPolicy", IVP),
    "ConstraintTemplate": top("templates.gatekeeper.sh/v1", "ConstraintTemplate", TEMPLATE),
    "SigstepImages": top("constraints.gatekeeper.sh/v1beta1", "SigstepImages", CONSTRAINT),
    "ExpansionTemplate": top(
        "expansion.gatekeeper.sh/v1beta1",
        "ExpansionTemplate",
        obj("applyTo templateSource generatedGVK", applyTo=items(APPLY), templateSource=TEXT, generatedGVK=GVK),
    ),
    "": obj("application", application=VALUES),
}
