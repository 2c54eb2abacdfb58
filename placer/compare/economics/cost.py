"""What a layout costs to buy and to run for an hour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from placer.compare.economics.prices import OTHER
from placer.spec.switch import Medium

if TYPE_CHECKING:
    from collections.abc import Iterator

    from placer.compare.economics.prices import Prices
    from placer.compare.fabric.inventory import Inventory, LinkTier

HOURS_PER_YEAR: Final = 8766.0
W_PER_KW: Final = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CostBill:
    """Purchase and cost of an hour, None where something is missing.

    ``missing`` are the entries of the price file (or figures nobody published) that the cost of an
    hour lacks; ``missing_to_buy`` those the purchase lacks. ``modules_in_800g`` is what the optical
    modules cost in units of one 800 Gbit/s module.
    """

    currency: str
    purchase: float | None
    per_hour: float | None
    modules_in_800g: float | None
    missing: tuple[str, ...]
    missing_to_buy: tuple[str, ...]


def cost_of(inventory: Inventory, prices: Prices) -> CostBill:
    """Price everything that stands in a layout."""
    items = list(_items(inventory, prices))
    missing = tuple(dict.fromkeys(name for name, price in items if price is None))
    purchase = None if missing else sum(price for _, price in items if price is not None)
    hour, lacking = _hour(inventory, prices, purchase, missing)
    relative = [
        (tier.num_modules, prices.modules.in_800g(tier.rate_bytes_per_s))
        for tier in inventory.links
        if tier.num_modules
    ]
    known = [count * ratio for count, ratio in relative if ratio is not None]
    return CostBill(
        currency=prices.currency,
        purchase=purchase,
        per_hour=hour,
        modules_in_800g=sum(known) if len(known) == len(relative) else None,
        missing=lacking,
        missing_to_buy=missing,
    )


def _items(inventory: Inventory, prices: Prices) -> Iterator[tuple[str, float | None]]:
    """Each kind of part: its entry in the price file, and what all of them cost."""
    for part in inventory.accelerators:
        each = prices.accelerators.get(part.key)
        yield f"accelerators.{part.key}", _times(each, part.count)
    for tier in inventory.switches:
        name = tier.switch.name or OTHER
        yield f"switches.{name}", _times(prices.switches.get(name), tier.count)
    for links in inventory.links:
        yield from _link_items(links, prices)


def _link_items(links: LinkTier, prices: Prices) -> Iterator[tuple[str, float | None]]:
    if links.medium is Medium.COPPER:
        yield "copper_cable", _times(prices.copper_cable, links.count)
        return
    modules = prices.modules
    ratio = modules.in_800g(links.rate_bytes_per_s)
    if ratio is None:
        gbit_per_s = links.rate_bytes_per_s * 8.0 / 1e9
        yield f"modules.relative.{gbit_per_s:g} Gbit/s", None
        return
    if links.medium is Medium.LPO:
        if modules.lpo is None:
            yield "modules.lpo", None
            return
        ratio *= modules.lpo
    yield "modules.price_800g", _times(modules.price_800g, ratio * links.num_modules)


def _hour(
    inventory: Inventory, prices: Prices, purchase: float | None, missing: tuple[str, ...]
) -> tuple[float | None, tuple[str, ...]]:
    """Cost of an hour, and what it lacks: rent where all is rented, else purchase and power."""
    rents = [_times(prices.rent_per_hour.get(p.key), p.count) for p in inventory.accelerators]
    paid = [rent for rent in rents if rent is not None]
    if len(paid) == len(rents):
        return sum(paid), ()
    power_w = inventory.power.total_w
    running = {
        "electricity_per_kwh": prices.electricity_per_kwh,
        "lifetime_years": prices.lifetime_years,
        "a published power of its accelerators and hosts": power_w,
    }
    lacking = (*missing, *(name for name, value in running.items() if value is None))
    if purchase is None or prices.lifetime_years is None:
        return None, lacking
    if prices.electricity_per_kwh is None or power_w is None:
        return None, lacking
    owned = purchase / (prices.lifetime_years * HOURS_PER_YEAR)
    return owned + power_w / W_PER_KW * prices.electricity_per_kwh, ()


def _times(price: float | None, count: float) -> float | None:
    return None if price is None else price * count
