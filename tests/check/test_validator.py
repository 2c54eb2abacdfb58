"""The checker finds each kind of defect, and nothing in a sound plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plan_samples import DAMAGED_LAB, DENSE_MODEL, LAB, MOE_MODEL, plan_of, run_of

from placer.check.validator import check_plan
from placer.emit.megatron.rules import megatron_rules
from placer.plan.estimate import Breakdown
from placer.plan.placement import ChunkLayout, PipelineLayout
from placer.plan.plan import Plan, PlanStatus
from placer.plan.strategy import Schedule, Strategy

DENSE = plan_of(Strategy(tp=4, pp=2, dp=2, num_microbatches=8, dp_shard=2))
EXPERTS = plan_of(
    Strategy(
        tp=2,
        ep=8,
        pp=2,
        vpp=2,
        dp=8,
        num_microbatches=8,
        dp_shard=8,
        schedule=Schedule.INTERLEAVED,
    ),
    MOE_MODEL,
)


@given(
    tp=st.sampled_from((1, 2, 4, 8)),
    cp=st.sampled_from((1, 2)),
    pp=st.sampled_from((1, 2, 3)),
    vpp=st.sampled_from((1, 2)),
    dp=st.sampled_from((1, 2)),
    damaged=st.booleans(),
)
def test_packed_plans_are_sound(
    tp: int, cp: int, pp: int, vpp: int, dp: int, *, damaged: bool
) -> None:
    schedule = Schedule.ONE_F_ONE_B if vpp == 1 else Schedule.INTERLEAVED
    strategy = Strategy(
        tp=tp, cp=cp, pp=pp, vpp=vpp, dp=dp, num_microbatches=4, dp_shard=dp, schedule=schedule
    )
    assert check_plan(plan_of(strategy, cluster=DAMAGED_LAB if damaged else LAB)) == ()


def test_experts_are_sound_under_the_framework_rules() -> None:
    assert check_plan(EXPERTS, rules=megatron_rules()) == ()


def with_cells(plan: Plan, index: int, **changes: object) -> Plan:
    cells = list(plan.placement.cells)
    cells[index] = replace(cells[index], **changes)  # type: ignore[arg-type]
    return replace(plan, placement=replace(plan.placement, cells=tuple(cells)))


def with_chunk(plan: Plan, index: int, **changes: object) -> Plan:
    chunks = list(plan.placement.pipeline_layout.chunks)
    chunks[index] = replace(chunks[index], **changes)  # type: ignore[arg-type]
    layout = PipelineLayout(chunks=tuple(chunks))
    return replace(plan, placement=replace(plan.placement, pipeline_layout=layout))


def with_axis(plan: Plan, index: int, **changes: object) -> Plan:
    axes = list(plan.placement.axis_levels)
    axes[index] = replace(axes[index], **changes)  # type: ignore[arg-type]
    return replace(plan, placement=replace(plan.placement, axis_levels=tuple(axes)))


def with_estimate(plan: Plan, **changes: object) -> Plan:
    return replace(plan, estimate=replace(plan.estimate, **changes))  # type: ignore[arg-type]


def with_bound(plan: Plan, **changes: object) -> Plan:
    assert plan.bound is not None
    return replace(plan, bound=replace(plan.bound, **changes))  # type: ignore[arg-type]


def swapped_chunks(plan: Plan) -> Plan:
    chunks: tuple[ChunkLayout, ...] = plan.placement.pipeline_layout.chunks[::-1]
    layout = PipelineLayout(chunks=chunks)
    return replace(plan, placement=replace(plan.placement, pipeline_layout=layout))


MEMORY = DENSE.estimate.memory[0]

# Each row: the defect, and how the checker names it.
DEFECTS: list[tuple[str, Callable[[], Plan], str]] = [
    ("a cell short of GPUs", lambda: with_cells(DENSE, 0, gpu_ids=((0, 3),)), "3 accelerators"),
    (
        "two cells on the same GPUs",
        lambda: with_cells(DENSE, 1, gpu_ids=((0, 4),), hosts=("leaf0-n0",)),
        "hold several ranks",
    ),
    (
        "a GPU beyond the cluster",
        lambda: with_cells(DENSE, 0, gpu_ids=((126, 4),)),
        "cluster of 128",
    ),
    (
        "a failed GPU",
        lambda: with_cells(
            plan_of(DENSE.strategy, cluster=DAMAGED_LAB),
            3,
            gpu_ids=((16, 4),),
            hosts=("leaf0-n2",),
        ),
        "such as 16, which is failed",
    ),
    ("another host's name", lambda: with_cells(DENSE, 0, hosts=("leaf3-n3",)), "in one only"),
    (
        "a wrong count of GPUs",
        lambda: replace(DENSE, placement=replace(DENSE.placement, gpus_available=127)),
        "gpus_available is stated as 127",
    ),
    (
        "fewer GPUs used than ranks",
        lambda: replace(DENSE, placement=replace(DENSE.placement, gpus_used=15)),
        "gpus_used is 15",
    ),
    ("groups wider than stated", lambda: with_axis(DENSE, 0, levels={"nvlink": 2}), "covers"),
    ("more groups", lambda: with_axis(DENSE, 0, groups=3), "3 groups, has 4"),
    (
        "groups crossing",
        lambda: with_axis(DENSE, 4, groups_crossing={}),
        "groups are stated to cross",
    ),
    ("an axis of another name", lambda: with_axis(DENSE, 0, axis="sp"), "no axis is called sp"),
    ("a layer lost", lambda: with_chunk(DENSE, 1, num_layers=7, num_dense=7), "found 15"),
    ("a layer twice", lambda: with_chunk(DENSE, 1, first_layer=7), "expected first_layer 8"),
    (
        "MoE layers taken for dense ones",
        lambda: with_chunk(EXPERTS, 1, num_dense=3, num_moe=0),
        "expected 0 dense and 3 MoE layers",
    ),
    ("chunks in another order", lambda: swapped_chunks(DENSE), "chunk j on stage j % pp"),
    ("no embedding", lambda: with_chunk(DENSE, 0, embedding=False), "embedding on the first"),
    ("two losses", lambda: with_chunk(DENSE, 0, loss=True), "loss on the last"),
    ("no MTP layer", lambda: with_chunk(EXPERTS, 3, num_mtp=0), "expected 1 MTP layers"),
    (
        "MTP before decoder layers",
        lambda: with_chunk(with_chunk(EXPERTS, 3, num_mtp=0), 1, num_mtp=1),
        "before decoder layers",
    ),
    (
        "memory over the limit",
        lambda: with_estimate(DENSE, memory=(replace(MEMORY, weights_bytes=90e9),) * 2),
        "more than its limit of",
    ),
    ("a stage without memory", lambda: with_estimate(DENSE, memory=(MEMORY,)), "of 2 stages"),
    (
        "a breakdown that does not sum",
        lambda: with_estimate(DENSE, breakdown=Breakdown(compute=1.0)),
        "breakdown_s sums to 1.0 s",
    ),
    (
        "a negative component",
        lambda: with_estimate(DENSE, breakdown=Breakdown(compute=2.5, tp=-0.0625)),
        "breakdown_s.tp is -0.0625 s",
    ),
    (
        "another throughput",
        lambda: with_estimate(DENSE, tokens_per_s=1.0),
        "a step has 65536 tokens",
    ),
    ("no proof", lambda: replace(DENSE, bound=None), "must not be without"),
    (
        "a proof of an estimate",
        lambda: replace(DENSE, status=PlanStatus.ESTIMATED),
        "status estimated",
    ),
    (
        "a bound above the answer",
        lambda: with_bound(DENSE, lower_bound_s=9.0, gap=-0.7),
        "is above",
    ),
    ("another gap", lambda: with_bound(DENSE, gap=0.004), "gap is 0.004"),
    (
        "a gap too wide to call optimal",
        lambda: with_bound(DENSE, lower_bound_s=1.0, gap=1.4375),
        "exceeds",
    ),
    ("heads that do not divide", lambda: replace(DENSE, strategy=Strategy(tp=3)), "16 % tp 3"),
    (
        "another batch",
        lambda: replace(DENSE, run=run_of(DENSE.strategy, global_batch_size=3)),
        "batch",
    ),
]


@pytest.mark.parametrize(("build", "named"), [d[1:] for d in DEFECTS], ids=[d[0] for d in DEFECTS])
def test_each_defect_is_named(build: Callable[[], Plan], named: str) -> None:
    found = check_plan(build())
    assert any(named in problem for problem in found), found


def test_candidates_must_be_counted() -> None:
    assert DENSE.bound is not None
    candidates = replace(DENSE.bound.candidates, considered=10)
    assert "11 candidates" not in str(check_plan(with_bound(DENSE, candidates=candidates)))
    assert check_plan(with_bound(DENSE, candidates=candidates)) == (
        "bound: 9 candidates pruned and 2 solved, of 10 considered",
    )


def test_estimates_may_exceed_memory() -> None:
    """The user's own configuration is costed as it is; only answers must fit."""
    over = with_estimate(DENSE, memory=(replace(MEMORY, weights_bytes=90e9),) * 2)
    estimated = replace(over, status=PlanStatus.ESTIMATED, bound=None, alternatives=())
    assert check_plan(estimated) == ()


def test_recosting_must_agree() -> None:
    assert check_plan(DENSE, recost=lambda plan: plan.estimate) == ()
    slower = replace(DENSE.estimate, step_time_s=DENSE.estimate.step_time_s * 1.01)
    assert "costed anew" in check_plan(DENSE, recost=lambda _: slower)[0]
    moved = replace(DENSE.estimate.breakdown, tp=0.5, compute=1.25)
    problems = check_plan(DENSE, recost=lambda _: replace(DENSE.estimate, breakdown=moved))
    assert [p.split(" is stated")[0] for p in problems] == [
        "estimate: breakdown_s.compute",
        "estimate: breakdown_s.tp",
    ]
    heavier = (replace(MEMORY, weights_bytes=5e9),) * 2
    recosted = replace(DENSE.estimate, memory=heavier)
    assert "stage 0 is stated to need" in check_plan(DENSE, recost=lambda _: recosted)[0]


def test_models_without_experts_have_no_moe_layers() -> None:
    assert DENSE.model == DENSE_MODEL
    assert check_plan(with_chunk(DENSE, 0, num_dense=7, num_moe=1))
