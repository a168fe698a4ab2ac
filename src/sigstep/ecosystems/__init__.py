"""Ecosystems: the package-url type and where its evidence is asked for."""

ECOSYSTEMS: tuple[tuple[str, str], ...] = (
    ("npm", "sigstep.ecosystems.npm:evidence"),
    ("pypi", "sigstep.ecosystems.pypi:evidence"),
)
FORGE: frozenset[str] = frozenset({"githubactions", "github"})
"""Those that are asked at GitHub's API and not at a registry."""
