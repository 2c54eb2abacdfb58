"""How many switches a folded Clos network takes, tier by tier.

A tier's switch gives the share ``o / (1 + o)`` of its ports to what is below, where ``o`` is the
oversubscription of its uplinks (1: half of them; no uplinks: all). A unit that one tier cannot join
takes more tiers inside, 1:1 between them; T tiers of radix R reach ``2 (R / 2)^T`` ports.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from placer.errors import InfeasibleError

MOST_TIERS: Final = 4
_ROUNDING: Final = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """One tier of switches of one unit and plane, and the links that come up into it."""

    num_switches: int
    num_links: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Uplinks:
    """The links a unit sends up in one plane; ``radix`` is a switch's ports for them.

    ``oversubscription`` None: nothing is above.
    """

    count: int
    radix: float
    oversubscription: float | None


def reach(radix: int, tiers: int) -> int:
    """Ports that a 1:1 network of so many tiers joins: R^2 / 2 for two, R^3 / 4 for three."""
    return int(2 * (radix // 2) ** tiers)


def down_ports(radix: float, oversubscription: float | None) -> float:
    """Whole ports of a switch that lead down; None: it has no uplinks."""
    if oversubscription is None:
        return radix
    return max(1.0, math.floor(radix * oversubscription / (1 + oversubscription) + _ROUNDING))


def leaf_tiers(
    endpoints: int,
    rails: int,
    *,
    ports: float,
    radix: float,
    uplinks: Uplinks,
) -> tuple[Tier, ...]:
    """Tiers that join ``endpoints`` host ports of one unit, and send up ``uplinks``.

    ``ports`` is what one switch has for host links, ``radix`` for links inside the unit. Each of
    the ``rails`` has switches of its own in the first tier.
    """
    share = math.ceil(endpoints / rails) / ports + math.ceil(uplinks.count / rails) / uplinks.radix
    if share <= 1.0 + _ROUNDING:
        return (Tier(num_switches=rails, num_links=endpoints),)
    leaves = rails * math.ceil(endpoints / rails / down_ports(ports, 1.0) - _ROUNDING)
    between = math.ceil(endpoints * radix / ports)
    inner = joining_tiers(leaves, between, radix=radix, uplinks=uplinks)
    return (Tier(num_switches=leaves, num_links=endpoints), *inner)


def joining_tiers(children: int, links: int, *, radix: float, uplinks: Uplinks) -> tuple[Tier, ...]:
    """Tiers that join ``children`` units (or switches) which send up ``links`` links together.

    Raises
    ------
    InfeasibleError
        When no number of tiers that anybody builds reaches.
    """
    if children <= 1 and uplinks.oversubscription is None:
        return ()
    down = down_ports(radix, uplinks.oversubscription)
    for inner in range(MOST_TIERS):
        if children <= down * down_ports(radix, 1.0) ** inner:
            tiers = [Tier(num_switches=_whole(2 * links / radix), num_links=links)] * inner
            top = _whole(links / radix + uplinks.count / uplinks.radix)
            return (*tiers, Tier(num_switches=top, num_links=links))
    raise InfeasibleError(
        f"switches of {radix:.0f} ports cannot join {children:,} units in {MOST_TIERS} tiers",
        relaxation="Use switches of more ports, or more levels.",
    )


def _whole(switches: float) -> int:
    return math.ceil(switches - _ROUNDING)
