"""torchrun by hand: a script to run once on every host, whatever starts it there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from placer.emit.launchers.nodes import node_files, places_of_nodes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from placer.emit.target import FrameworkFiles, Places
    from placer.plan.plan import Plan
    from placer.plan.ranks import RankTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Torchrun:
    """``nodes`` and ``launch.sh``: static rendezvous with explicit node ranks."""

    name: str = "torchrun"

    def files(self, plan: Plan, ranks: RankTable, framework: FrameworkFiles) -> dict[str, str]:
        """The table of hosts and the script."""
        return node_files(ranks, framework, self.name)

    def places(self, files: Mapping[str, str], num_ranks: int) -> Places:
        """Where the table of hosts puts each rank."""
        return places_of_nodes(files, num_ranks)
