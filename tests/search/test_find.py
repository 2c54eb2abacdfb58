"""The search as a whole, on small questions."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from search_samples import (
    cost_model,
    dense_model,
    flat_topology,
    mixed_topology,
    moe_model,
    podded_topology,
)

from placer.cost.model import CostModel
from placer.emit.megatron.rules import megatron_rules
from placer.errors import TimeLimitError
from placer.plan.contiguous import contiguous_placement
from placer.plan.layout import even_layout
from placer.plan.ranks import gpu_of_rank
from placer.search.candidates import Costing, strategy_bounds
from placer.search.find import find
from placer.search.inner import Candidate, instance_of, start
from placer.search.instance import step_s
from placer.search.options import SearchOptions
from placer.search.result import Progress, SearchResult, SearchStatus
from placer.search.space import SpaceLimits, enumerate_space
from placer.topology.tree import GpuState

QUESTIONS = {
    "dense": lambda: cost_model(dense_model(8), flat_topology(2)),
    "moe": lambda: cost_model(moe_model(9), flat_topology(2)),
    "narrow pods": lambda: cost_model(dense_model(8), podded_topology((2, 2))),
    "damaged": lambda: cost_model(
        dense_model(8),
        flat_topology(4, unavailable=[{"every": 2, "of": "domain", "lose": "1 gpu"}]),
    ),
    "two generations": lambda: cost_model(dense_model(8), mixed_topology()),
    "two generations in one pod": lambda: cost_model(
        moe_model(9), mixed_topology(2, 1, oversubscription=1.0)
    ),
}


def found(question: CostModel, **options: object) -> SearchResult:
    return find(question, rules=megatron_rules(), options=SearchOptions(**options))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", QUESTIONS)
def test_best_is_proven_and_consistent(name: str) -> None:
    question = QUESTIONS[name]()
    result = found(question)
    best = result.best
    assert result.status is SearchStatus.PROVEN
    assert result.gap <= 0.005
    assert best.estimate.step_time_s == pytest.approx(result.lower_bound_s * (1 + result.gap))
    assert best.estimate == question.estimate(best.strategy, best.placement)
    assert best.estimate.fits
    assert sum(result.pruned.values()) + result.solved == result.considered
    gpu = gpu_of_rank(best.strategy, best.placement)
    assert len(np.unique(gpu)) == best.strategy.num_gpus
    assert (question.topology.gpu_state[gpu] == GpuState.USABLE).all()


@pytest.mark.parametrize("name", ["narrow pods", "damaged", "two generations"])
def test_no_plan_is_slower_than_the_default_rank_order(name: str) -> None:
    question = QUESTIONS[name]()
    best = found(question, top=1).best
    layout = best.placement.pipeline_layout
    default = contiguous_placement(best.strategy, layout, question.topology)
    usual = question.estimate(best.strategy, default)
    assert best.estimate.step_time_s <= usual.step_time_s


def test_domains_filled_unevenly_do_not_raise_the_bound() -> None:
    """Replicas on 12 and 11 GPUs of domains of 16 are 23, not the 2 x 16 of their widest spans."""
    topology = flat_topology(
        2,
        accelerator="gb200",
        gpus_per_host=4,
        scale_up={"size": 16},
        host_name="n{index}",
        scale_out={
            "link": "infiniband",
            "nic": "400 Gbit/s",
            "levels": [{"name": "spine", "size": "2 domains", "latency": "4 us"}],
        },
        unavailable=[{"units": ["n5"], "lose": "1 gpu"}],
        drained=["n1", "n4"],
    )
    for dp in (22, 23):
        result = found(cost_model(dense_model(8), topology, batch=dp), fix={"dp": dp, "pp": 1})
        assert result.best.estimate.step_time_s >= result.lower_bound_s


def test_a_hundred_million_micro_batches_fit_the_solver() -> None:
    """Sums of the model stay within 64 bits, by a coarser unit."""
    question = cost_model(dense_model(4), flat_topology(1), batch=1 << 30, seq_len=1024)
    result = found(question, fix={"micro_batch_size": 1, "zero_stage": 1, "dp": 4}, top=1)
    assert result.status is SearchStatus.PROVEN
    assert result.best.strategy.num_microbatches == 1 << 28


@pytest.mark.parametrize("name", ["dense", "moe"])
def test_no_strategy_of_the_space_is_faster(name: str) -> None:
    """Place many strategies by the heuristics alone: none beats the proven best by the gap."""
    question = QUESTIONS[name]()
    costing = Costing(question)
    space = enumerate_space(
        model=question.model,
        run=question.run,
        rules=megatron_rules(),
        limits=SpaceLimits(max_gpus=16, domain_gpus=8, pod_gpus=16, min_gpus=8),
        options=SearchOptions(),
    )
    batch, _ = space.expand(np.arange(len(space.families)))
    bounds = strategy_bounds(batch, costing)
    result = found(question)
    fastest = np.inf
    kept = np.flatnonzero(bounds.reason == 0)
    for row in kept[:: max(1, len(kept) // 200)].tolist():
        candidate = Candidate(
            batch=batch.take(np.array([row])),
            bound_s=float(bounds.step_s[row]),
            critical_s=float(bounds.critical_s[row]),
        )
        instance, assignment = start(candidate, costing)
        if assignment is not None:
            fastest = min(fastest, step_s(instance, assignment))
    assert result.lower_bound_s <= fastest * (1 + 1e-9)
    assert result.best.estimate.step_time_s <= fastest * 1.005


def test_never_slower_than_the_default_rank_order() -> None:
    question = QUESTIONS["narrow pods"]()
    best = found(question).best
    layout = even_layout(question.model, best.strategy.pp, best.strategy.vpp)
    default = contiguous_placement(best.strategy, layout, question.topology)
    said = question.estimate(best.strategy, default)
    assert best.estimate.step_time_s <= said.step_time_s * (1 + 1e-9)


def test_alternatives_are_different_and_in_order() -> None:
    result = found(QUESTIONS["dense"](), top=4)
    plans = [result.best, *result.alternatives]
    assert len(plans) == 4
    steps = [plan.estimate.step_time_s for plan in plans]
    assert steps == sorted(steps)
    shapes = {(p.strategy.tp, p.strategy.cp, p.strategy.ep, p.strategy.pp) for p in plans}
    assert len(shapes) == 4
    for one, other in itertools.pairwise(steps):
        assert other / one - 1 > 1e-6


def test_top_one_has_no_alternatives() -> None:
    assert found(QUESTIONS["dense"](), top=1).alternatives == ()


def test_same_question_same_answer() -> None:
    first, second = (found(QUESTIONS["moe"](), seed=3) for _ in range(2))
    assert first == second


def test_workers_change_nothing_but_the_path() -> None:
    one, three = (found(QUESTIONS["narrow pods"](), workers=n) for n in (1, 3))
    ratio = one.best.estimate.step_time_s / three.best.estimate.step_time_s
    assert ratio == pytest.approx(1.0, rel=0.005)


def test_fixed_axes_are_kept() -> None:
    best = found(QUESTIONS["dense"](), fix={"tp": 4, "pp": 2, "recompute": 2}).best.strategy
    assert (best.tp, best.pp, best.recompute.granularity) == (4, 2, "full")


def test_fewer_gpus_when_asked() -> None:
    best = found(QUESTIONS["dense"](), max_gpus=8).best
    assert best.strategy.num_gpus <= 8


def test_most_gpus_may_stay_idle_when_the_batch_is_small() -> None:
    """Three sequences cannot feed 16 GPUs in the way the model allows; fewer are used."""
    model = dense_model(2, attention={"num_heads": 3, "head_dim": 128})
    best = found(cost_model(model, flat_topology(4), batch=1, seq_len=1024)).best
    assert best.strategy.num_gpus < 16


def test_more_memory_or_hardware_never_hurts() -> None:
    small = found(cost_model(dense_model(8), flat_topology(1))).best.estimate.step_time_s
    large = found(cost_model(dense_model(8), flat_topology(2))).best.estimate.step_time_s
    assert large <= small * 1.005


def test_wider_uplinks_never_hurt() -> None:
    steps = [
        found(
            cost_model(dense_model(8), podded_topology((2, 2), oversubscription=ratio))
        ).best.estimate.step_time_s
        for ratio in (1.5, 4.0, 16.0)
    ]
    assert steps[0] <= steps[1] * 1.005
    assert steps[1] <= steps[2] * 1.005


def test_time_limit_before_any_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count(step=100.0)
    monkeypatch.setattr("placer.search.best_first.time.monotonic", lambda: next(clock))
    with pytest.raises(TimeLimitError, match="no plan within the limits"):
        found(QUESTIONS["dense"](), time_limit_s=1.0)


def test_interrupt_gives_the_best_so_far() -> None:
    heard: list[Progress] = []

    def listener(progress: Progress) -> None:
        heard.append(progress)
        if np.isfinite(progress.incumbent_s):
            raise KeyboardInterrupt

    clock = itertools.count()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("placer.search.best_first.time.monotonic", lambda: float(next(clock)))
        result = find(
            QUESTIONS["moe"](), rules=megatron_rules(), options=SearchOptions(), progress=listener
        )
    assert result.status is SearchStatus.INTERRUPTED
    assert result.lower_bound_s <= result.best.estimate.step_time_s
    assert result.gap == pytest.approx(
        result.best.estimate.step_time_s / result.lower_bound_s - 1, abs=1e-12
    )
    assert heard[-1].candidates == result.considered


def test_interrupt_before_any_plan_passes_through() -> None:
    def listener(progress: Progress) -> None:
        raise KeyboardInterrupt

    clock = itertools.count()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("placer.search.best_first.time.monotonic", lambda: float(next(clock)))
        with pytest.raises(KeyboardInterrupt):
            find(
                QUESTIONS["dense"](),
                rules=megatron_rules(),
                options=SearchOptions(),
                progress=listener,
            )


def test_progress_is_told_at_most_ten_times_a_second() -> None:
    told: list[float] = []
    began = time.monotonic()
    find(
        QUESTIONS["moe"](),
        rules=megatron_rules(),
        options=SearchOptions(top=5),
        progress=lambda progress: told.append(progress.elapsed_s),
    )
    assert len(told) <= 10 * (time.monotonic() - began) + 1


def test_instance_of_a_podded_question_has_several_variants() -> None:
    costing = Costing(QUESTIONS["narrow pods"]())
    space = enumerate_space(
        model=costing.model.model,
        run=costing.model.run,
        rules=megatron_rules(),
        limits=SpaceLimits(max_gpus=32, domain_gpus=8, pod_gpus=16, min_gpus=16),
        options=SearchOptions(fix={"tp": 2, "pp": 2, "cp": 1, "micro_batch_size": 1}),
    )
    batch, _ = space.expand(np.arange(len(space.families)))
    candidate = Candidate(batch=batch.take(np.array([0])), bound_s=0.0, critical_s=0.0)
    assert len(instance_of(candidate, costing).variants) > 1
