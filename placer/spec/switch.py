"""Switches and what else networks are built of, as the catalogue and cluster files write them."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from placer.errors import shorten
from placer.spec.interconnect import ScaleOutLink
from placer.spec.site_facts import SourcedFigure
from placer.spec.yaml_source import load_document
from placer.units import Bandwidth, Duration, Power

FROZEN = ConfigDict(frozen=True, extra="forbid")
DATA: Final = Path(__file__).resolve().parents[1] / "data" / "fabric.yaml"

BITS_PER_BYTE: Final = 8.0
TERA: Final = 1e12

Ports = Annotated[int, Field(strict=True, ge=2, le=1 << 16)]


class Medium(StrEnum):
    """What carries a link.

    ``copper`` is passive and reaches across a rack; ``lpo`` are linear optical modules, ``dsp``
    those with a signal processor.
    """

    COPPER = "copper"
    LPO = "lpo"
    DSP = "dsp"


class SwitchSpec(BaseModel):
    """A switch: so many ports of one rate, each of which can be split into narrower ones."""

    model_config = FROZEN

    name: Annotated[str, Field(max_length=100)] = ""
    """Of the catalogue; empty for one of the file's own."""
    ports: Ports
    rate: Annotated[Bandwidth, Field(gt=0)]
    """Of one port, one direction."""
    split: Annotated[int, Field(strict=True, ge=1, le=16)] = 1
    """Narrower ports that one port can be split into, at most."""
    power: Power | None = None
    """Without its optical modules."""

    @property
    def power_w(self) -> float:
        """Without optical modules; by its capacity where nothing is stated."""
        if self.power is not None:
            return self.power
        tbit_per_s = self.ports * self.rate * BITS_PER_BYTE / TERA
        return tbit_per_s * fabric_facts().switch_power_per_tbit.value

    def ports_at(self, rate_bytes_per_s: float) -> float:
        """Ports for links of a rate: more where ports can be split, a share where one does not do."""
        whole = int(self.rate / rate_bytes_per_s * (1 + 1e-9))
        if whole >= 1:
            return float(self.ports * min(whole, self.split))
        return self.ports * self.rate / rate_bytes_per_s


class SwitchEntry(BaseModel):
    """A switch as the catalogue writes it; fields as in ``SwitchSpec``."""

    model_config = FROZEN

    ports: Ports
    rate: Annotated[Bandwidth, Field(gt=0)]
    split: Annotated[int, Field(strict=True, ge=1, le=16)] = 1
    power: SourcedFigure[Power] | None = None


class MediumFacts(BaseModel):
    """What a link of one medium draws."""

    model_config = FROZEN

    power_per_gbit: SourcedFigure[Power]
    """Of one end's module, per Gbit/s."""


class FabricFacts(BaseModel):
    """The figures of ``placer/data/fabric.yaml``."""

    model_config = FROZEN

    switches: dict[str, SwitchEntry]
    switch_power_per_tbit: SourcedFigure[Power]
    """Of a switch whose own power is not stated."""
    usual_switch: dict[ScaleOutLink, tuple[str, ...]]
    latency: dict[ScaleOutLink, tuple[Duration, Duration, Duration]]
    """One way through one, three and five switches."""
    media: dict[Medium, MediumFacts]
    rack_hosts: SourcedFigure[int]
    hosts: dict[str, SourcedFigure[Power]]
    """By accelerator, per accelerator."""
    pue: SourcedFigure[float]


@cache
def fabric_facts() -> FabricFacts:
    """The figures that travel with placer."""
    return load_document(DATA, FabricFacts)


@cache
def switch_catalogue() -> dict[str, SwitchSpec]:
    """Switches by their names."""
    return {
        name: SwitchSpec.model_construct(
            name=name,
            ports=entry.ports,
            rate=entry.rate,
            split=entry.split,
            power=None if entry.power is None else entry.power.value,
        )
        for name, entry in fabric_facts().switches.items()
    }


def usual_switch(link: ScaleOutLink, rate_bytes_per_s: float) -> SwitchSpec:
    """What a network is built of where nobody says: the first switch as fast as its NICs."""
    usual = [switch_catalogue()[name] for name in fabric_facts().usual_switch[link]]
    fast = [switch for switch in usual if switch.rate >= rate_bytes_per_s * (1 - 1e-9)]
    return (fast or usual[-1:])[0]


def known_switch(value: object) -> object:
    """Let a key of the catalogue stand for its switch."""
    if not isinstance(value, str):
        return value
    switches = switch_catalogue()
    if value not in switches:
        raise ValueError(
            f"expected {', '.join(switches)} or {{ports: 64, rate: 400 Gbit/s}}, found"
            f" {shorten(value)!r}"
        )
    return switches[value]
