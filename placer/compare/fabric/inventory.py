"""The parts of a layout, counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from placer.spec.switch import BITS_PER_BYTE, Medium

if TYPE_CHECKING:
    from collections.abc import Iterable

    from placer.spec.switch import SwitchSpec

GIGA = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Accelerators:
    """So many accelerators of one kind; power per accelerator at work, None where not published.

    ``host_w`` is the accelerator's share of its host: processors, memory, NICs, scale-up switches.
    """

    key: str
    count: int
    power_w: float | None
    host_w: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchTier:
    """The switches of one tier over all planes; ``tier`` counts from 1 inside one level."""

    level: str
    tier: int
    switch: SwitchSpec
    count: int

    @property
    def power_w(self) -> float:
        """Of all of them, optical modules not included."""
        return self.switch.power_w * self.count


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkTier:
    """The links up into one tier of switches, over all planes; rate is one direction."""

    level: str
    tier: int
    below: str
    count: int
    rate_bytes_per_s: float
    medium: Medium
    power_per_gbit_w: float

    @property
    def num_modules(self) -> int:
        """Optical modules: one at each end."""
        return 0 if self.medium is Medium.COPPER else 2 * self.count

    @property
    def power_w(self) -> float:
        """Of the modules at both ends."""
        gbit = self.rate_bytes_per_s * BITS_PER_BYTE / GIGA
        return 2 * self.count * gbit * self.power_per_gbit_w


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerBill:
    """What a layout draws at work, by part; None where a part's power is not published."""

    accelerators_w: float | None
    hosts_w: float | None
    switches_w: float
    optics_w: float
    pue: float

    @property
    def computers_w(self) -> float | None:
        """All parts together, cooling and conversion not included."""
        return total((self.accelerators_w, self.hosts_w, self.switches_w, self.optics_w))

    @property
    def total_w(self) -> float | None:
        """What the site draws."""
        return None if self.computers_w is None else self.computers_w * self.pue


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """Everything that stands in a layout, in use or not."""

    num_gpus: int
    num_hosts: int
    accelerators: tuple[Accelerators, ...]
    switches: tuple[SwitchTier, ...]
    links: tuple[LinkTier, ...]
    pue: float

    @property
    def num_switches(self) -> int:
        """Switches of all tiers and planes."""
        return sum(tier.count for tier in self.switches)

    @property
    def num_links(self) -> int:
        """Links of all tiers and planes."""
        return sum(tier.count for tier in self.links)

    @property
    def num_modules(self) -> int:
        """Optical modules of all links."""
        return sum(tier.num_modules for tier in self.links)

    @property
    def power(self) -> PowerBill:
        """What it draws."""
        parts = self.accelerators
        return PowerBill(
            accelerators_w=total(None if p.power_w is None else p.power_w * p.count for p in parts),
            hosts_w=total(None if p.host_w is None else p.host_w * p.count for p in parts),
            switches_w=sum(tier.power_w for tier in self.switches),
            optics_w=sum(tier.power_w for tier in self.links),
            pue=self.pue,
        )


def total(parts: Iterable[float | None]) -> float | None:
    """The sum, None where a part is not known."""
    known = 0.0
    for part in parts:
        if part is None:
            return None
        known += part
    return known
