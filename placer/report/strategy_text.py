"""A strategy in words: the line people write, and what sets two strategies apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from placer.plan.strategy import CrossSiteMode, RecomputeGranularity, Schedule

if TYPE_CHECKING:
    from placer.plan.strategy import Recompute, Strategy

_USUAL_SCHEDULES: Final = (Schedule.ONE_F_ONE_B, Schedule.INTERLEAVED)
_DEGREES: Final = ("tp", "cp", "ep", "etp", "pp", "vpp", "dp", "edp")
_EXPERT_DEGREES: Final = ("ep", "etp", "edp")


def strategy_line(strategy: Strategy, *, has_experts: bool) -> str:
    """``tp8 cp1 pp16 vpp8 dp128, micro-batch 1 x 16, recompute none, ZeRO-1``."""
    degrees = " ".join(
        f"{name}{getattr(strategy, name)}"
        for name in _DEGREES
        if has_experts or name not in _EXPERT_DEGREES
    )
    batches = f"micro-batch {strategy.micro_batch_size} x {strategy.num_microbatches}"
    recompute = f"recompute {recompute_text(strategy.recompute)}"
    return ", ".join([degrees, batches, recompute, zero_text(strategy), *_unusual(strategy)])


def recompute_text(recompute: Recompute) -> str:
    """``none``, ``selective (core_attn)`` or ``full``."""
    if recompute.granularity is RecomputeGranularity.SELECTIVE and recompute.modules:
        return f"selective ({', '.join(recompute.modules)})"
    if recompute.method == "block":
        return f"full ({recompute.num_layers} layers per chunk)"
    return recompute.granularity.value


def zero_text(strategy: Strategy) -> str:
    """``ZeRO-1``, with the shard group where it is not all replicas."""
    if strategy.dp_replicate > 1 and strategy.zero_stage > 0:
        return f"ZeRO-{strategy.zero_stage} over {strategy.dp_shard} of {strategy.dp} replicas"
    return f"ZeRO-{strategy.zero_stage}"


def _unusual(strategy: Strategy) -> list[str]:
    """What differs from what everyone expects, so is worth its words."""
    words = []
    if strategy.schedule not in _USUAL_SCHEDULES:
        words.append(f"schedule {strategy.schedule.value}")
    if strategy.tp > 1 and not strategy.sequence_parallel:
        words.append("no sequence parallelism")
    if strategy.cross_site.mode is not CrossSiteMode.NONE:
        sites = len(strategy.cross_site.shares) or strategy.cross_site.replicas
        words.append(f"{strategy.cross_site.mode.value} over {sites} sites")
    return words


def differences(chosen: Strategy, other: Strategy) -> tuple[str, ...]:
    """What ``other`` does differently, most telling first: ``tp 8 instead of 4``.

    What follows from the rest (dp from the model-parallel degrees, micro-batches from dp, edp from
    the expert degrees) is left out where something else differs.
    """
    told = _changed(chosen, other, ("tp", "ep", "etp", "cp", "pp", "vpp"))
    if chosen.micro_batch_size != other.micro_batch_size:
        told.append(f"micro-batch {other.micro_batch_size} instead of {chosen.micro_batch_size}")
    if chosen.recompute != other.recompute:
        mine, theirs = recompute_text(chosen.recompute), recompute_text(other.recompute)
        told.append(f"recompute {theirs} instead of {mine}")
    if chosen.zero_stage != other.zero_stage or chosen.dp_replicate != other.dp_replicate:
        told.append(f"{zero_text(other)} instead of {zero_text(chosen)}")
    if chosen.num_gpus != other.num_gpus:
        told.append(f"{other.num_gpus:,} GPUs instead of {chosen.num_gpus:,}")
    return tuple(told or _changed(chosen, other, ("dp", "num_microbatches")))


def _changed(chosen: Strategy, other: Strategy, axes: tuple[str, ...]) -> list[str]:
    pairs = [(axis, getattr(chosen, axis), getattr(other, axis)) for axis in axes]
    return [f"{axis} {theirs} instead of {mine}" for axis, mine, theirs in pairs if mine != theirs]
