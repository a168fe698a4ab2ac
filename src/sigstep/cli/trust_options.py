"""Options that say whose signatures count, and the trust material that they make."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from sigstep.cli.options import together
from sigstep.errors import FormatError, UsageError
from sigstep.flows.trust import TrustRequest, load_trust
from sigstep.model import limits
from sigstep.model.trust import TrustedKey, TrustMaterial, Witness
from sigstep.ports.world import World
from sigstep.proofs.keys import load_pem_key
from sigstep.wire.note import parse_witness_key
from sigstep.wire.registry_keys import parse_registry_keys

if TYPE_CHECKING:
    from sigstep.flows.policies import OpenedPolicy

_FILE: Final = click.Path(path_type=Path, dir_okay=False)
_OPTIONS: Final = (
    click.option("--trusted-root", "roots", multiple=True, type=_FILE, help="trusted_root.json; may be repeated."),
    click.option("--instance", "instances", multiple=True, help="public-good, staging, github, or a TUF address."),
    click.option("--trust-config", type=_FILE, envvar="SIGSTEP_TRUST_CONFIG", help="A client trust config file."),
    click.option("--tuf-root", type=_FILE, help="The first root.json of the TUF repository that --instance names."),
    click.option("--offline", is_flag=True, help="Ask nothing of the network: use the trusted roots at hand."),
)


def trust_options(command: Any) -> Any:
    """The options that say whose signatures count, for a command that takes ``**options``."""
    return together(_OPTIONS, command)


def trust_request(options: dict[str, Any]) -> TrustRequest:
    """The roots that the options name."""
    return TrustRequest(
        instances=options["instances"],
        trusted_roots=options["roots"],
        trust_config=options["trust_config"],
        tuf_root=options["tuf_root"],
        offline=options["offline"],
    )


def trust_of(options: dict[str, Any], world: World, opened: OpenedPolicy | None) -> TrustMaterial:
    """The roots that were named, else public-good and GitHub; a key alone needs no instance's network."""
    named = bool(options["roots"] or options["instances"] or options["trust_config"])
    offline = options["offline"] or (options["key"] is not None and not named)
    material = replace(
        load_trust(replace(trust_request(options), offline=offline), world),
        keys=_keys(options),
        certificates_too=opened is not None,
        witnesses=tuple(one for text in options.get("witness_keys", ()) for one in _witnesses(text)),
    )
    if opened is None:
        return material
    from sigstep.flows.policies import with_own_trust

    return with_own_trust(material, opened, world, offline=options["offline"])


def _keys(options: dict[str, Any]) -> tuple[TrustedKey, ...]:
    key, registry = options["key"], options["registry_keys"]
    keys = (TrustedKey(key=load_pem_key(_read(key)).spki),) if key else ()
    return keys + (parse_registry_keys(_read(registry)) if registry else ())


def _witnesses(text: str) -> tuple[Witness, ...]:
    """The key itself, or a file with one key on each line."""
    if "+" in text:
        return (parse_witness_key(text),)
    lines = (line.strip() for line in _read(Path(text)).decode("utf-8", "replace").splitlines())
    return tuple(parse_witness_key(line) for line in lines if line and not line.startswith("#"))


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(limits.TRUSTED_ROOT_BYTES + 1)
    except OSError as error:
        raise UsageError(
            code="file-unreadable", what=f"{path} cannot be read", why=error.strerror or "", fix="check the path"
        ) from None
    if len(data) > limits.TRUSTED_ROOT_BYTES:
        raise FormatError(
            code="file-too-large",
            what=f"{path} is too large",
            why=f"at most {limits.TRUSTED_ROOT_BYTES} bytes are read",
            fix="check the path",
        )
    return data
