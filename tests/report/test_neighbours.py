"""One step along each axis."""

from __future__ import annotations

import pytest
from plan_samples import DENSE_MODEL, LAB, MOE_MODEL

from placer.api import Configuration, estimate, explain
from placer.cost.constants import load_constants
from placer.plan.mathematics import ANY_FRAMEWORK
from placer.plan.strategy import RecomputeGranularity
from placer.report.explain import explanation_data
from placer.report.neighbours import Neighbour, neighbours
from placer.report.text.canvas import WIDTH
from placer.report.text.explanation import render_explanation
from placer.spec.model import ModelSpec
from placer.spec.run import RunSpec

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


def test_the_explanation_as_text_and_data() -> None:
    explanation = explain(EXPERTS)
    text = render_explanation(explanation)
    assert max(map(len, text.splitlines())) <= WIDTH
    for title in ("Where the time goes", "What binds", "One step along each axis"):
        assert title in text
    data = explanation_data(explanation)
    assert data["schema"] == "placer.explain/v1"
    for neighbour in data["neighbours"]:
        assert (neighbour["step_time_s"] is None) == (neighbour["loss"] is None)
