"""What a cluster is built of, and what it draws: switches, links, optical modules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from placer.compare.economics.cost import cost_of
from placer.compare.fabric.counting import inventory
from placer.errors import InfeasibleError
from placer.units import format_bit_rate, format_count, format_power

if TYPE_CHECKING:
    from collections.abc import Iterator

    from placer.compare.economics.cost import CostBill
    from placer.compare.economics.prices import Prices
    from placer.compare.fabric.inventory import Inventory, LinkTier, PowerBill, SwitchTier
    from placer.spec.cluster import ClusterSpec


def part_rows(cluster: ClusterSpec, prices: Prices | None = None) -> Iterator[tuple[str, str]]:
    """Switches and links tier by tier, modules, power; costs where there are prices."""
    try:
        counted = inventory(cluster)
    except InfeasibleError as error:
        yield "not counted", error.message
        return
    yield from network_rows(counted)
    yield from power_rows(counted.power)
    if prices is not None:
        yield from cost_rows(cost_of(counted, prices))


def cost_rows(bill: CostBill) -> Iterator[tuple[str, str]]:
    """What it costs to buy and to run, and what is missing to say so."""
    if bill.modules_in_800g:
        yield "modules", f"cost as much as {bill.modules_in_800g:,.0f} modules of 800 Gbit/s"
    if bill.purchase is not None:
        yield "purchase", f"{format_count(bill.purchase)} {bill.currency}"
    if bill.per_hour is not None:
        yield "an hour", f"{bill.per_hour:,.0f} {bill.currency}"
    if bill.missing:
        yield "no prices of", ", ".join(bill.missing)


def network_rows(counted: Inventory) -> Iterator[tuple[str, str]]:
    """Each tier's switches and the links up into it."""
    for switches, links in zip(counted.switches, counted.links, strict=True):
        yield _tier_name(switches), f"{_switches(switches)}; {_links(links)}"
    if counted.switches:
        yield (
            "together",
            (
                f"{counted.num_switches:,} switches, {counted.num_links:,} links,"
                f" {counted.num_modules:,} optical modules"
            ),
        )


def power_rows(power: PowerBill) -> Iterator[tuple[str, str]]:
    """What each part draws at work, and all of them with the site."""
    parts = {
        "accelerators": power.accelerators_w,
        "hosts": power.hosts_w,
        "switches": power.switches_w,
        "optics": power.optics_w,
    }
    known = [f"{name} {format_power(value)}" for name, value in parts.items() if value]
    unknown = [name for name, value in parts.items() if value is None]
    if known:
        yield "power", ", ".join(known)
    if power.total_w is not None and power.computers_w is not None:
        yield (
            "power in all",
            (
                f"{format_power(power.computers_w)}, {format_power(power.total_w)} at PUE {power.pue:g}"
            ),
        )
    elif unknown:
        yield "not published", f"power of {', '.join(unknown)}"


def _tier_name(tier: SwitchTier) -> str:
    return tier.level if tier.tier == 1 else f"{tier.level}, tier {tier.tier}"


def _switches(tier: SwitchTier) -> str:
    name = f" ({tier.switch.name})" if tier.switch.name else ""
    rate = format_bit_rate(tier.switch.rate)
    return f"{tier.count:,} switches of {tier.switch.ports} x {rate}{name}"


def _links(tier: LinkTier) -> str:
    rate = format_bit_rate(tier.rate_bytes_per_s)
    return f"{tier.count:,} links of {rate} from {tier.below}, {tier.medium.value}"
