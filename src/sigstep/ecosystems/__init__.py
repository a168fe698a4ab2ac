"""Ecosystems: the package-url type and where its evidence is asked for."""

ECOSYSTEMS: tuple[tuple[str, str], ...] = (
    ("npm", "sigstep.ecosystems.npm:evidence"),
    ("pypi", "sigstep.ecosystems.pypi:evidence"),
    ("githubactions", "sigstep.ecosystems.actions:evidence"),
    ("oci", "sigstep.ecosystems.oci:evidence"),
    ("cargo", "sigstep.ecosystems.cargo:evidence"),
    ("gem", "sigstep.ecosystems.gem:evidence"),
    ("github", "sigstep.ecosystems.release_assets:evidence"),
    ("golang", "sigstep.ecosystems.golang:evidence"),
    ("maven", "sigstep.ecosystems.maven:evidence"),
)
FORGE: frozenset[str] = frozenset({"githubactions", "github"})
"""Those that are asked at GitHub's API and not at a registry."""
