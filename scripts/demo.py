"""The main job from end to end on loopback: build, attest, verify, refuse. ``python scripts/demo.py demo-out``."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from sigstep.sandbox.local import Sandbox

ROOT = Path(__file__).parents[1]
SECONDS = 60
OUTPUTS = "step-outputs.txt"
POLICY = """\
schema: sigstep/policy/v1
signers:
  release: {{issuer: "https://token.actions.githubusercontent.com", subject: {{glob: "https://github.com/{signer}/**"}}}}
rules:
- name: wheel
  blobs: ["*.whl"]
  attestations:
  - {{type: provenance, any-of: [release], exactly-one: true, provenance: {{branch: main, level: 2}}}}
  - {{type: sbom, any-of: [release], max-age: 1d}}
  - {{type: test-result, any-of: [release], tests: {{result: passed}}}}
"""


def main() -> int:
    """Run the demo; 0 where everything went as it should."""
    out = Path(sys.argv[1] if len(sys.argv) > 1 else "demo-out").resolve()
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    began = time.monotonic()
    say("1. build sigstep's own wheel and sdist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=SECONDS)
    files = sorted(path.name for path in out.iterdir())
    say(*files, indent=3)

    say("2. start a local Sigstore on loopback: issuer, Fulcio, CT log, Rekor, time stamps, TUF")
    with Sandbox() as sandbox:
        runner = {**os.environ, **sandbox.environ(), "GITHUB_OUTPUT": str(out / OUTPUTS)}  # noqa: TID251
        signer = str(sandbox.issuer.claims["repository"])

        say("3. attest both with SLSA provenance, as a step of a workflow does, and publish to GitHub")
        given = {"subject_path": "\n".join(files), "bundle_per_subject": "true", "github_token": sandbox.hub.token}
        attested = step(out, runner, operation="attest", **given)

        say("4. attest an SBOM of the wheel by syft, and the results of a run of sigstep's tests, by one certificate")
        wheel = next(name for name in files if name.endswith(".whl"))
        tests = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-n0",
            "tests/shape/test_codes.py",
            "--junitxml",
            str(out / "junit.xml"),
        ]
        subprocess.run(tests, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, timeout=SECONDS)
        kinds = ("--sbom", f"auto:{wheel}", "--test-results", "junit.xml")
        more = sigstep(out, runner, "attest", wheel, *kinds)

        say("5. hold the wheel against a policy: provenance of main at SLSA Build L2, a fresh SBOM, tests passed")
        (out / "policy.yml").write_text(POLICY.format(signer=signer), encoding="utf-8")
        judged = sigstep(out, runner, "verify", wheel, "--policy", "policy.yml")

        say(f"6. verify that {signer} built them, and write the job summary")
        summary = {"GITHUB_STEP_SUMMARY": str(out / "summary.md"), "RUNNER_TEMP": str(out / "report")}
        (out / "report").mkdir()
        verified = step(out, {**runner, **summary}, operation="verify", subject_path="\n".join(files), repo=signer)
        for report in (out / "report").glob("*/report.json"):
            shutil.copy(report, out / "report.json")
        shutil.rmtree(out / "report")
        (out / OUTPUTS).unlink()

        say("7. change one byte of a copy: it is refused, with its reason")
        tampered = out / "tampered" / files[0]
        tampered.parent.mkdir()
        tampered.write_bytes((out / files[0]).read_bytes()[:-1] + b"!")
        shutil.copy(out / f"{files[0]}.sigstore.json", tampered.parent)
        refused = sigstep(out, runner, "verify", str(tampered), "--repo", signer)

    say("8. the job summary, as the step writes it")
    print((out / "summary.md").read_text(encoding="utf-8"))
    codes = (attested, more, judged, verified, refused)
    good = codes == (0, 0, 0, 0, 1)
    end = "as it should" if good else f"WRONG: exit codes {codes}, expected 0 0 0 0 1"
    say(f"done in {time.monotonic() - began:.1f} s, {end}; see {out}")
    return 0 if good else 1


def sigstep(folder: Path, environ: dict[str, str], *arguments: str) -> int:
    """Run the command line."""
    command = [sys.executable, "-m", "sigstep", *arguments]
    return subprocess.run(command, cwd=folder, env=environ, check=False, timeout=SECONDS).returncode


def step(folder: Path, environ: dict[str, str], **inputs: str) -> int:
    """Run the Action's step with these inputs."""
    given = {f"SIGSTEP_INPUT_{name.upper()}": value for name, value in inputs.items()}
    command = [sys.executable, "-I", "-m", "sigstep.action"]
    done = subprocess.run(
        command, cwd=folder, env={**environ, **given}, capture_output=True, text=True, check=False, timeout=SECONDS
    )
    lines = done.stdout.splitlines()
    shown = [line for line in lines if line and (line.startswith("::error") or not line.startswith("::"))]
    say(*shown, *done.stderr.splitlines(), indent=3)
    return done.returncode


def say(*lines: str, indent: int = 0) -> None:
    """Print at once."""
    for line in lines:
        print(" " * indent + line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
