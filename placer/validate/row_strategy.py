"""The parallel strategy a row describes."""

from __future__ import annotations

from placer.errors import shorten
from placer.plan.strategy import Recompute, RecomputeGranularity, Schedule, Strategy
from placer.validate.cells import Row, RowError
from placer.validate.software import default_zero_stage, selective_modules_of

KNOWN_RECOMPUTE = tuple(RecomputeGranularity)


def strategy_of(row: Row) -> Strategy:
    """The strategy; degrees a row leaves empty are 1, the rest is the framework's default.

    Raises
    ------
    RowError
        When a cell is malformed or the degrees, GPUs and batch do not multiply.
    """
    tp, cp, pp = (row.count(axis, 1) for axis in ("tp", "cp", "pp"))
    dp = _replicas(row, tp * cp * pp)
    micro_batch = row.count("micro_batch")
    zero_stage = row.count("zero_stage", default_zero_stage(row), least=0)
    if zero_stage > 3:
        raise RowError(f"zero_stage: expected 0 to 3, got {zero_stage}")
    dp_shard = row.count("dp_shard", dp)
    if dp % dp_shard:
        raise RowError(f"dp_shard: expected a divisor of dp ({dp}), got {dp_shard}")
    vpp = row.count("vpp", 1)
    return Strategy(
        tp=tp,
        cp=cp,
        ep=row.count("ep", 1),
        etp=row.count("etp", tp if row.has("experts") else 1),
        pp=pp,
        vpp=vpp,
        dp=dp,
        micro_batch_size=micro_batch,
        num_microbatches=_microbatches(row.count("global_batch"), dp, micro_batch),
        zero_stage=zero_stage,
        dp_shard=dp_shard,
        dp_replicate=dp // dp_shard,
        sequence_parallel=row.flag("sequence_parallel", default=tp > 1),
        schedule=Schedule.INTERLEAVED if vpp > 1 else Schedule.ONE_F_ONE_B,
        recompute=_recompute(row),
    )


def _replicas(row: Row, model_gpus: int) -> int:
    gpus = row.count("gpus")
    if gpus % model_gpus:
        raise RowError(f"gpus: expected a multiple of tp * cp * pp = {model_gpus}, got {gpus}")
    dp = row.count("dp", gpus // model_gpus)
    if dp * model_gpus != gpus:
        raise RowError(
            f"dp: expected gpus / (tp * cp * pp) = {gpus} / {model_gpus} = {gpus // model_gpus},"
            f" got {dp}"
        )
    return dp


def _microbatches(global_batch: int, dp: int, micro_batch: int) -> int:
    per_step = dp * micro_batch
    if global_batch % per_step:
        raise RowError(
            f"global_batch: expected a multiple of dp * micro_batch = {dp} * {micro_batch},"
            f" got {global_batch}"
        )
    return global_batch // per_step


def _recompute(row: Row) -> Recompute:
    text = row.text("recompute").lower() or RecomputeGranularity.NONE.value
    if text not in KNOWN_RECOMPUTE:
        raise RowError(
            f"recompute: expected {', '.join(KNOWN_RECOMPUTE)}, got {shorten(repr(text))}"
        )
    granularity = RecomputeGranularity(text)
    modules = selective_modules_of(row) if granularity is RecomputeGranularity.SELECTIVE else ()
    return Recompute(granularity=granularity, modules=modules)
