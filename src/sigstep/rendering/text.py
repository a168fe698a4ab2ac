"""Text for terminals. Everything from outside is escaped before it is printed."""

from __future__ import annotations

from sigstep.errors import SigstepError


def plain(text: str) -> str:
    """``text`` in one line that a terminal and a CI log cannot take for anything but text.

    Control, format and separator characters are shown as escapes; ``::`` and ``##[`` at their place cannot start a
    workflow command.
    """
    shown = "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)
    return shown.replace("::", ":\u200b:").replace("##[", "#\u200b#[")


def error_text(error: SigstepError) -> str:
    """What, why and fix of an error, with its code, and what to paste."""
    lines = [f"error: {plain(error.what)} [{error.code}]"]
    if error.why:
        lines.append(f"  why: {plain(error.why)}")
    if error.fix:
        lines.append(f"  fix: {plain(error.fix)}")
    lines += [f"    {line}" for line in error.paste.splitlines()]
    return "\n".join(lines)
