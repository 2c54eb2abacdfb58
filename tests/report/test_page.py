"""The report of a plan as a person reads it."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from plan_samples import DAMAGED_LAB, MOE_MODEL, plan_of
from syrupy.assertion import SnapshotAssertion

from placer.plan.estimate import Breakdown
from placer.plan.plan import Plan, PlanStatus
from placer.plan.strategy import Recompute, RecomputeGranularity, Schedule, Strategy
from placer.report.text.canvas import WIDTH, bar, runs
from placer.report.text.page import render_plan

DENSE = plan_of(
    Strategy(tp=4, pp=2, vpp=2, dp=8, num_microbatches=4, dp_shard=8, schedule=Schedule.INTERLEAVED)
)
EXPERTS = plan_of(
    Strategy(
        tp=2,
        cp=2,
        ep=8,
        pp=4,
        dp=4,
        num_microbatches=8,
        dp_shard=4,
        recompute=Recompute(granularity=RecomputeGranularity.SELECTIVE, modules=("core_attn",)),
    ),
    MOE_MODEL,
    DAMAGED_LAB,
)


def unfit(plan: Plan) -> Plan:
    """The same as an estimate that needs more memory than there is."""
    memory = plan.estimate.memory
    full = replace(memory[1], activations_bytes=70e9)
    estimate = replace(plan.estimate, memory=(memory[0], full))
    return replace(
        plan,
        status=PlanStatus.ESTIMATED,
        launchable_by=(),
        estimate=estimate,
        bound=None,
        alternatives=(),
        provenance=replace(
            plan.provenance, restrictions=(), assumptions=("dp: 8 taken, 64 of 128 GPUs",)
        ),
    )


def test_whole_page(snapshot: SnapshotAssertion) -> None:
    assert render_plan(DENSE, wall_s=1.83, saved_as="plan.json") == snapshot


def test_whole_page_with_experts_on_a_damaged_cluster(snapshot: SnapshotAssertion) -> None:
    assert render_plan(EXPERTS) == snapshot


def test_whole_page_of_an_estimate_that_does_not_fit(snapshot: SnapshotAssertion) -> None:
    assert render_plan(unfit(DENSE)) == snapshot


def test_a_search_that_was_cut_says_so() -> None:
    assert DENSE.bound is not None
    cut = replace(DENSE, status=PlanStatus.FEASIBLE, bound=replace(DENSE.bound, gap=0.043))
    text = render_plan(cut)
    assert "best plan found, at most 4.30 % above the fastest plan there is (0.5 % was" in text


def many_stages() -> Plan:
    """Sixteen stages, each fuller than the one before."""
    plan = plan_of(Strategy(tp=4, pp=16, dp=2, num_microbatches=16, dp_shard=2))
    memory = tuple(
        replace(plan.estimate.memory[0], activations_bytes=1e9 * stage) for stage in range(16)
    )
    return replace(plan, estimate=replace(plan.estimate, memory=memory))


def test_of_many_stages_the_fullest_are_shown() -> None:
    text = render_plan(many_stages())
    section = text[text.index("Memory allocated per GPU") : text.index("Next best plans")]
    assert "fullest: stage 15" in section
    stages = [line.split()[0] for line in section.splitlines()[2:] if line.strip()]
    assert stages == ["12", "13", "14", "15", "12"]  # the last is "12 others"


@pytest.mark.parametrize("plan", [DENSE, EXPERTS, unfit(DENSE), many_stages()])
def test_the_page_fits_the_terminal_and_is_plain(plan: Plan) -> None:
    for line in render_plan(plan).splitlines():
        assert len(line) <= WIDTH
        assert line == line.rstrip()
        assert line.isascii()
        assert line.isprintable()


@pytest.mark.parametrize("width", [60, 80])
def test_a_narrow_terminal_gets_narrow_lines(width: int) -> None:
    text = render_plan(EXPERTS, width=width)
    assert max(map(len, text.splitlines())) <= width
    assert "expert parallel" not in text  # it takes no time here
    assert "megatron" in text


def test_colour_changes_nothing_but_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")  # what the terminal wants is the command's business
    plain, coloured = render_plan(DENSE), render_plan(DENSE, colour=True)
    assert "\x1b[" in coloured
    assert "\x1b[" not in plain
    assert os.environ["NO_COLOR"]


def test_the_shares_shown_sum_to_the_step() -> None:
    breakdown = Breakdown(compute=1.0, tp=0.5, recompute=0.25, cross_site=0.25)
    estimate = replace(DENSE.estimate, breakdown=breakdown, step_time_s=2.0)
    text = render_plan(replace(DENSE, estimate=estimate))
    rows = text[text.index("Where the time goes") : text.index("What binds")].splitlines()[2:-1]
    shares = [float(row.split(" %")[0].split()[-1]) for row in rows]
    assert shares == [50.0, 25.0, 12.5, 12.5, 100.0]


def test_a_sliver_is_visible_and_nothing_is_not() -> None:
    assert str(bar(1e-6, "red")) == "#"
    assert str(bar(0.0, "red")) == ""
    assert len(str(bar(1.0, "red"))) == 30


def test_runs() -> None:
    assert runs("aabca") == [(0, 1, "a"), (2, 2, "b"), (3, 3, "c"), (4, 4, "a")]
    assert runs([]) == []
