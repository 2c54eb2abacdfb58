"""No bound may exceed what the cost model says of any placement of the strategy."""

from __future__ import annotations

import numpy as np
import pytest
from search_samples import (
    assignments,
    costing,
    dense_model,
    flat_topology,
    instance,
    mixed_topology,
    moe_model,
    podded_topology,
)

from placer.emit.megatron.rules import megatron_rules
from placer.search.candidates import (
    KEPT,
    Costing,
    family_bounds,
    network_bound_s,
    strategy_bounds,
)
from placer.search.inner import Candidate, instance_of, place, start
from placer.search.instance import Assignment, problems_of, stage_times_s
from placer.search.options import SearchOptions
from placer.search.space import Space, SpaceLimits, enumerate_space

QUESTIONS = {
    "dense, one pod": lambda: costing(dense_model(8), flat_topology(4)),
    "dense, narrow pods": lambda: costing(dense_model(8), podded_topology((2, 1, 2))),
    "moe, one pod": lambda: costing(moe_model(9), flat_topology(4)),
    "moe, narrow pods": lambda: costing(moe_model(9), podded_topology((2, 2))),
    "tight memory": lambda: costing(dense_model(12, hidden_size=8192), flat_topology(4)),
    "damaged": lambda: costing(
        dense_model(8),
        flat_topology(4, unavailable=[{"every": 2, "of": "domain", "lose": "1 gpu"}]),
    ),
    "two generations": lambda: costing(dense_model(8), mixed_topology()),
    "two generations in one pod": lambda: costing(
        moe_model(9), mixed_topology(2, 1, oversubscription=1.0)
    ),
}


def space_of(question: Costing) -> Space:
    return enumerate_space(
        model=question.model.model,
        run=question.model.run,
        rules=megatron_rules(),
        limits=SpaceLimits(
            max_gpus=question.topology.num_usable,
            domain_gpus=8,
            pod_gpus=question.pods.largest_gpus,
            min_gpus=question.topology.num_usable // 2,
        ),
        options=SearchOptions(),
    )


@pytest.mark.parametrize("name", QUESTIONS)
def test_bounds_rise_and_stay_below_every_placement(name: str) -> None:
    question = QUESTIONS[name]()
    space = space_of(question)
    first = family_bounds(space, question)
    random = np.random.default_rng(7)
    rows = random.choice(len(space.families), size=min(120, len(space.families)), replace=False)
    batch, family = space.expand(np.sort(rows))
    second = strategy_bounds(batch, question)
    kept = np.flatnonzero(second.reason == KEPT)
    assert (first.reason[family[kept]] == KEPT).all(), "L0 drops what L1 keeps"
    assert (first.step_s[family[kept]] <= second.step_s[kept] * (1 + 1e-9)).all()
    placed = 0
    for row in kept[:: max(1, len(kept) // 25)].tolist():
        placed += _below_placements(question, batch.take(np.array([row])), second, row)
    assert placed >= 5


def _below_placements(question: Costing, batch: object, bounds: object, row: int) -> int:
    critical, bound = float(bounds.critical_s[row]), float(bounds.step_s[row])  # type: ignore[attr-defined]
    candidate = Candidate(batch=batch, bound_s=bound, critical_s=critical)  # type: ignore[arg-type]
    network = network_bound_s(candidate.batch, critical, question)
    assert network >= bound * (1 - 1e-9)
    found, best = start(candidate, question)
    if best is None:
        return 0
    random = np.random.default_rng(row)
    for assignment in (best, *_neighbours(found, best, random)):
        assert stage_times_s(found, assignment).max() >= critical * (1 - 1e-9)
        estimate = place(candidate, question, found, assignment).estimate
        assert estimate.step_time_s >= network * (1 - 1e-9)
    return 1


def _neighbours(found: object, best: Assignment, random: np.random.Generator) -> list[Assignment]:
    """Feasible assignments with cells moved between pods at random."""
    near: list[Assignment] = []
    for _ in range(4):
        cells = best.cells.copy()
        stage = int(random.integers(cells.shape[1]))
        source = int(cells[:, stage].argmax())
        target = int(random.integers(cells.shape[0]))
        moved = int(random.integers(1, cells[source, stage] + 1))
        cells[source, stage] -= moved
        cells[target, stage] += moved
        other = Assignment(options=best.options, cells=cells)
        if not problems_of(found, other):  # type: ignore[arg-type]
            near.append(other)
    return near


def test_families_without_memory_or_places_are_told_apart() -> None:
    question = costing(dense_model(12, hidden_size=8192), flat_topology(2))
    bounds = family_bounds(space_of(question), question)
    assert set(np.unique(bounds.reason).tolist()) == {0, 1}
    assert np.isinf(bounds.step_s[bounds.reason != KEPT]).all()


def test_made_up_instances_have_feasible_assignments() -> None:
    """The samples the other tests stand on are not empty."""
    assert sum(1 for _ in assignments(instance())) > 5


def test_instance_costs_what_the_cost_model_says() -> None:
    """On a regular cluster the solver's formulas and the cost model agree to rounding."""
    question = costing(moe_model(9), flat_topology(4))
    space = space_of(question)
    batch, _ = space.expand(np.arange(len(space.families)))
    bounds = strategy_bounds(batch, question)
    agreed = 0
    for row in np.argsort(bounds.step_s)[:30].tolist():
        candidate = Candidate(
            batch=batch.take(np.array([row])),
            bound_s=float(bounds.step_s[row]),
            critical_s=float(bounds.critical_s[row]),
        )
        found = instance_of(candidate, question)
        _, best = start(candidate, question)
        if best is None:
            continue
        from placer.search.instance import step_s

        said = place(candidate, question, found, best).estimate.step_time_s
        assert said == pytest.approx(step_s(found, best), rel=2e-3)
        agreed += said == pytest.approx(step_s(found, best), rel=1e-12)
    assert agreed >= 15
