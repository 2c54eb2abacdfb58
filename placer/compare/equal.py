"""Layouts of different size brought to the same budget: accelerators, power or purchase."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from placer.compare.budget import Budget
from placer.compare.economics.cost import cost_of
from placer.compare.fabric.counting import inventory
from placer.errors import InfeasibleError
from placer.spec.cluster import ClusterSpec
from placer.topology.build import build_topology

if TYPE_CHECKING:
    from placer.compare.economics.prices import Prices

MOST_ROUNDS: Final = 4
_CLOSE: Final = 0.002


@dataclass(frozen=True, slots=True, kw_only=True)
class Sized:
    """A layout brought to a budget: the cluster, enlarged where it must be, and what to use of it."""

    cluster: ClusterSpec
    num_gpus: int


def spent(cluster: ClusterSpec, budget: Budget, prices: Prices) -> float:
    """What a whole cluster takes of a budget: usable accelerators, watts, or money.

    Raises
    ------
    InfeasibleError
        When that is not known; says what is missing.
    """
    if budget is Budget.GPUS:
        return float(build_topology(cluster).num_usable)
    counted = inventory(cluster)
    if budget is Budget.POWER:
        power_w = counted.power.total_w
        if power_w is None:
            raise InfeasibleError(f"the power of {cluster.name} is not published in full")
        return power_w
    bill = cost_of(counted, prices)
    if bill.purchase is None:
        lacking = ", ".join(bill.missing_to_buy)
        raise InfeasibleError(f"the purchase of {cluster.name} lacks {lacking} in the price file")
    return bill.purchase


def sized(cluster: ClusterSpec, amount: float, budget: Budget, prices: Prices) -> Sized:
    """Bring a cluster to a budget: a share of it, or more of its outermost units.

    Raises
    ------
    InfeasibleError
        When it cannot be enlarged, or not one accelerator is left.
    """
    usable = build_topology(cluster).num_usable
    wanted = amount / spent(cluster, budget, prices) * usable
    made = cluster
    for _ in range(MOST_ROUNDS):
        made = _enlarged(cluster, wanted / usable) if wanted > usable else cluster
        have = build_topology(made).num_usable
        fits = amount / spent(made, budget, prices) * have
        if abs(fits / wanted - 1.0) < _CLOSE:
            break
        wanted = fits
    num_gpus = min(math.floor(wanted + 1e-6), build_topology(made).num_usable)
    if num_gpus < 1:
        raise InfeasibleError(f"the budget does not buy one accelerator of {cluster.name}")
    return Sized(cluster=made, num_gpus=num_gpus)


def _enlarged(cluster: ClusterSpec, factor: float) -> ClusterSpec:
    """The cluster with its outermost level carried on to at least ``factor`` times its units."""
    network = cluster.scale_out
    if network is None:
        raise InfeasibleError(
            f"{cluster.name} is one scale-up domain and has no network to join more of them"
        )
    outermost = network.levels[-1]
    if outermost.size is None:
        raise InfeasibleError(f"{cluster.name} lists its units one by one; it cannot be enlarged")
    data = cluster.model_dump(mode="json")
    part = f" {outermost.size.part}" if outermost.size.part else ""
    count = math.ceil(outermost.size.count * factor - 1e-9)
    data["scale_out"]["levels"][-1]["size"] = f"{count}{part}"
    return ClusterSpec.model_validate(data)
