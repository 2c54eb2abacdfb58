"""The accuracy the report states is the one that validation finds."""

from __future__ import annotations

from dataclasses import replace

import pytest
from plan_samples import plan_of

from placer.cost.constants import load_constants
from placer.plan.plan import ConstantRecord
from placer.plan.strategy import Strategy
from placer.report.text.assumptions import MEAN_ERROR, accuracy_line
from placer.validate.datasets import find_table
from placer.validate.table import read_rows
from placer.validate.validation import validate

PLAN = plan_of(Strategy(tp=4, dp=4, num_microbatches=4, dp_shard=4))


def test_the_line() -> None:
    record = ConstantRecord(
        name=MEAN_ERROR, value=0.0751, unit="ratio", kind="measured", source="validation"
    )
    plan = replace(PLAN, provenance=replace(PLAN.provenance, constants=(record,)))
    assert accuracy_line(plan) == (
        "step times of published runs are off by 7.5 % on average: placer validate",
    )
    assert accuracy_line(PLAN) == ()


@pytest.mark.slow
def test_the_stated_error_is_the_validated_one() -> None:
    path = find_table("measured_runs")
    constants = load_constants()
    found = validate(path.name, read_rows(path), constants, every_row=False)
    assert found.overall.mape == pytest.approx(constants.value(MEAN_ERROR), abs=0.01)
