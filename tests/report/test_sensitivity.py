"""What a tenth more and less of each thing does to a plan."""

from __future__ import annotations

from dataclasses import replace

import pytest
from plan_samples import DENSE_MODEL, LAB, MOE_MODEL

from placer.api import Configuration, estimate
from placer.cost.constants import load_constants
from placer.plan.mathematics import ANY_FRAMEWORK
from placer.plan.plan import Plan
from placer.report.neighbours import neighbours
from placer.report.sensitivity import Sensitivity, sensitivities
from placer.spec.run import RunSpec

RUN = RunSpec(global_batch_size=256, seq_len=4096)
DENSE = estimate(DENSE_MODEL, LAB, Configuration(tp=8, pp=2, cp=2), RUN)
EXPERTS = estimate(MOE_MODEL, LAB, Configuration(tp=2, ep=16, etp=1, pp=1), RUN)


def found(plan: Plan) -> dict[str, Sensitivity]:
    constants = load_constants()
    around = neighbours(plan, ANY_FRAMEWORK, constants)
    return {one.thing: one for one in sensitivities(plan, constants, around)}


@pytest.mark.parametrize("plan", [DENSE, EXPERTS], ids=["dense", "experts"])
def test_more_is_never_slower_and_less_never_faster(plan: Plan) -> None:
    for one in found(plan).values():
        assert one.better <= 1e-12, one
        assert one.worse is None or one.worse >= -1e-12, one


def test_everything_that_can_be_bought_is_told() -> None:
    assert set(found(DENSE)) == {
        "compute rate",
        "memory bandwidth",
        "nvlink bandwidth",
        "network bandwidth",
        "memory",
    }


def test_no_thing_gains_more_than_a_tenth_of_what_waits_for_it() -> None:
    """10 % more of one thing makes what it does 1 / 1.1 as long: at most 9.1 % of the step."""
    assert all(one.better >= 1.0 / 1.1 - 1.0 - 1e-9 for one in found(DENSE).values())


def test_what_matters_most_comes_first() -> None:
    order = [max(abs(one.better), abs(one.worse or 0.0)) for one in found(DENSE).values()]

    assert order == sorted(order, reverse=True)


def test_memory_is_judged_by_what_still_fits() -> None:
    memory = DENSE.estimate.memory
    limits = tuple(m.total_bytes * 1.01 for m in memory)
    full = replace(DENSE, estimate=replace(DENSE.estimate, memory_limit_bytes=limits))

    none = sensitivities(full, load_constants(), ())
    told = {one.thing: one for one in none}["memory"]
    assert told.worse is None
    assert told.better == 0.0
    assert "no step along one axis does" in told.remark
    roomy = found(DENSE)["memory"]
    assert roomy.worse == 0.0
