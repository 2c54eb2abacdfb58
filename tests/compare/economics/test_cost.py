"""Prices: what is known adds up, what is not stays unknown and is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from compare_samples import layout, with_medium

from placer.compare.economics.cost import cost_of
from placer.compare.economics.prices import Prices, load_prices
from placer.compare.fabric.counting import inventory
from placer.errors import InputError

PARTS = inventory(layout())  # 64 H100: 4 pods of 2 hosts, copper to their switch, DSP above
FULL = """
accelerators: {h100_sxm: 25000}
switches: {quantum2: 20000}
modules:
  price_800g: 1000
  relative: {400 Gbit/s: {value: 0.6, kind: assumed, source: mine}}
electricity_per_kwh: 0.1
lifetime_years: 4
copper_cable: 50
"""


def priced(tmp_path: Path, text: str) -> Prices:
    path = tmp_path / "prices.yaml"
    path.write_text(text)
    return load_prices(path)


def test_nothing_shipped_is_a_price() -> None:
    shipped = load_prices()
    bill = cost_of(PARTS, shipped)
    assert bill.purchase is None
    assert bill.per_hour is None
    assert "accelerators.h100_sxm" in bill.missing
    assert "modules.relative.400 Gbit/s" in bill.missing
    assert "electricity_per_kwh" in bill.missing
    assert shipped.modules.in_800g(200e9) == pytest.approx(1.3)  # 1.2 to 1.4 published


def test_parts_add_up(tmp_path: Path) -> None:
    bill = cost_of(PARTS, priced(tmp_path, FULL))
    bought = 64 * (25000 + 50) + PARTS.num_switches * 20000 + PARTS.num_modules * 600
    assert bill.purchase == bought
    power_w = PARTS.power.total_w
    assert power_w is not None
    assert bill.per_hour == pytest.approx(bought / (4 * 8766) + power_w / 1000 * 0.1)
    assert bill.modules_in_800g == pytest.approx(0.6 * PARTS.num_modules)
    assert bill.missing == ()


def test_rent_stands_for_everything(tmp_path: Path) -> None:
    bill = cost_of(PARTS, priced(tmp_path, "rent_per_hour: {h100_sxm: 2.5}"))
    assert bill.per_hour == 64 * 2.5
    assert bill.missing == ()
    assert "accelerators.h100_sxm" in bill.missing_to_buy


def test_linear_modules_need_their_own_price(tmp_path: Path) -> None:
    prices = priced(tmp_path, FULL)
    assert cost_of(inventory(with_medium("lpo")), prices).missing_to_buy == ("modules.lpo",)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("accelerators: {h100_sxm: -1}", "accelerators.h100_sxm"),
        ("currency: dollars", "currency"),
        ("lifetime_years: 0", "lifetime_years"),
        ("modules: {relative: {fast: {value: 1, kind: assumed, source: x}}}", "modules.relative"),
        ("gpu_price: 3", "gpu_price"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, text: str, field: str) -> None:
    with pytest.raises(InputError) as caught:
        priced(tmp_path, text)
    assert any(problem.field.startswith(field) for problem in caught.value.problems)
