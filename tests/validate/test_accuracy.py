"""The figures that the cost model must keep on the published runs that travel with placer."""

from __future__ import annotations

import pytest

from placer.validate.grouping import GroupedBy
from placer.validate.predict import Outcome
from placer.validate.statistics import mean, mean_absolute
from placer.validate.validation import Validation, validate_table

pytestmark = pytest.mark.slow

BARE_GROUP = 5
"""Rows from which a group's mean says something."""


@pytest.fixture(scope="module")
def runs() -> Validation:
    return validate_table("measured_runs")


def errors(outcomes: list[Outcome]) -> list[float]:
    return [outcome.error for outcome in outcomes]


def test_every_run_that_ran_is_judged_to_fit(runs: Validation) -> None:
    assert [outcome.measured.name for outcome in runs.not_fitting] == []


def test_step_time(runs: Validation) -> None:
    overall = runs.overall
    assert overall.mape is not None
    assert overall.mape <= 0.08
    assert overall.macro_mape is not None
    assert overall.macro_mape <= 0.10
    assert overall.bias is not None
    assert abs(overall.bias) <= 0.03
    assert overall.spearman_efficiency is not None
    assert overall.spearman_efficiency >= 0.93


def test_no_publisher_and_part_stands_out(runs: Validation) -> None:
    groups = [g for g in runs.groups if g.by is GroupedBy.FAMILY_ACCELERATOR]
    assert {g.name: g.mape for g in groups if g.rows >= BARE_GROUP and g.mape > 0.18} == {}


def test_large_dense_and_expert_runs(runs: Validation) -> None:
    costed = list(runs.costed)
    large = [o for o in costed if o.measured.strategy.num_gpus >= 1024]
    dense = [o for o in costed if o.measured.model.moe is None]
    experts = [o for o in costed if o.measured.model.moe is not None]
    assert mean_absolute(errors(large)) <= 0.09
    assert mean_absolute(errors(dense)) <= 0.08
    assert mean_absolute(errors(experts)) <= 0.15


def test_published_peaks(runs: Validation) -> None:
    memory = [o.memory_error for o in runs.costed if o.memory_error is not None]
    assert len(memory) >= 60
    assert mean_absolute(memory) <= 0.05
    assert abs(mean(memory)) <= 0.03
    assert runs.overall.memory_low <= 3


def test_the_faster_of_two_is_named(runs: Validation) -> None:
    assert runs.choice.accuracy is not None
    assert runs.choice.accuracy >= 0.85
    assert runs.choice.max_regret is not None
    assert runs.choice.max_regret <= 0.06


def test_small_models_on_one_node() -> None:
    small = validate_table("measured_small_models").overall
    assert small.mape is not None
    assert small.mape <= 0.12
