"""The search's answer as a plan."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import pytest
from plan_samples import DENSE_MODEL, LAB, MOE_MODEL

import placer
from placer.api import RunOptions, SearchOptions, found_answer, planning
from placer.api.question import Question, ask
from placer.check.validator import check_plan
from placer.errors import InternalError
from placer.plan.estimate import Breakdown
from placer.plan.plan import Plan, PlanStatus
from placer.plan.serialise import plan_from_json, plan_to_json
from placer.search.find import find
from placer.search.result import Progress, SearchResult, SearchStatus
from placer.simulate.result import Simulation
from placer.simulate.simulation import simulate_plan
from placer.spec.run import RunSpec

RUN = RunSpec(global_batch_size=256, seq_len=4096)
FIX = {"tp": 4}


@pytest.fixture(scope="module")
def found() -> tuple[Question, SearchOptions, SearchResult]:
    question, options = ask(MOE_MODEL, LAB, RUN), SearchOptions(fix=FIX, max_gpus=64)
    return question, options, find(question.cost_model, rules=question.rules, options=options)


@pytest.fixture(scope="module")
def plan(found: tuple[Question, SearchOptions, SearchResult]) -> Plan:
    return found_answer.plan_of(*found)


def test_the_plan_holds_and_survives_its_file(plan: Plan) -> None:
    assert plan.status is PlanStatus.OPTIMAL
    assert "megatron" in plan.launchable_by
    assert check_plan(plan) == ()
    assert plan_from_json(plan_to_json(plan), "plan.json") == plan


def test_the_best_plans_can_be_chosen_by_simulation(
    found: tuple[Question, SearchOptions, SearchResult],
) -> None:
    question, options, result = found
    chosen = planning.simulated_plan(question, options, result, 3)
    assert len(chosen.simulated) == min(3, 1 + len(result.alternatives))
    assert chosen.simulated[0].strategy == chosen.strategy
    assert chosen.simulated[0].estimate_s == chosen.estimate.step_time_s
    times = [step.simulated_s for step in chosen.simulated]
    assert times == sorted(times)
    assert check_plan(chosen) == ()
    assert plan_from_json(plan_to_json(chosen), "plan.json") == chosen


def test_a_slower_plan_that_wins_carries_its_own_gap(
    found: tuple[Question, SearchOptions, SearchResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last of three is said to simulate fastest."""
    question, options, result = found
    last = result.alternatives[1].strategy
    real = simulate_plan

    def favouring_last(plan: Plan) -> Simulation:
        simulation = real(plan)
        return replace(simulation, step_time_s=0.0) if plan.strategy == last else simulation

    monkeypatch.setattr(planning, "simulate_plan", favouring_last)
    chosen = planning.simulated_plan(question, options, result, 3)
    assert chosen.strategy == last
    assert chosen.bound is not None
    step_s = chosen.estimate.step_time_s
    assert chosen.bound.gap == pytest.approx(step_s / chosen.bound.lower_bound_s - 1.0)
    assert check_plan(chosen) == ()
    assert any(
        "slower in the simulation" in other.why_not
        for other in chosen.alternatives
        if other.step_time_s < step_s * (1.0 - options.gap)
    ) or chosen.alternatives[0].step_time_s >= step_s * (1.0 - options.gap)


CONTRACT = {
    "model": "name sha256 num_layers",
    "cluster": "name sha256 accelerator",
    "run": "global_batch_size seq_len precision framework optimizer",
    "strategy": "tp cp ep etp pp vpp dp edp micro_batch_size num_microbatches zero_stage dp_shard"
    " dp_replicate sequence_parallel schedule recompute cross_site launchable_by",
    "strategy.recompute": "granularity method num_layers modules",
    "strategy.cross_site": "mode replicas inner_steps",
    "placement": "axis_levels cells pipeline_layout layers_per_stage gpus_used gpus_available"
    " gpus_unusable spares",
    "placement.axis_levels.0": "axis levels groups groups_crossing",
    "placement.cells.0": "stage replicas site pod domain hosts gpus",
    "estimate": "step_time_s tokens_per_s tflops_per_gpu mfu hfu memory_bytes_per_stage"
    " memory_limit_bytes_per_stage breakdown_s",
    "estimate.breakdown_s": "compute tp cp ep pp bubble dp recompute optimizer cross_site",
    "bound": "lower_bound_s gap candidates deterministic_work",
    "bound.candidates": "considered pruned solved",
    "alternatives.0": "strategy step_time_s why_not distinguishable",
    "provenance": "placer_version solver_version seed limits constants",
    "provenance.constants.0": "name value unit kind source",
}
"""The fields people script against: add freely, remove or rename none."""


@pytest.mark.parametrize("path", CONTRACT)
def test_the_contract_is_kept(plan: Plan, path: str) -> None:
    part = json.loads(plan_to_json(plan))
    for key in path.split("."):
        part = part[int(key) if key.isdecimal() else key]
    assert set(CONTRACT[path].split()) <= part.keys()


def test_the_document_names_itself(plan: Plan) -> None:
    data = json.loads(plan_to_json(plan))
    assert data["schema"] == "placer.plan/v1"
    assert data["status"] == "optimal"


def test_the_breakdown_sums_to_the_step(plan: Plan) -> None:
    total = sum(getattr(plan.estimate.breakdown, f.name) for f in fields(Breakdown))
    assert total == pytest.approx(plan.estimate.step_time_s, rel=1e-12)


def test_what_was_asked_is_kept(plan: Plan) -> None:
    assert plan.strategy.tp == 4
    assert plan.strategy.num_gpus <= 64
    assert plan.provenance.restrictions == ("fix tp=4", "gpus 64")
    assert plan.provenance.assumptions == ()
    assert plan.provenance.solver == "cp-sat"
    assert plan.provenance.limits.gap == 0.005


def test_alternatives_are_slower_and_say_why(plan: Plan) -> None:
    steps = [plan.estimate.step_time_s, *(a.step_time_s for a in plan.alternatives)]
    assert steps == sorted(steps)
    for alternative in plan.alternatives:
        difference = alternative.step_time_s - plan.estimate.step_time_s
        assert alternative.loss.total_s == pytest.approx(difference, abs=1e-9)
        assert ": " in alternative.why_not
        assert alternative.distinguishable == (alternative.chance_faster < found_answer.SELDOM)
    chances = [alternative.chance_faster for alternative in plan.alternatives]
    assert all(0.0 < chance < 0.6 for chance in chances[:1])


def test_every_candidate_is_accounted_for(plan: Plan) -> None:
    assert plan.bound is not None
    candidates = plan.bound.candidates
    assert sum(candidates.pruned.values()) + candidates.solved == candidates.considered


def test_the_search_is_not_believed(found: tuple[Question, SearchOptions, SearchResult]) -> None:
    question, options, result = found
    better = replace(result.best.estimate, mfu=2 * result.best.estimate.mfu)
    wrong = replace(result, best=replace(result.best, estimate=better))
    with pytest.raises(InternalError, match="the search says"):
        found_answer.plan_of(question, options, wrong)


def test_a_search_cut_short_is_feasible_only(
    found: tuple[Question, SearchOptions, SearchResult],
) -> None:
    question, options, result = found
    bound = result.best.estimate.step_time_s / 1.1
    cut = replace(result, status=SearchStatus.INTERRUPTED, lower_bound_s=bound, gap=0.1)
    gap = result.best.estimate.step_time_s / bound - 1.0
    plan = found_answer.plan_of(question, options, replace(cut, gap=gap))
    assert plan.status is PlanStatus.FEASIBLE
    assert plan.provenance.limits.wall_clock_cut


def test_proven_stays_proven_when_only_the_alternatives_were_cut(
    found: tuple[Question, SearchOptions, SearchResult],
) -> None:
    question, options, result = found
    plan = found_answer.plan_of(question, options, replace(result, status=SearchStatus.INTERRUPTED))
    assert plan.status is PlanStatus.OPTIMAL
    assert plan.provenance.limits.wall_clock_cut


def test_the_same_question_gives_the_same_bytes() -> None:
    options = SearchOptions(fix={"tp": 2, "pp": 2}, max_gpus=32)
    plans = [placer.plan(DENSE_MODEL, LAB, RUN, options) for _ in range(2)]
    assert plan_to_json(plans[0]) == plan_to_json(plans[1])


def test_interrupting_gives_the_best_so_far() -> None:
    def interrupt(progress: Progress) -> None:
        if progress.solved:
            raise KeyboardInterrupt

    run = RunOptions(global_batch_size=2048, seq_len=8192)
    options = SearchOptions(top=8)
    plan = placer.plan("llama-3.1-405b", "dgx-h100-superpod-16k", run, options, listener=interrupt)
    assert plan.bound is not None
    assert plan.bound.candidates.solved >= 1
    assert check_plan(plan) == ()
