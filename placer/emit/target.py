"""What a framework and a launcher have to offer to be emitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from placer.plan.legality import FrameworkRules
    from placer.plan.plan import Plan
    from placer.plan.ranks import RankTable


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentVariable:
    """A variable the plan depends on, and why."""

    name: str
    value: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameworkFiles:
    """What a framework target writes, and what a launcher needs to know of it.

    ``files`` maps names to contents. A launcher sources ``sourced`` (names of bash files) and starts
    one process per rank with the bash words ``program``.
    """

    files: dict[str, str]
    sourced: tuple[str, ...]
    program: str
    environment: tuple[EnvironmentVariable, ...]


class FrameworkTarget(Protocol):
    """A training framework a plan can be written for."""

    @property
    def name(self) -> str:
        """Name users type after ``--framework``."""

    def rules(self, release: str) -> FrameworkRules:
        """What the framework can run; the newest release known when empty."""

    def files(self, plan: Plan, release: str) -> FrameworkFiles:
        """The framework's configuration of a plan."""


class Launcher(Protocol):
    """A way to start one process per rank where the plan wants it."""

    @property
    def name(self) -> str:
        """Name users type after ``--launcher``."""

    def files(self, plan: Plan, ranks: RankTable, framework: FrameworkFiles) -> dict[str, str]:
        """Names and contents of the launcher's files."""
