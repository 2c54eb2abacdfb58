from __future__ import annotations

from collections import Counter

import pytest
from scene_samples import pipeline

from placer.plan.strategy import Schedule, Strategy
from placer.simulate.ops import Op, Pass
from placer.simulate.program import Code, Communicate, Run, stage_programs
from placer.simulate.schedule import chunk_table, num_warmup, stage_orders

STRATEGIES = [
    pipeline(1, 3),
    pipeline(4, 8),
    pipeline(4, 2),  # fewer micro-batches than stages
    pipeline(2, 4, vpp=2),
    pipeline(4, 12, vpp=3),
    pipeline(4, 7, vpp=2),  # a last group of its own size
    pipeline(4, 2, vpp=3),
    pipeline(4, 8, schedule=Schedule.ZERO_BUBBLE),
    pipeline(4, 8, schedule=Schedule.DUAL_PIPE),
    pipeline(6, 16, schedule=Schedule.DUAL_PIPE),
]


def written(order: tuple[Op, ...]) -> str:
    """``F0 F1 B0``; the chunk behind a dot where there are several."""
    return " ".join(f"{op.kind.value}{op.microbatch}" for op in order)


def test_1f1b_warms_up_by_what_is_behind() -> None:
    first, second, last = stage_orders(pipeline(3, 4))
    assert written(first) == "F0 F1 F2 B0 F3 B1 B2 B3"
    assert written(second) == "F0 F1 B0 F2 B1 F3 B2 B3"
    assert written(last) == "F0 B0 F1 B1 F2 B2 F3 B3"


def test_chunks_take_groups_in_turn() -> None:
    """The table of Megatron-LM's own comment: groups of 3 of 5 micro-batches, 2 chunks."""
    table = list(chunk_table(5, 2, 3))
    assert [m for m, _ in table] == [0, 1, 2, 0, 1, 2, 3, 4, 3, 4]
    assert [c for _, c in table] == [0, 0, 0, 1, 1, 1, 0, 0, 1, 1]


def test_interleaved_runs_chunks_forward_and_back() -> None:
    """pp 2, two chunks: 2 (pp - stage - 1) + (vpp - 1) pp passes warm up."""
    first, last = stage_orders(pipeline(2, 4, vpp=2))
    virtual = [op.virtual for op in first if op.kind is Pass.FORWARD]
    assert virtual == [0, 0, 2, 2, 0, 0, 2, 2]
    assert [op.virtual for op in last if op.kind is Pass.BACKWARD] == [3, 3, 1, 1, 3, 3, 1, 1]
    assert written(first[:6]) == "F0 F1 F0 F1 F2 B0"
    assert written(last[:4]) == "F0 F1 F0 B0"


def test_warmup_is_at_most_everything() -> None:
    assert num_warmup(pipeline(8, 2), 0) == 2
    assert num_warmup(pipeline(4, 4, vpp=2), 0) == 8


def test_zero_bubble_puts_weights_off_by_the_stage() -> None:
    orders = stage_orders(pipeline(3, 4, schedule=Schedule.ZERO_BUBBLE))
    assert written(orders[0]) == "F0 F1 F2 I0 W0 F3 I1 W1 I2 W2 I3 W3"
    assert written(orders[2]) == "F0 I0 F1 I1 F2 I2 W0 F3 I3 W1 W2 W3"


def test_dual_pipe_falls_back_where_it_cannot_run() -> None:
    odd = stage_orders(pipeline(3, 8, schedule=Schedule.DUAL_PIPE))
    assert odd == stage_orders(pipeline(3, 8))


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda s: f"{s.schedule}-{s.pp}-{s.vpp}")
def test_every_pass_runs_once_and_gradients_follow(strategy: Strategy) -> None:
    runs: Counter[tuple[str, int, int]] = Counter()
    for order in stage_orders(strategy):
        seen = set()
        for op in order:
            assert op not in seen
            seen.add(op)
            if op.kind is Pass.WEIGHT_GRADIENT:
                assert op._replace(kind=Pass.INPUT_GRADIENT) in seen
            if op.kind in (Pass.BACKWARD, Pass.INPUT_GRADIENT):
                assert op._replace(kind=Pass.FORWARD) in seen
                runs["backward", op.microbatch, op.virtual] += 1
            elif op.kind is Pass.FORWARD:
                runs["forward", op.microbatch, op.virtual] += 1
    assert set(runs.values()) == {1}
    assert len(runs) == 2 * strategy.num_microbatches * strategy.pp * strategy.vpp


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda s: f"{s.schedule}-{s.pp}-{s.vpp}")
def test_what_is_sent_is_received_and_awaited_before_use(strategy: Strategy) -> None:
    sent: Counter[object] = Counter()
    received: Counter[object] = Counter()
    for program in stage_programs(strategy):
        awaited = set()
        for instruction in program:
            if isinstance(instruction, Communicate):
                side = {Code.SEND: sent, Code.RECEIVE: received, Code.PREFETCH: received}
                side.get(instruction.code, Counter())[instruction.transfer] += 1
                if instruction.code is Code.AWAIT:
                    awaited.add(instruction.transfer)
        assert sum(isinstance(i, Run) for i in program) >= 2 * strategy.num_microbatches
    assert sent == received
    assert set(sent.values()) <= {1}
