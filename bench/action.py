"""Start of the Action's step, cold and warm, against a hash-locked ``pip install sigstore`` and a bare node script.

Wheels are at hand for both (``make setup``; this bench fetches those of the peer once), so that the network is measured
for neither. Cold: no environment yet. Warm: the environment of an earlier step of the job. Each is the median of RUNS.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RUNS = 5
WHEELS = Path(sys.prefix) / "wheelhouse"
BIN = Path(sys.executable).parent


def timed(command: list[str], env: dict[str, str], status: int = 0) -> float:
    """Seconds of one run."""
    began = time.perf_counter()
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode != status:
        raise SystemExit(f"{command}: {done.returncode}\n{done.stdout}{done.stderr}")
    return time.perf_counter() - began


def step(folder: Path) -> float:
    """Set-up and a whole step of sigstep that ends for want of a signer: all that every step does before its work."""
    out = folder / "out"
    out.write_text("")
    env = {
        "PATH": "/usr/bin:/bin", "RUNNER_TEMP": str(folder), "GITHUB_OUTPUT": str(out),
        "SIGSTEP_WHEELHOUSE": str(WHEELS),
        "SIGSTEP_INPUT_OPERATION": "verify",
    }  # fmt: skip
    seconds = timed(["bash", str(ROOT / "scripts/action/setup.sh")], env)
    said = dict(line.split("=", 1) for line in out.read_text().splitlines() if "=" in line)
    env["SIGSTEP_ENVIRONMENT"] = said["environment"]
    main = str(ROOT / "scripts/action/main.py")
    return seconds + timed([said["python"], "-I", "-S", "-B", main], env, status=2)


def peer_wheels(folder: Path) -> tuple[Path, Path]:
    """A lock with hashes of sigstore and what it needs, and its wheels."""
    lock = folder / "sigstore.txt"
    wanted = folder / "sigstore.in"
    wanted.write_text("sigstore==4.5.1\n")
    uv = [
        str(BIN / "uv"),
        "pip",
        "compile",
        "--quiet",
        "--generate-hashes",
        "--no-emit-index-url",
        str(wanted),
        "-o",
        str(lock),
    ]
    subprocess.run(uv, check=True, capture_output=True)
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
    subprocess.run([*pip, "-r", str(lock), "-d", str(folder / "wheels")], check=True)
    return lock, folder / "wheels"


def peer(folder: Path, lock: Path, wheels: Path) -> float:
    """A virtual environment, the locked install, and the tool's first word; where it is there, only the word."""
    env = {"PATH": "/usr/bin:/bin", "HOME": str(folder)}
    python = folder / "env" / "bin" / "python"
    seconds = 0.0
    if not python.exists():
        seconds += timed(["python3", "-I", "-m", "venv", str(folder / "env")], env)
        pip = [str(python), "-I", "-m", "pip", "install", "-q", "--no-index", "--find-links", str(wheels)]
        seconds += timed([*pip, "--require-hashes", "--no-deps", "-r", str(lock)], env)
    return seconds + timed([str(python), "-I", "-m", "sigstore", "--version"], env)


def node() -> float:
    """What a node action does before its own code."""
    return timed(["node", "-e", "process.exit(0)"], {"PATH": "/usr/bin:/bin:/usr/local/bin"})


def main() -> None:
    """Print one line a figure."""
    ours: dict[str, list[float]] = {"cold": [], "warm": []}
    theirs: dict[str, list[float]] = {"cold": [], "warm": []}
    nodes = []
    with tempfile.TemporaryDirectory() as place:
        lock, wheels = peer_wheels(Path(place))
        for _ in range(RUNS):
            with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
                for state in ("cold", "warm"):
                    ours[state].append(step(Path(one)))
                    theirs[state].append(peer(Path(other), lock, wheels))
            nodes.append(node())
    for state in ("cold", "warm"):
        mine, his = statistics.median(ours[state]), statistics.median(theirs[state])
        print(f"{state}: a step of sigstep {mine:.2f} s, locked sigstore-python {his:.2f} s, ratio {his / mine:.2f}")
    print(f"a bare node script: {statistics.median(nodes):.3f} s")


if __name__ == "__main__":
    main()
