"""Rules that frameworks share, about what a framework simply does not have.

Each builder makes one rule for one framework; the sentence says what is missing, the remedy names
what to change or a target that has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from placer.plan.arithmetic import Quantity, all_of, forbidden, multiple_of
from placer.plan.legality import Choice, ChoiceRule, Rule
from placer.plan.mathematics import ETP, PP, SEQ_LEN, TP, VPP, degree
from placer.plan.strategy import CrossSiteMode, RecomputeGranularity, Schedule
from placer.spec.run import CudaGraph, GradientRecipe, MoeDispatcher

if TYPE_CHECKING:
    from collections.abc import Callable

    from placer.spec.run import Optimizer, Precision, RunSpec

ZERO_STAGE: Final = degree("zero_stage")
RECOMPUTE: Final = degree("recompute")
SEQUENCE_PARALLEL: Final = degree("sequence_parallel")
TWICE_CP: Final = Quantity(label="2 * cp", values=lambda c: 2 * c.batch.cp)
CP_TP: Final = Quantity(label="cp * tp", values=lambda c: c.batch.cp * c.batch.tp)
DP_REPLICATE: Final = Quantity(
    label="dp / dp_shard",
    values=lambda c: c.batch.dp // (c.batch.dp_shard + (c.batch.dp_shard == 0)),
)
_SELECTIVE: Final = 1


def unstated(name: str, allows: Callable[[RunSpec], bool], sentence: str, remedy: str) -> Rule:
    """A rule about the run alone: precision, optimizer, features."""
    return forbidden(
        name=name, when=lambda c: not allows(c.run), shown=(), sentence=sentence, remedy=remedy
    )


def precisions(framework: str, allowed: tuple[Precision, ...]) -> Rule:
    """Numeric formats the emitted configuration can ask for."""
    names = ", ".join(allowed)
    return unstated(
        f"{framework}_precision",
        lambda run: run.precision in allowed,
        f"The emitted {framework} configuration can ask for {names} only.",
        f"Choose {names}, or emit for megatron.",
    )


def optimizers(framework: str, allowed: tuple[Optimizer, ...]) -> Rule:
    """Optimizers the emitted configuration can name."""
    names = ", ".join(allowed)
    return unstated(
        f"{framework}_optimizer",
        lambda run: run.optimizer in allowed,
        f"The emitted {framework} configuration can name {names} only.",
        f"Choose {names}, or emit for megatron.",
    )


def gradients(framework: str) -> Rule:
    """Gradients reduced in fp32 or the training format, without accumulators besides."""
    return unstated(
        f"{framework}_gradients",
        lambda run: run.features.gradients is not GradientRecipe.ACCUMULATED,
        f"{framework} keeps no fp32 accumulators beside narrow gradients.",
        "Use the gradient recipe fp32 or narrow.",
    )


def plain_features(framework: str, dispatchers: tuple[MoeDispatcher, ...]) -> tuple[Rule, ...]:
    """No overlap of expert exchanges, no captured graphs, and only some dispatchers."""
    names = ", ".join(dispatchers)
    return (
        unstated(
            f"{framework}_ep_overlap",
            lambda run: not run.features.ep_overlap,
            f"{framework} does not run expert exchanges beside another micro-batch.",
            "Turn ep_overlap off, or emit for megatron.",
        ),
        unstated(
            f"{framework}_cuda_graph",
            lambda run: run.features.cuda_graph is CudaGraph.NONE,
            f"The emitted {framework} configuration captures no graphs.",
            "Set cuda_graph to none, or emit for megatron.",
        ),
        forbidden(
            name=f"{framework}_moe_dispatcher",
            when=lambda c: (
                c.model.moe is not None and c.run.features.moe_dispatcher not in dispatchers
            ),
            shown=(),
            sentence=f"{framework} dispatches tokens by {names} only.",
            remedy=f"Choose {names}, or emit for megatron.",
        ),
    )


def no_tp_overlap(framework: str) -> Rule:
    """Tensor-parallel collectives run alone."""
    return unstated(
        f"{framework}_tp_overlap",
        lambda run: not run.features.tp_comm_overlap,
        f"{framework} does not cut up tensor-parallel collectives.",
        "Turn tp_comm_overlap off, or emit for megatron.",
    )


def no_pipeline(framework: str, why: str) -> Rule:
    """One pipeline stage only."""
    return forbidden(
        name=f"{framework}_no_pipeline",
        when=lambda c: c.batch.pp > 1,
        shown=(PP,),
        sentence=why,
        remedy="Set pp to 1, or emit for megatron or torchtitan.",
    )


def no_chunks(framework: str, why: str) -> Rule:
    """One model chunk per stage only."""
    return forbidden(
        name=f"{framework}_no_chunks",
        when=lambda c: c.batch.vpp > 1,
        shown=(VPP,),
        sentence=why,
        remedy="Set vpp to 1, or emit for megatron or torchtitan.",
    )


def chunks_need_pipeline(framework: str) -> Rule:
    """Several chunks per stage make sense in a pipeline only."""
    return forbidden(
        name=f"{framework}_chunks_need_pipeline",
        when=lambda c: all_of(c.batch.vpp > 1, c.batch.pp == 1),
        shown=(VPP, PP),
        sentence="Several chunks per stage need more than one stage.",
        remedy="Set vpp to 1, or raise pp.",
    )


def no_selective_recompute(framework: str) -> Rule:
    """Layers are recomputed whole or not at all."""
    return forbidden(
        name=f"{framework}_no_selective_recompute",
        when=lambda c: c.batch.recompute == _SELECTIVE,
        shown=(RECOMPUTE,),
        sentence=f"{framework} has no selective recomputation by module; what it calls selective"
        " keeps other tensors than the plan reckons with.",
        remedy="Recompute fully or not at all, or emit for megatron.",
    )


def sequence_parallel_with_tp(framework: str) -> Rule:
    """Tensor parallelism always splits the norms too."""
    return forbidden(
        name=f"{framework}_tp_has_sequence_parallel",
        when=lambda c: all_of(c.batch.tp > 1, c.batch.sequence_parallel == 0),
        shown=(TP, SEQUENCE_PARALLEL),
        sentence=f"{framework} splits norms along the sequence whenever tp is above 1.",
        remedy="Turn sequence parallelism on, or set tp to 1.",
    )


def no_sequence_parallel(framework: str) -> Rule:
    """Tensor parallelism never splits the norms."""
    return forbidden(
        name=f"{framework}_tp_without_sequence_parallel",
        when=lambda c: all_of(c.batch.tp > 1, c.batch.sequence_parallel == 1),
        shown=(TP, SEQUENCE_PARALLEL),
        sentence=f"{framework} does not split norms along the sequence under tensor parallelism.",
        remedy="Turn sequence parallelism off, set tp to 1, or emit for megatron or torchtitan.",
    )


def experts_follow_tp(framework: str) -> Rule:
    """Expert matrices are cut over the tensor-parallel group, like all others."""
    return forbidden(
        name=f"{framework}_experts_follow_tp",
        when=lambda c: all_of(c.model.moe is not None, c.batch.etp != c.batch.tp),
        shown=(ETP, TP),
        sentence=f"{framework} splits an expert over the same GPUs as every other matrix.",
        remedy="Set etp to tp, or emit for megatron.",
    )


def seq_over_twice_cp(framework: str) -> Rule:
    """Balanced context parallelism deals two chunks to each rank."""
    return multiple_of(
        name=f"{framework}_seq_over_cp",
        dividend=SEQ_LEN,
        divisor=TWICE_CP,
        applies=lambda c: c.batch.cp > 1,
        sentence="Context parallelism gives each GPU two chunks of the sequence.",
        remedy="Choose a cp whose double divides the sequence length.",
    )


def synchronous_sites(framework: str) -> ChoiceRule:
    """Every step crosses the sites."""
    asynchronous = (CrossSiteMode.DILOCO, CrossSiteMode.STREAMING_DILOCO)
    return ChoiceRule(
        name=f"{framework}_cross_site",
        sentence=f"The emitted {framework} job is synchronous: every step crosses the sites.",
        refuses=lambda c: c.strategy.cross_site.mode in asynchronous,
        arithmetic=lambda c: f"cross_site mode {c.strategy.cross_site.mode}",
        remedy="Use sync_dp or pipeline.",
    )


def plain_schedules(framework: str) -> ChoiceRule:
    """1F1B with one chunk per stage, its interleaved form with several."""

    def refuses(choice: Choice) -> bool:
        strategy = choice.strategy
        expected = Schedule.INTERLEAVED if strategy.vpp > 1 else Schedule.ONE_F_ONE_B
        deeper = strategy.cross_site.extra_in_flight > 0
        return strategy.pp > 1 and (strategy.schedule is not expected or deeper)

    return ChoiceRule(
        name=f"{framework}_schedule",
        sentence=f"{framework} is given 1F1B with one chunk per stage and its interleaved form with"
        " several.",
        refuses=refuses,
        arithmetic=lambda c: (
            f"schedule {c.strategy.schedule}, pp {c.strategy.pp}, vpp {c.strategy.vpp},"
            f" {c.strategy.cross_site.extra_in_flight} micro-batches beyond it"
        ),
        remedy="Choose 1f1b for vpp 1 and interleaved for more, and hold no more than they do.",
    )


def whole_layer_recompute(framework: str) -> ChoiceRule:
    """Full recomputation is of every layer, one by one."""

    def refuses(choice: Choice) -> bool:
        recompute = choice.strategy.recompute
        if recompute.granularity is not RecomputeGranularity.FULL:
            return False
        return (recompute.method, recompute.num_layers) != ("uniform", 1)

    return ChoiceRule(
        name=f"{framework}_recompute",
        sentence=f"{framework} recomputes every layer on its own, or none.",
        refuses=refuses,
        arithmetic=lambda c: (
            f"method {c.strategy.recompute.method}, num_layers {c.strategy.recompute.num_layers}"
        ),
        remedy="Use the method uniform with num_layers 1, or emit for megatron.",
    )
