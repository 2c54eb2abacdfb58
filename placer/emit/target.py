"""What a framework and a launcher have to offer to be emitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from placer.emit.site_jobs import SiteJob
    from placer.plan.legality import FrameworkRules
    from placer.plan.plan import Plan
    from placer.plan.ranks import RankTable
    from placer.plan.strategy import IntArray


class Start(StrEnum):
    """How the processes of a framework come to life.

    ``torchrun``: one program per rank, which torchrun may start; ``node``: the framework has its own
    starter, run once per host with NODE_RANK, MASTER_ADDR and MASTER_PORT set; ``rank``: one program
    per rank that reads RANK, LOCAL_RANK and WORLD_SIZE, and knows nothing of torchrun.
    """

    TORCHRUN = "torchrun"
    NODE = "node"
    RANK = "rank"


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
    the bash words ``program`` as ``start`` says; the folder of the files is ``$HERE``.
    """

    files: dict[str, str]
    sourced: tuple[str, ...]
    program: str
    environment: tuple[EnvironmentVariable, ...]
    start: Start = Start.TORCHRUN


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where a launcher's files put each rank: N host names and N accelerator numbers inside them."""

    hosts: tuple[str, ...]
    gpu_index: tuple[int, ...]


class FrameworkTarget(Protocol):
    """A training framework a plan can be written for."""

    @property
    def name(self) -> str:
        """Name users type after ``--framework``."""

    def rules(self, release: str) -> FrameworkRules:
        """What the framework can run; the newest release known when empty."""

    def order(self, plan: Plan, ranks: RankTable) -> IntArray:
        """(N,) which rank of the plan each of the framework's own ranks has to be.

        A framework derives groups from rank numbers in an order of its own; this is the
        permutation that makes its groups the plan's.
        """

    def files(self, plan: Plan, ranks: RankTable, release: str) -> FrameworkFiles:
        """The framework's configuration of a plan; ``ranks`` are in the framework's order."""


@runtime_checkable
class SiteTarget(FrameworkTarget, Protocol):
    """A framework that runs sites which train apart as one job each."""

    def site_files(self, job: SiteJob, ranks: RankTable, release: str) -> FrameworkFiles:
        """The framework's configuration of one site; ``ranks`` count from 0 there."""


class Launcher(Protocol):
    """A way to start one process per rank where the plan wants it."""

    @property
    def name(self) -> str:
        """Name users type after ``--launcher``."""

    def files(self, plan: Plan, ranks: RankTable, framework: FrameworkFiles) -> dict[str, str]:
        """Names and contents of the launcher's files."""

    def places(self, files: Mapping[str, str], num_ranks: int) -> Places:
        """Read back from the launcher's own files where each rank will run."""
