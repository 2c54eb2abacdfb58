from __future__ import annotations

import numpy as np
import pytest
from validate_samples import DENSE, rows_of

from placer.cost.constants import load_constants
from placer.validate.fit import fit, fit_problem, left_out_errors, report
from placer.validate.least_squares import FloatArray, cost_of, minimise, soft_l1_cost
from placer.validate.measured_run import MeasuredRun, run_of
from placer.validate.predict import predict
from placer.validate.priors import load_priors


def test_a_line_is_fitted_through_its_points() -> None:
    x = np.array([0.0, 1.0, 2.0, 3.0])
    y = 2.0 * x + 1.0

    def residuals(p: FloatArray) -> FloatArray:
        return np.asarray(p[0] * x + p[1] - y)

    jacobian = np.stack([x, np.ones(4)], axis=1)
    found = minimise(residuals, lambda _: jacobian, np.zeros(2), plain=0, max_steps=50)
    assert found.parameters == pytest.approx([2.0, 1.0], abs=1e-3)


def test_an_outlier_counts_linearly() -> None:
    assert soft_l1_cost(np.array([0.1])) == pytest.approx(0.01, rel=0.01)
    assert soft_l1_cost(np.array([100.0])) == pytest.approx(200.0, rel=0.02)
    assert cost_of(np.array([100.0, 3.0]), 1) == pytest.approx(198.0 + 9.0, rel=0.01)


def test_priors_name_constants_that_exist_and_are_shares_where_capped() -> None:
    constants = load_constants()
    for name, prior in load_priors().items():
        assert constants.value(name) > 0.0
        assert prior.value <= prior.most


def runs_measured_under(scale: float) -> list[MeasuredRun]:
    """Runs of two families, as slow as the cost model says with Hopper's rate scaled."""
    name = "compute.sustained_hopper"
    constants = load_constants()
    true = constants.replace({name: constants.value(name) * scale})
    cells = [
        {"family": f, "global_batch": b, "id": f"{f} {b}"}
        for f in ("a", "b")
        for b in ("64", "128", "256")
    ]
    found = []
    for row in rows_of(*(DENSE | c for c in cells)):
        (outcome,) = predict([run_of(row)], true)
        row_cells = dict(row.cells) | {"step_time_s": str(outcome.estimate.step_time_s)}
        found.append(run_of(rows_of(row_cells)[0]))
    return found


def test_a_fit_finds_what_made_the_runs_slow() -> None:
    problem = fit_problem(runs_measured_under(0.8), load_constants())
    fitted = fit(problem, max_steps=2, workers=1)
    after = problem.constants_at(fitted.parameters)
    errors = [abs(o.error) for o in predict(problem.runs, after)]
    before = [abs(o.error) for o in predict(problem.runs, problem.constants)]
    assert max(errors) < 0.5 * min(before)
    assert after.value("compute.sustained_hopper") < problem.constants.value(
        "compute.sustained_hopper"
    )
    unseen = left_out_errors(problem, fitted, "a")
    assert len(unseen) == 3
    assert max(abs(e) for e in unseen) < min(before)
    lines = list(report(problem, fitted))
    assert any(line.startswith("compute.sustained_hopper ") for line in lines)
    assert lines[-1].startswith("all")
