"""Lockfile readers: file name pattern and where its reader stands; the first pattern that matches counts."""

READERS: tuple[tuple[str, str], ...] = (
    ("uv.lock", "sigstep.ecosystems.readers.uv:read"),
    ("poetry.lock", "sigstep.ecosystems.readers.poetry:read"),
    ("pdm.lock", "sigstep.ecosystems.readers.pdm:read"),
    ("pylock.toml", "sigstep.ecosystems.readers.pylock:read"),
    ("pylock.*.toml", "sigstep.ecosystems.readers.pylock:read"),
    ("Pipfile.lock", "sigstep.ecosystems.readers.pipfile:read"),
    ("package-lock.json", "sigstep.ecosystems.readers.package_lock:read"),
    ("npm-shrinkwrap.json", "sigstep.ecosystems.readers.package_lock:read"),
    ("pnpm-lock.yaml", "sigstep.ecosystems.readers.pnpm:read"),
    ("Cargo.lock", "sigstep.ecosystems.readers.cargo:read"),
    ("go.sum", "sigstep.ecosystems.readers.go_sum:read"),
    ("requirements*.txt", "sigstep.ecosystems.readers.requirements:read"),
    ("*requirements.txt", "sigstep.ecosystems.readers.requirements:read"),
)
