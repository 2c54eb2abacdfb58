"""torchtitan as a target of ``placer emit``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from placer.emit.environment import torch_variables
from placer.emit.target import FrameworkFiles
from placer.emit.torchtitan.dialects import (
    LAYOUT_MODULE,
    argument_file,
    layout_module,
    toml_file,
)
from placer.emit.torchtitan.rules import TOML_RELEASE, torchtitan_rules

if TYPE_CHECKING:
    from placer.emit.site_jobs import SiteJob
    from placer.plan.legality import FrameworkRules
    from placer.plan.plan import Plan
    from placer.plan.ranks import RankTable
    from placer.plan.strategy import IntArray

TOML_FILE: Final = "torchtitan.toml"
ARGUMENT_FILE: Final = "torchtitan_args.sh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Torchtitan:
    """TOML file (0.2) or command line with a configuration module (0.3)."""

    name: str = "torchtitan"

    def rules(self, release: str) -> FrameworkRules:
        """The legality rules of a release."""
        return torchtitan_rules(release)

    def order(self, plan: Plan, ranks: RankTable) -> IntArray:
        """The mesh [pp, dp_replicate, dp_shard, cp, tp] is the plan's own order.

        Experts: [pp, dp_replicate, efsdp, ep, etp] over the same ranks, as in the plan, since whole
        expert groups lie in one shard group.
        """
        return np.arange(plan.strategy.num_gpus)

    def files(self, plan: Plan, ranks: RankTable, release: str) -> FrameworkFiles:
        """The configuration of a plan in the release's dialect."""
        if self.rules(release).release == TOML_RELEASE:
            return FrameworkFiles(
                files={TOML_FILE: toml_file(plan)},
                sourced=(),
                program=f'-m torchtitan.train --job.config_file "$HERE/{TOML_FILE}" "$@"',
                environment=torch_variables(plan),
            )
        return self._command_line(plan, None)

    def site_files(self, job: SiteJob, ranks: RankTable, release: str) -> FrameworkFiles:
        """One site's configuration where sites train apart, each as a job of its own."""
        return self._command_line(job.plan, job)

    def _command_line(self, plan: Plan, job: SiteJob | None) -> FrameworkFiles:
        files = {ARGUMENT_FILE: argument_file(plan, job)}
        if plan.strategy.pp > 1:
            files[f"{LAYOUT_MODULE}.py"] = layout_module(plan)
        return FrameworkFiles(
            files=files,
            sourced=(ARGUMENT_FILE,),
            program='-m torchtitan.train "${TORCHTITAN_ARGS[@]}" "$@" "${TORCHTITAN_RECOMPUTE[@]}"',
            environment=torch_variables(plan),
        )
