"""One step along each axis."""

from __future__ import annotations

from dataclasses import replace

import pytest
from plan_samples import DENSE_MODEL, LAB, MOE_MODEL

from placer.api import Configuration, estimate, explain
from placer.cost.constants import load_constants
from placer.cost.model import CostModel
from placer.plan.estimate import Estimate
from placer.plan.mathematics import ANY_FRAMEWORK
from placer.plan.placement import Placement
from placer.plan.plan import Plan, PlanStatus
from placer.plan.strategy import RecomputeGranularity, Strategy
from placer.report.explain import explanation_data, neighbours_note
from placer.report.neighbours import Neighbour, neighbours
from placer.report.strategy_text import strategy_line
from placer.report.text.canvas import WIDTH
from placer.report.text.explanation import render_explanation
from placer.spec.model import ModelSpec
from placer.spec.run import RunSpec
from placer.topology.build import build_topology

RUN = RunSpec(global_batch_size=256, seq_len=4096)
DENSE = estimate(DENSE_MODEL, LAB, Configuration(tp=4, pp=4, vpp=2), RUN)
EXPERTS = estimate(MOE_MODEL, LAB, Configuration(tp=2, ep=8, etp=1, pp=1), RUN)


@pytest.fixture(scope="module")
def steps() -> dict[str, Neighbour]:
    found = neighbours(DENSE, ANY_FRAMEWORK, load_constants())
    return {neighbour.change: neighbour for neighbour in found}


def test_each_axis_steps_down_and_up(steps: dict[str, Neighbour]) -> None:
    assert list(steps) == [
        "tp 2",
        "tp 8",
        "cp 2",
        "pp 2",
        "pp 8",
        "vpp 1",
        "vpp 4",
        "micro_batch_size 2",
        "recompute selective",
        "recompute full",
    ]


def test_experts_have_axes_of_their_own() -> None:
    axes = {n.axis for n in neighbours(EXPERTS, ANY_FRAMEWORK, load_constants())}
    assert {"ep", "etp"} <= axes


def test_the_gpus_stay_and_the_batch_follows(steps: dict[str, Neighbour]) -> None:
    for neighbour in steps.values():
        strategy = neighbour.strategy
        assert strategy.num_gpus == DENSE.strategy.num_gpus
        batch = strategy.dp * strategy.micro_batch_size * strategy.num_microbatches
        assert batch == RUN.global_batch_size
    assert steps["tp 8"].strategy.dp == 4


def test_a_step_agrees_with_an_estimate_of_the_same(steps: dict[str, Neighbour]) -> None:
    same = estimate(DENSE_MODEL, LAB, Configuration(tp=8, pp=4, vpp=2), RUN)
    assert steps["tp 8"].estimate == same.estimate
    full = Configuration(tp=4, pp=4, vpp=2, recompute=RecomputeGranularity.FULL)
    assert steps["recompute full"].estimate == estimate(DENSE_MODEL, LAB, full, RUN).estimate


def test_what_cannot_run_says_why() -> None:
    wide = estimate(DENSE_MODEL, LAB, Configuration(tp=8, pp=16), RUN)
    found = {n.change: n for n in neighbours(wide, ANY_FRAMEWORK, load_constants())}
    assert found["pp 32"].estimate is None
    assert found["pp 32"].obstacle.startswith("not allowed: decoder layers, embedding, loss")
    assert found["tp 16"].obstacle == "not possible: the strategy needs more GPUs than lab has"


def test_what_does_not_fit_is_costed_and_says_so() -> None:
    big = ModelSpec.model_validate(DENSE_MODEL.model_dump() | {"num_layers": 2000})
    plan = estimate(big, LAB, Configuration(tp=8, pp=4), RUN)
    found = {n.change: n for n in neighbours(plan, ANY_FRAMEWORK, load_constants())}
    smaller = found["pp 2"]
    assert smaller.estimate is not None
    assert not smaller.estimate.fits
    assert smaller.obstacle.startswith("does not fit: ")


def backwards(plan: Plan) -> Plan:
    """The same plan with its stages in the opposite order of the cluster."""
    topology = build_topology(plan.cluster)
    cost = CostModel(model=plan.model, topology=topology, run=plan.run, constants=load_constants())
    last = plan.strategy.pp - 1
    by_stage = {run.stage: run for run in plan.placement.cells}
    cells = tuple(replace(by_stage[last - stage], stage=stage) for stage in range(last + 1))
    placement = replace(plan.placement, cells=cells)
    return replace(
        plan,
        status=PlanStatus.FEASIBLE,
        placement=placement,
        estimate=cost.estimate(plan.strategy, placement),
    )


def test_what_keeps_the_degrees_keeps_its_places(monkeypatch: pytest.MonkeyPatch) -> None:
    """Recomputation and micro-batches move nobody; rank order is for what changes a degree."""
    plan = backwards(DENSE)
    placed: dict[str, Placement] = {}
    whole = CostModel.estimate

    def noting(self: CostModel, strategy: Strategy, placement: Placement) -> Estimate:
        placed[strategy_line(strategy, has_experts=False)] = placement
        return whole(self, strategy, placement)

    monkeypatch.setattr(CostModel, "estimate", noting)
    found = {n.change: n for n in neighbours(plan, ANY_FRAMEWORK, load_constants())}

    def own(change: str) -> bool:
        line = strategy_line(found[change].strategy, has_experts=False)
        return placed[line] is plan.placement

    assert own("recompute full")
    assert own("micro_batch_size 2")
    assert not own("tp 8")
    assert not own("the same in rank order")


def test_the_note_says_what_rank_order_alone_loses() -> None:
    explanation = explain(DENSE)
    same = Neighbour(
        axis="",
        change="the same in rank order",
        strategy=DENSE.strategy,
        estimate=replace(DENSE.estimate, step_time_s=1.5 * DENSE.estimate.step_time_s),
        obstacle="",
        reason="",
    )
    slower = replace(explanation, neighbours=(same, *explanation.neighbours))

    assert "alone" not in neighbours_note(explanation)
    assert "That alone loses 50.0 % here" in neighbours_note(slower)


def test_the_explanation_as_text_and_data() -> None:
    explanation = explain(EXPERTS)
    text = render_explanation(explanation)
    assert max(map(len, text.splitlines())) <= WIDTH
    for title in (
        "Where the time goes",
        "What binds",
        "One step along each axis",
        "What would help",
    ):
        assert title in text
    data = explanation_data(explanation)
    assert data["schema"] == "placer.explain/v1"
    assert [one["thing"] for one in data["sensitivity"]["things"]] == [
        one.thing for one in explanation.sensitivities
    ]
    for neighbour in data["neighbours"]:
        assert (neighbour["step_time_s"] is None) == (neighbour["loss"] is None)
