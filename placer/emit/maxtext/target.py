"""MaxText as a target of ``placer emit``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from placer.emit.maxtext.configuration import (
    CONFIG_FILE,
    ENVIRONMENT_FILE,
    config_file,
    environment_file,
)
from placer.emit.maxtext.mesh import mesh_split
from placer.emit.maxtext.rules import maxtext_rules
from placer.emit.network import network_variables
from placer.emit.target import FrameworkFiles, Start
from placer.plan.ranks import expand_ranks

if TYPE_CHECKING:
    from placer.plan.legality import FrameworkRules
    from placer.plan.plan import Plan
    from placer.plan.ranks import RankTable
    from placer.plan.strategy import IntArray

_PROGRAM: Final = f'-m maxtext.trainers.pre_train.train "$HERE/{CONFIG_FILE}" "$@"'


@dataclass(frozen=True, slots=True, kw_only=True)
class MaxText:
    """YAML file over MaxText's own, and a process per GPU in the order of the mesh."""

    name: str = "maxtext"

    def rules(self, release: str) -> FrameworkRules:
        """The legality rules of a release."""
        return maxtext_rules(release)

    def order(self, plan: Plan, ranks: RankTable) -> IntArray:
        """Slice by slice; in a slice, and over slices, the expert axis fastest, then tensor."""
        return mesh_split(plan, ranks).order

    def files(self, plan: Plan, ranks: RankTable, release: str) -> FrameworkFiles:
        """The configuration of a plan."""
        version = self.rules(release).release
        split = mesh_split(plan, expand_ranks(plan))
        return FrameworkFiles(
            files={
                CONFIG_FILE: config_file(plan, split, version),
                ENVIRONMENT_FILE: environment_file(),
            },
            sourced=(ENVIRONMENT_FILE,),
            program=_PROGRAM,
            environment=network_variables(plan),
            start=Start.RANK,
        )
