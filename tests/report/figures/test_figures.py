"""The pictures of a plan: what they find, and that they tell what the plan says."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from plan_samples import DENSE_MODEL, LAB, MOE_MODEL, plan_of

from placer.api import Configuration, estimate, explain, simulate
from placer.plan.estimate import Breakdown
from placer.plan.plan import Alternative, Plan
from placer.plan.strategy import Recompute, RecomputeGranularity, Strategy
from placer.report.figures.alternatives import alternatives_figure
from placer.report.figures.breakdown import breakdown_figure
from placer.report.figures.memory import memory_figure
from placer.report.figures.placement import stage_colour
from placer.report.figures.sensitivity import sensitivity_figure
from placer.report.palette import COMPONENTS, MEMORY_PARTS
from placer.report.plan_figures import Findings, PlanFigures, draw_plan
from placer.report.sensitivity import Sensitivity
from placer.report.svg.figure import inline_svg, standalone_svg
from placer.report.svg.ramp import luminance
from placer.spec.run import RunSpec

RUN = RunSpec(global_batch_size=256, seq_len=4096)
SAMPLE = plan_of(Strategy(tp=4, pp=2, dp=8, num_microbatches=4, dp_shard=8))


def drawn(plan: Plan) -> PlanFigures:
    return draw_plan(Findings(explanation=explain(plan), simulation=simulate(plan)))


@pytest.fixture(scope="module")
def dense() -> PlanFigures:
    return drawn(estimate(DENSE_MODEL, LAB, Configuration(tp=4, pp=4, vpp=2), RUN))


@pytest.fixture(scope="module")
def experts() -> PlanFigures:
    return drawn(estimate(MOE_MODEL, LAB, Configuration(tp=2, ep=8, etp=1, pp=1), RUN))


@pytest.mark.parametrize("name", ["dense", "experts"])
def test_each_is_a_drawing_a_file_and_a_table(name: str, request: pytest.FixtureRequest) -> None:
    figures: PlanFigures = request.getfixturevalue(name)

    names = [figure.name for figure in figures.every]
    assert names == ["time", "memory", "placement", "pipeline", "traffic", "sensitivity"]
    for figure in figures.every:
        ET.fromstring(inline_svg(figure.wide))
        ET.fromstring(inline_svg(figure.narrow))
        ET.fromstring(standalone_svg(figure))
        assert figure.table.rows
        assert all(len(row) == len(figure.table.columns) for row in figure.table.rows)
        assert figure.finding[0].isupper() or figure.finding[0].isdigit()


def test_time_is_told_in_the_colours_of_its_components() -> None:
    figure = breakdown_figure(SAMPLE.estimate)
    root = ET.fromstring(inline_svg(figure.wide))
    used = {rect.get("fill") for rect in root.iter("{http://www.w3.org/2000/svg}rect")}
    taken = {c.colour for c in COMPONENTS if c.seconds(SAMPLE.estimate.breakdown) > 0.0}

    assert used == taken
    assert (
        figure.finding == "61.5 % of the step computes; most of the rest is pipeline bubble, 20.5 %"
    )
    assert figure.table.rows[-1] == ("step", "2.44 s", "100.0 %")


def test_a_step_that_only_computes_says_so() -> None:
    only = replace(SAMPLE.estimate, breakdown=Breakdown(compute=2.0), step_time_s=2.0)

    assert breakdown_figure(only).finding == "100.0 % of the step computes"


def test_memory_names_the_fullest_stage_and_what_does_not_fit() -> None:
    estimate = SAMPLE.estimate
    figure = memory_figure(SAMPLE)
    recompute = Recompute(granularity=RecomputeGranularity.FULL, method="uniform", num_layers=1)
    again = replace(SAMPLE, strategy=replace(SAMPLE.strategy, recompute=recompute))
    tight = replace(estimate, memory_limit_bytes=(80e9, 26e9))

    assert figure.finding == "Memory is not full: stage 0 fills 33.8 % of 74.5 GiB"
    assert figure.table.rows[0][0] == "0-1"
    assert memory_figure(again).finding.startswith("Memory would not suffice without recomputation")
    assert memory_figure(replace(SAMPLE, estimate=tight)).finding.startswith(
        "Memory does not suffice: stage 1 fills 103.8 %"
    )


def test_many_unlike_stages_leave_the_emptiest_to_the_table() -> None:
    estimate = SAMPLE.estimate
    memory = tuple(replace(estimate.memory[0], weights_bytes=4e9 + s * 1e9) for s in range(30))
    many = replace(estimate, memory=memory, memory_limit_bytes=(80e9,) * 30)
    figure = memory_figure(replace(SAMPLE, estimate=many))

    assert len(figure.table.rows) == 30
    assert "The 10 stages that are less full are in the table." in figure.note


def test_alternatives_say_which_cannot_be_told_apart() -> None:
    near = SAMPLE.alternatives[0]
    far = replace(near, step_time_s=3.0, distinguishable=True)

    def finding(*others: Alternative) -> str:
        return alternatives_figure(replace(SAMPLE, alternatives=others)).finding

    assert finding(near) == "By this model's accuracy, the next plan may be as fast"
    assert finding(near, near) == "By this model's accuracy, the next 2 plans may be as fast"
    assert finding(near, far) == "1 of the next 2 plans may be as fast, by this model's accuracy"
    assert finding(far) == "The next plan is slower beyond doubt"


def test_the_bars_of_alternatives_are_as_long_as_their_steps() -> None:
    figure = alternatives_figure(SAMPLE)

    assert figure.table.rows[1][1:3] == ("2.50 s", "+2.6 %")


def test_sensitivity_names_what_buys_most() -> None:
    some = Sensitivity(thing="compute rate", better=-0.06, worse=0.07)
    none = Sensitivity(thing="memory", better=0.0, worse=None, remark="does not fit")
    figure = sensitivity_figure((none, some))

    assert figure.finding == "A tenth more compute rate buys most: 6.0 % less time per step"
    assert figure.table.rows[0][2] == "does not fit"
    nothing = sensitivity_figure((none,))
    assert nothing.finding == "A tenth more of no single thing makes this plan faster"


def test_stages_grow_lighter() -> None:
    light = [luminance(stage_colour(stage, 16)) for stage in range(16)]

    assert light == sorted(light)


def test_no_two_parts_share_a_colour() -> None:
    assert len({c.colour for c in COMPONENTS}) == len(COMPONENTS)
    assert len({p.colour for p in MEMORY_PARTS}) == len(MEMORY_PARTS)


def test_traffic_tells_capacity(dense: PlanFigures) -> None:
    """An H100's NVLink port carries 450 GB/s each way."""
    rows = {row[0]: row for row in dense.traffic[0].table.rows}

    assert rows["nvlink port"][4] == "450 GB/s"
    assert rows["NIC"][4] == "50 GB/s"
