"""What holds at any site and on any link between sites: power beside accelerators, reach, routers."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from placer.spec.accelerator import FigureKind
from placer.spec.yaml_source import load_document
from placer.units import Length, Power

if TYPE_CHECKING:
    from placer.spec.accelerator import Accelerator

FROZEN = ConfigDict(frozen=True, extra="forbid")
DATA: Final = Path(__file__).resolve().parents[1] / "data" / "sites.yaml"

T = TypeVar("T")


class Optics(StrEnum):
    """Classes of optical modules on a link between sites."""

    ZR = "zr"
    ZR_PLUS = "zr_plus"
    LONG_HAUL = "long_haul"
    """Transponders with amplifiers and regenerators as needed; any distance."""


class Router(StrEnum):
    """Classes of routers at the ends of a link between sites."""

    DISTANCE_AWARE = "distance_aware"
    ORDINARY = "ordinary"


class SourcedFigure(BaseModel, Generic[T]):
    """A number with its unit, how it is known, and from where."""

    model_config = FROZEN

    value: T
    kind: FigureKind
    source: str


class SiteFacts(BaseModel):
    """The figures of ``placer/data/sites.yaml``."""

    model_config = FROZEN

    host_power: SourcedFigure[Power]
    """Processors, memory, NICs and fans of a host, per accelerator."""
    network_power: SourcedFigure[Power]
    """Switches and optics, per accelerator."""
    optics_reach: dict[Optics, SourcedFigure[Length]]
    """Not listed: any distance."""
    router_goodput: dict[Router, SourcedFigure[Annotated[float, Field(gt=0, le=1)]]]


@cache
def site_facts() -> SiteFacts:
    """The figures that travel with placer."""
    return load_document(DATA, SiteFacts)


def draw_w(accelerator: Accelerator) -> float | None:
    """Power of one accelerator at work with its share of host and network, cooling not included.

    None where the accelerator's own power is not published.
    """
    if accelerator.power_w is None:
        return None
    facts = site_facts()
    return accelerator.power_w + facts.host_power.value + facts.network_power.value


def computers_w(power_w: float | None, pue: float, cooling_w: float | None) -> float | None:
    """What a site's computers may draw: its power less what PUE adds, and no more than is cooled.

    None where neither is stated.
    """
    limits = [power_w / pue if power_w is not None else None, cooling_w]
    return min((limit for limit in limits if limit is not None), default=None)
