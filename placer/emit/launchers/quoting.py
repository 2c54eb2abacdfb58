"""Texts that enter launchers' files, made harmless."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from placer.emit.target import EnvironmentVariable, FrameworkFiles
    from placer.plan.plan import Plan


def quoted_environment(framework: FrameworkFiles) -> list[EnvironmentVariable]:
    """The framework's variables with values quoted for bash."""
    return [replace(v, value=shlex.quote(v.value)) for v in framework.environment]


def job_name(plan: Plan) -> str:
    """Model and cluster in letters, digits, dots and dashes: nothing can break out of an option."""
    return plain(f"{plan.model.name}-{plan.cluster.name}")


def plain(text: str) -> str:
    """Letters, digits, dots, dashes and underscores; anything else becomes a dash."""
    return "".join(c if c.isascii() and (c.isalnum() or c in ".-_") else "-" for c in text)


def dns_label(text: str, longest: int = 40) -> str:
    """A name Kubernetes accepts: lower case letters, digits and dashes, starting with a letter."""
    lowered = "".join(c if c.isascii() and c.isalnum() else "-" for c in text.lower())
    return f"p-{lowered}"[:longest].strip("-")
