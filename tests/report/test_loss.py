"""Why another plan is worse."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placer.plan.estimate import Breakdown
from placer.plan.strategy import Strategy
from placer.report.loss import loss_between, why_not
from placer.report.palette import COMPONENTS

CHOSEN = Strategy(tp=4, dp=32, dp_shard=32, num_microbatches=4)
OTHER = replace(CHOSEN, tp=8, dp=16, dp_shard=16, num_microbatches=8)
SECONDS = st.floats(min_value=0.0, max_value=100.0)
BREAKDOWNS = st.builds(Breakdown, **{f.name: SECONDS for f in fields(Breakdown)})


def test_the_worst_component_is_named() -> None:
    loss = Breakdown(tp=0.19, bubble=0.02)
    assert why_not(CHOSEN, 10.0, OTHER, loss) == (
        "tp 8 instead of 4: +1.9 % exposed tensor-parallel communication"
    )


def test_a_gain_that_offsets_much_is_named_too() -> None:
    loss = Breakdown(tp=0.3, bubble=-0.15)
    assert why_not(CHOSEN, 10.0, OTHER, loss).endswith(
        "+3.0 % exposed tensor-parallel communication against -1.5 % pipeline bubble"
    )


@pytest.mark.parametrize(
    ("loss", "text"),
    [
        (Breakdown(), "another placement: no slower in any component"),
        (Breakdown(dp=-0.1), "another placement: no slower in any component"),
    ],
)
def test_a_plan_that_loses_nothing(loss: Breakdown, text: str) -> None:
    assert why_not(CHOSEN, 10.0, CHOSEN, loss) == text


@given(BREAKDOWNS, BREAKDOWNS)
def test_losses_sum_to_the_difference(chosen: Breakdown, other: Breakdown) -> None:
    loss = loss_between(chosen, other)
    assert loss.total_s == pytest.approx(other.total_s - chosen.total_s, abs=1e-9)


def test_every_component_has_a_name_and_a_colour_of_its_own() -> None:
    assert [c.field for c in COMPONENTS] == [f.name for f in fields(Breakdown)]
    assert len({c.colour for c in COMPONENTS}) == len(COMPONENTS)
    assert len({c.label for c in COMPONENTS}) == len(COMPONENTS)
