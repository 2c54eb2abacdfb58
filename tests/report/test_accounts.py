"""A step by two accounts."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from plan_samples import DENSE_MODEL, LAB

from placer.api import Configuration, estimate, simulate
from placer.plan.plan import SimulatedStep
from placer.report.accounts import accounts_table, doubt, simulated_table
from placer.simulate.result import Simulation
from placer.spec.run import RunSpec


@pytest.fixture(scope="module")
def played() -> Simulation:
    run = RunSpec(global_batch_size=256, seq_len=4096)
    return simulate(estimate(DENSE_MODEL, LAB, Configuration(tp=4, pp=4, vpp=2), run))


def test_the_last_row_is_the_step(played: Simulation) -> None:
    table = accounts_table(played)
    differing = [
        f.name
        for f in fields(played.breakdown)
        if getattr(played.breakdown, f.name) > 0.0
        or getattr(played.plan.estimate.breakdown, f.name) > 0.0
    ]

    assert table.rows[-1][0] == "step"
    assert len(table.rows) == len(differing) + 1


def test_played_plans_stand_beside_their_estimates(played: Simulation) -> None:
    plan = played.plan
    step = SimulatedStep(strategy=plan.strategy, estimate_s=2.0, simulated_s=2.1)
    (row,) = simulated_table(replace(plan, simulated=(step,))).rows

    assert row[:3] == ("2.10 s", "2.00 s", "+5.0 %")
    assert row[3].startswith("tp4 ")


def test_only_a_large_difference_is_a_doubt(played: Simulation) -> None:
    estimated_s = played.plan.estimate.step_time_s
    bubble = replace(played.breakdown, bubble=played.breakdown.bubble + estimated_s)
    slow = replace(played, step_time_s=2.0 * estimated_s, breakdown=bubble)
    alike = replace(played, step_time_s=1.01 * estimated_s)

    assert doubt(alike) == ()
    assert doubt(slow)[0].startswith(
        "The two accounts differ by +100.0 %, most in the pipeline bubble"
    )
