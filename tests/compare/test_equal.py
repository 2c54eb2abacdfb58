"""The same budget for layouts of different size."""

from __future__ import annotations

import pytest
from compare_samples import OPTIONS, RUN, layout
from plan_samples import DENSE_MODEL

import placer
from placer.compare.budget import Budget
from placer.compare.economics.prices import Prices
from placer.compare.equal import sized, spent
from placer.errors import InfeasibleError, InputError
from placer.spec.cluster import ClusterSpec
from placer.topology.build import build_topology

PRICES = Prices(accelerators={"h100_sxm": 100.0, "b200_sxm": 200.0}, switches={}, copper_cable=1.0)
H100, B200 = layout(), layout("b200", accelerator="b200_sxm", pods=2)
ALONE = ClusterSpec(name="alone", accelerator="h100_sxm")


def test_a_larger_layout_is_used_in_part() -> None:
    made = sized(H100, 24, Budget.GPUS, PRICES)
    assert (made.cluster, made.num_gpus) == (H100, 24)


def test_a_smaller_one_is_carried_on() -> None:
    made = sized(B200, 64, Budget.GPUS, PRICES)
    assert made.num_gpus == 64
    assert build_topology(made.cluster).num_accelerators == 64


def test_power_of_every_part_counts() -> None:
    amount = spent(H100, Budget.POWER, PRICES)
    made = sized(B200, amount, Budget.POWER, PRICES)
    whole = spent(made.cluster, Budget.POWER, PRICES)
    used = whole * made.num_gpus / build_topology(made.cluster).num_usable
    assert used == pytest.approx(amount, rel=0.03)
    assert made.num_gpus < 64  # a B200 draws more than an H100


def test_what_cannot_be_enlarged_says_why() -> None:
    with pytest.raises(InfeasibleError, match="no network to join"):
        sized(ALONE, 64, Budget.GPUS, PRICES)
    data = H100.model_dump(mode="json")
    del data["scale_out"]["levels"][-1]["size"]
    listed = ClusterSpec.model_validate({**data, "pods": [{"size": "2 domains"}] * 2})
    with pytest.raises(InfeasibleError, match="one by one"):
        sized(listed, 64, Budget.GPUS, PRICES)


def test_an_unknown_budget_is_refused() -> None:
    with pytest.raises(InfeasibleError, match=r"lacks switches\.quantum2"):
        spent(H100, Budget.CAPEX, PRICES)
    with pytest.raises(InputError, match="whose capex is known"):
        placer.compare(DENSE_MODEL, [H100], RUN, OPTIONS, equal=Budget.CAPEX)


def test_the_comparison_gives_all_the_same() -> None:
    compared = placer.compare(
        DENSE_MODEL, [H100, B200, ALONE], RUN, OPTIONS, equal=Budget.GPUS, tokens=1e12
    )
    sizes = {row.layout.name: row.layout.num_gpus for row in compared.rows}
    assert sizes == {"base": 64, "b200": 64, "alone": 8}
    *_, alone = compared.rows
    assert alone.layout.name == "alone"
    assert "no network" in alone.layout.reason
    assert compared.rows[0].layout.training is not None
