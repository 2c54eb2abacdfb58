"""DeepSpeed as a target of ``placer emit``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from placer.emit.deepspeed.configuration import (
    ARGUMENT_FILE,
    CONFIG_FILE,
    HOST_FILE,
    PIPELINE_FILE,
    argument_file,
    host_file,
    json_file,
    pipeline_file,
)
from placer.emit.deepspeed.rules import deepspeed_rules
from placer.emit.environment import torch_variables
from placer.emit.target import FrameworkFiles

if TYPE_CHECKING:
    from placer.plan.legality import FrameworkRules
    from placer.plan.plan import Plan
    from placer.plan.ranks import RankTable
    from placer.plan.strategy import IntArray

_PROGRAM: Final = '"${TRAIN_SCRIPT:?set it to your training script}" "${DEEPSPEED_ARGS[@]}" "$@"'


@dataclass(frozen=True, slots=True, kw_only=True)
class DeepSpeed:
    """JSON file, words for the script, host file, and the pipeline's stages where there are some."""

    name: str = "deepspeed"

    def rules(self, release: str) -> FrameworkRules:
        """The legality rules of a release."""
        return deepspeed_rules(release)

    def order(self, plan: Plan, ranks: RankTable) -> IntArray:
        """Model (or sequence) fastest, then data, then pipe: the plan's own order.

        Experts of AutoEP take consecutive ranks of a stage, as the plan's do with etp 1.
        """
        return np.arange(plan.strategy.num_gpus)

    def files(self, plan: Plan, ranks: RankTable, release: str) -> FrameworkFiles:
        """The configuration of a plan."""
        version = self.rules(release).release
        files = {CONFIG_FILE: json_file(plan), ARGUMENT_FILE: argument_file(plan, version)}
        if plan.strategy.pp > 1:
            files[PIPELINE_FILE] = pipeline_file(plan)
        if ranks.ranks_per_node and ranks.uses_gpus_in_order:
            files[HOST_FILE] = host_file(ranks)
        return FrameworkFiles(
            files=files,
            sourced=(ARGUMENT_FILE,),
            program=_PROGRAM,
            environment=torch_variables(plan),
        )
