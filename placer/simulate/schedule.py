"""The order in which each pipeline stage runs its forward and backward passes.

A pipeline of ``pp`` stages holds ``pp * vpp`` virtual stages; virtual stage j is chunk ``j // pp``
of stage ``j % pp``. DualPipe sends half of the micro-batches the other way: there rank r holds
virtual stages r and pp - 1 - r.
"""

from __future__ import annotations

from collections.abc import Iterator

from placer.plan.held import held_beyond_schedule
from placer.plan.microbatch_groups import microbatch_group_size
from placer.plan.strategy import Schedule, Strategy
from placer.simulate.dual_pipe import dual_pipe_order
from placer.simulate.ops import Op, Order, Pass


def stage_orders(strategy: Strategy) -> tuple[Order, ...]:
    """The passes of every stage, in the order its stream runs them."""
    pp, microbatches = strategy.pp, strategy.num_microbatches
    stages = range(pp)
    if strategy.vpp > 1:
        group = microbatch_group_size(pp, microbatches)
        return tuple(_interleaved(s, pp, strategy.vpp, microbatches, group) for s in stages)
    if strategy.schedule is Schedule.ZERO_BUBBLE:
        return tuple(_zero_bubble(s, pp, microbatches) for s in stages)
    if strategy.schedule is Schedule.DUAL_PIPE and runs_both_ways(strategy):
        return tuple(dual_pipe_order(s, pp, microbatches) for s in stages)
    return tuple(
        _one_forward_one_backward(s, num_warmup(strategy, s), microbatches) for s in stages
    )


def runs_both_ways(strategy: Strategy) -> bool:
    """Whether DualPipe is possible: an even pipeline, an even batch of at least two per stage."""
    even = strategy.pp % 2 == 0 and strategy.num_microbatches % 2 == 0
    return even and strategy.vpp == 1 and strategy.num_microbatches >= 2 * strategy.pp


def num_warmup(strategy: Strategy, stage: int) -> int:
    """Forward passes a stage runs before its first backward pass, at most all of them.

    1F1B ``pp - stage - 1``, and what is held to cover the way between sites; interleaved ``2 (pp - stage - 1) + (vpp - 1) group`` (Megatron-LM
    ``core/pipeline_parallel/schedules.py``, get_pp_rank_microbatches).
    """
    pp, microbatches = strategy.pp, strategy.num_microbatches
    if strategy.vpp == 1:
        beyond = int(held_beyond_schedule(strategy)[stage])
        return min(pp - stage - 1 + beyond, microbatches)
    group = microbatch_group_size(pp, microbatches)
    return min(2 * (pp - stage - 1) + (strategy.vpp - 1) * group, microbatches * strategy.vpp)


def chunk_table(num_microbatches: int, vpp: int, group: int) -> Iterator[tuple[int, int]]:
    """(micro-batch, chunk) in the order of forward passes: a group through each chunk in turn.

    With groups of 3 of 5 micro-batches and 2 chunks: micro-batches 0 1 2 0 1 2 3 4 3 4 on chunks
    0 0 0 1 1 1 0 0 1 1.
    """
    for first in range(0, num_microbatches, group):
        for chunk in range(vpp):
            for microbatch in range(first, min(first + group, num_microbatches)):
                yield microbatch, chunk


def _one_forward_one_backward(stage: int, warmup: int, num_microbatches: int) -> Order:
    """Narayanan et al., PipeDream-Flush (arXiv 2006.09503): warm-up, pairs, cool-down."""
    forward = [Op(Pass.FORWARD, m, stage) for m in range(num_microbatches)]
    backward = [Op(Pass.BACKWARD, m, stage) for m in range(num_microbatches)]
    return _warmed_up(forward, backward, warmup)


def _interleaved(stage: int, pp: int, vpp: int, num_microbatches: int, group: int) -> Order:
    """Narayanan et al. (arXiv 2104.04473), section 2.2; chunks backwards in the backward pass."""
    table = list(chunk_table(num_microbatches, vpp, group))
    forward = [Op(Pass.FORWARD, m, chunk * pp + stage) for m, chunk in table]
    backward = [Op(Pass.BACKWARD, m, (vpp - 1 - chunk) * pp + stage) for m, chunk in table]
    return _warmed_up(forward, backward, 2 * (pp - stage - 1) + (vpp - 1) * group)


def _warmed_up(forward: list[Op], backward: list[Op], warmup: int) -> Order:
    """``warmup`` forward passes, then one forward and one backward in turn, then what is left."""
    warmup = min(warmup, len(forward))
    order = forward[:warmup]
    for ahead, behind in zip(forward[warmup:], backward, strict=False):
        order += [ahead, behind]
    return (*order, *backward[len(forward) - warmup :])


def _zero_bubble(stage: int, pp: int, num_microbatches: int) -> Order:
    """ZB-H1 (Qi et al., arXiv 2401.10241, section 2.3): 1F1B whose weight gradients wait.

    Stage s puts the weight gradients of its first s micro-batches off, so that as many micro-batches
    are in flight on every stage as in 1F1B and the put-off work fills the drain.
    """
    forward = [Op(Pass.FORWARD, m, stage) for m in range(num_microbatches)]
    inputs = [Op(Pass.INPUT_GRADIENT, m, stage) for m in range(num_microbatches)]
    weights = [Op(Pass.WEIGHT_GRADIENT, m, stage) for m in range(num_microbatches)]
    paired = _warmed_up(forward, inputs, min(pp - stage - 1, num_microbatches))
    order: list[Op] = []
    for op in paired:
        order.append(op)
        if op.kind is Pass.INPUT_GRADIENT and op.microbatch >= stage:
            order.append(weights[op.microbatch - stage])
    return (*order, *weights[max(num_microbatches - stage, 0) :])
