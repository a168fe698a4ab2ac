"""The running sandbox: faults, control address, TUF and its attacks, the command."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner
from tests.sandboxes import private_sandbox, sandbox
from tuf.api.exceptions import BadVersionNumberError, DownloadError, ExpiredMetadataError, RepositoryError
from tuf.ngclient import Updater

from sigstep.cli.sandbox import sandbox as command
from sigstep.errors import UsageError
from sigstep.sandbox.exchange import Refused
from sigstep.sandbox.faults import Fault
from sigstep.sandbox.local import Sandbox

__all__ = ["private_sandbox", "sandbox"]


@pytest.fixture(autouse=True)
def _faultless(sandbox: Sandbox) -> None:
    sandbox.faults.clear()


def test_it_starts_in_a_second() -> None:
    """No key is kept on disk, and none takes long to make."""
    begun = time.monotonic()
    with Sandbox() as running:
        assert time.monotonic() - begun < 5  # one second alone; machines that run tests are busy
        folder = running.folder
        assert {one.name for one in folder.iterdir()} == {
            "client_trust_config.json", "root.json", "signing_config.v0.2.json", "trusted_root.json",
        }  # fmt: skip
    assert not folder.exists()


def test_environment_of_a_step(sandbox: Sandbox) -> None:
    """A token is taken as a runner hands it out; a fork's pull request has none."""
    variables = sandbox.environ()
    reply = requests.get(
        f"{variables['ACTIONS_ID_TOKEN_REQUEST_URL']}&audience=sigstore",
        headers={"Authorization": f"Bearer {variables['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}"},
        timeout=10,
    )
    assert sandbox.issuer.check(reply.json()["value"])["run_id"] == variables["GITHUB_RUN_ID"]
    assert not [name for name in sandbox.environ(token=False) if name.startswith("ACTIONS_")]
    assert json.loads(Path(variables["SIGSTEP_TRUST_CONFIG"]).read_text()) == sandbox.client_trust_config()


def test_faults(sandbox: Sandbox) -> None:
    """Each kind, and how often."""
    url = f"{sandbox.url}/.well-known/jwks"
    sandbox.faults.set("issuer", Fault(kind="status", status=429, times=1, retry_after="3"))
    first = requests.get(url, timeout=10)
    assert (first.status_code, first.headers["Retry-After"]) == (429, "3")
    assert requests.get(url, timeout=10).ok
    sandbox.faults.set("issuer", Fault(kind="garbage"))
    with pytest.raises(requests.exceptions.JSONDecodeError):
        requests.get(url, timeout=10).json()
    sandbox.faults.set("issuer", Fault(kind="drop"))
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=10)
    for kind in ("delay", "drip"):
        sandbox.faults.set("issuer", Fault(kind=kind, seconds=5))
        with pytest.raises((requests.Timeout, requests.ConnectionError)):
            requests.get(url, timeout=0.1)
    sandbox.faults.set("issuer", Fault(kind="drip", seconds=0))
    assert requests.get(url, timeout=10).json()["keys"]
    with pytest.raises(Refused):
        sandbox.faults.set("issuer", Fault(kind="unknown"))


def test_control_address(sandbox: Sandbox) -> None:
    """Faults are switched by HTTP too."""
    url = f"{sandbox.url}/sandbox/faults"
    assert requests.post(url, json={"service": "tuf", "kind": "drop", "times": 2}, timeout=10).json() == {"tuf": "drop"}
    assert requests.delete(url, timeout=10).json() == {}
    assert requests.get(url, timeout=10).json() == {}
    assert requests.post(url, json={"service": "tuf", "kind": "drop", "times": "x"}, timeout=10).status_code == 400
    assert requests.put(url, timeout=10).status_code == 405
    assert requests.get(f"{sandbox.url}/other", timeout=10).status_code == 404


def updater(sandbox: Sandbox, folder: Path) -> Updater:
    """python-tuf's client, started from the sandbox's first root."""
    made = Updater(
        str(folder),
        sandbox.tuf_url,
        str(folder),
        f"{sandbox.tuf_url}/targets/",
        bootstrap=None if (folder / "root.json").exists() else sandbox.tuf_root,
    )
    made.refresh()
    return made


def test_tuf(sandbox: Sandbox, tmp_path: Path) -> None:
    """The trusted root and the signing config come through TUF; every attack is one."""
    sandbox.tuf.publish()
    client = updater(sandbox, tmp_path)
    info = client.get_targetinfo("trusted_root.json")
    assert info is not None
    assert json.loads(Path(client.download_target(info)).read_bytes()) == sandbox.trusted_root()
    (tmp_path / "trusted_root.json").unlink(missing_ok=True)
    for attack, error in (
        ("rollback", BadVersionNumberError),
        ("expired", ExpiredMetadataError),
        ("wrong-keys", RepositoryError),
        ("oversized", DownloadError),
    ):
        sandbox.tuf.publish(attack)
        with pytest.raises(error):
            updater(sandbox, tmp_path)
        sandbox.tuf.publish()
        sandbox.tuf.publish()
        updater(sandbox, tmp_path)
    with pytest.raises(Refused):
        sandbox.tuf.publish("other")
    assert requests.get(f"{sandbox.tuf_url}/9999.root.json", timeout=10).status_code == 404


def test_tuf_wrong_target(sandbox: Sandbox, tmp_path: Path) -> None:
    """Bytes that were not signed."""
    sandbox.tuf.publish("wrong-target")
    client = updater(sandbox, tmp_path)
    info = client.get_targetinfo("trusted_root.json")
    assert info is not None
    with pytest.raises(RepositoryError):
        client.download_target(info, filepath=str(tmp_path / "got"))
    before = {name: (sandbox.folder / name).read_bytes() for name in ("trusted_root.json", "signing_config.v0.2.json")}
    sandbox.tuf.publish(targets={**before, "a.json": b"{}"})
    assert updater(sandbox, tmp_path).get_targetinfo("a.json") is not None


def test_private_documents(private_sandbox: Sandbox) -> None:
    """As GitHub's: no log members in the root, no log in the signing config."""
    assert not {"tlogs", "ctlogs"} & set(private_sandbox.trusted_root())
    assert private_sandbox.signing_config()["rekorTlogUrls"] == []


def test_command_ends_with_the_status_of_the_command() -> None:
    """``sigstep sandbox -- COMMAND``."""
    code = (
        "import os,sys; sys.exit(7 if os.environ['ACTIONS_ID_TOKEN_REQUEST_URL'].startswith('http://localhost') else 1)"
    )
    result = CliRunner().invoke(command, ["--log", "v2", "--", sys.executable, "-c", code], standalone_mode=False)
    assert result.return_value == 7


def test_command_that_is_none() -> None:
    """A usage error with its code."""
    result = CliRunner().invoke(command, ["--", "/no/such/program"], standalone_mode=False)
    assert isinstance(result.exception, UsageError)
    assert result.exception.code == "sandbox-command-not-started"


def test_command_alone_tells_how_to_use_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses, variables and the warning; it waits for Ctrl-C."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sigstep.cli.sandbox.wait", interrupted)
    result = CliRunner().invoke(command, ["--no-token"])
    assert "Never for production" in result.output
    assert "export SIGSTEP_TRUST_CONFIG=" in result.output
    assert "ACTIONS_ID_TOKEN_REQUEST_URL" not in result.output


def test_the_extra_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without werkzeug."""
    monkeypatch.setitem(sys.modules, "werkzeug", None)
    result = CliRunner().invoke(command, [], standalone_mode=False)
    assert isinstance(result.exception, UsageError)
    assert result.exception.code == "sandbox-extra-missing"
