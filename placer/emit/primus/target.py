"""AMD Primus as a target of ``placer emit``: an experiment that overrides Megatron-LM's fields.

Field names and the shape of the file as in Primus' ``examples/megatron/configs`` (``modules`` ->
``pre_trainer`` -> ``overrides``); the rules are those of the Megatron-LM it carries.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from placer.emit.argument import comment
from placer.emit.megatron.arguments import sections
from placer.emit.megatron.fields import fields_of, yaml_lines
from placer.emit.megatron.rules import megatron_rules
from placer.emit.megatron.target import check_layout, megatron_environment
from placer.emit.target import FrameworkFiles

if TYPE_CHECKING:
    from placer.plan.legality import FrameworkRules
    from placer.plan.plan import Plan
    from placer.plan.ranks import RankTable
    from placer.plan.strategy import IntArray

EXPERIMENT_FILE: Final = "primus.yaml"
_PROGRAM: Final = (
    '"${PRIMUS:?set it to your Primus checkout}/primus/cli/main.py" train pretrain'
    f' --config "$HERE/{EXPERIMENT_FILE}" "$@"'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Primus:
    """Experiment file."""

    name: str = "primus"

    def rules(self, release: str) -> FrameworkRules:
        """Megatron-LM's rules; the release is Megatron-LM's too."""
        return replace(megatron_rules(release), name=self.name)

    def order(self, plan: Plan, ranks: RankTable) -> IntArray:
        """Megatron-LM's default order, which is the plan's."""
        return np.arange(plan.strategy.num_gpus)

    def files(self, plan: Plan, ranks: RankTable, release: str) -> FrameworkFiles:
        """The experiment of a plan."""
        check_layout(plan)
        return FrameworkFiles(
            files={EXPERIMENT_FILE: experiment_file(plan, release)},
            sourced=(),
            program=_PROGRAM,
            environment=megatron_environment(plan),
        )


def experiment_file(plan: Plan, release: str) -> str:
    """The YAML file."""
    about = (
        f"{plan.model.name} on {plan.cluster.name}: {plan.strategy.num_gpus} GPUs,"
        f" {plan.estimate.step_time_s:.3f} s per step."
    )
    lines = [
        comment(about),
        comment(
            "Tokenizer, data, learning rate and steps are yours to add. Groups follow from the"
        ),
        comment("rank alone (tp-cp-ep-dp-pp): start the ranks where rank_table.json says."),
        "modules:",
        "  pre_trainer:",
        "    framework: megatron",
        "    config: pre_trainer.yaml",
        "    model: language_model.yaml",
        "    overrides:",
        *yaml_lines(fields_of(sections(plan, release)), indent=6),
    ]
    return "\n".join([*lines, ""])
