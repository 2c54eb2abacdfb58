"""The published table of bandwidth for utilisation (arXiv 2503.09799, table 7)."""

import pytest

from placer.cost.across.utilisation import BYTES_PER_GBIT, published_utilisation

TABLE = published_utilisation()


def test_the_table_is_reproduced() -> None:
    """At least 65 of 74 cells within 15 %, all within 40 %; 66 and 22 % when written."""
    errors = [abs(cell.error) for cell in TABLE.cells()]
    assert len(errors) == 74
    assert sum(error <= 0.15 for error in errors) >= 65
    assert max(errors) <= 0.40


def test_no_model_is_favoured() -> None:
    for model in TABLE.simulated.models:
        errors = [cell.error for cell in TABLE.cells() if cell.model is model]
        assert abs(sum(errors)) / len(errors) <= 0.08, model.name


def test_the_grid_is_theirs() -> None:
    """Printed bandwidths are 10^(k / 12.25 - 1) to the digit they print."""
    grid = [
        round(round(10 ** (k / TABLE.simulated.points_per_decade - 1), 2), 1) for k in range(50)
    ]
    for model in TABLE.simulated.models:
        for row in model.rows:
            for printed in row.gbps:
                assert min(abs(printed - point) for point in grid) <= 0.1001


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("INTELLECT-1 10B, within the USA", 1.3, 1.6),
        ("INTELLECT-1 10B, three continents", 0.25, 0.4),
    ],
)
def test_runs_imply_a_bandwidth_in_what_was_observed(name: str, low: float, high: float) -> None:
    """INTELLECT-1 saw links of 0.5 to 4 Gbit/s; an illustration, no proof."""
    (run,) = [each for each in TABLE.measured if each.name == name]
    assert low <= run.implied_bytes_per_s / BYTES_PER_GBIT <= high


def test_what_is_not_published_is_said() -> None:
    assert all("publish" in run.told for run in TABLE.measured)
