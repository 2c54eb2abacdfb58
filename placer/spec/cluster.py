"""The cluster as a person writes it: a hierarchy from accelerators outwards, then what is wrong.

A regular cluster names its accelerator, the scale-up domain, and the levels of its network, each
so many units of the level inside it. What is irregular is added on top: pods of different size or
generation, units that failed or are drained, spares, several sites. `placer.spec.hierarchy.layout` turns it
into counts; a ``ClusterSpec`` that exists has passed its checks.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails

from placer.spec.accelerator import AcceleratorEntry
from placer.spec.fabric import FabricSpec, with_levels
from placer.spec.hierarchy.counted import LossField, PartCountField, Share, SparesField
from placer.spec.interconnect import DomainShape, Routing, ScaleOutLink, ScaleUpLink
from placer.spec.site_facts import Optics, Router
from placer.spec.switch import Medium, SwitchSpec, known_switch
from placer.units import Bandwidth, Duration, Length, Power

FROZEN = ConfigDict(frozen=True, extra="forbid")

MAX_SITES = 64

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$")]
"""A name fit for host names and shell files: letters, digits, dots and dashes, at most 63."""

Text = Annotated[str, StringConstraints(max_length=2000)]
Rate = Annotated[Bandwidth, Field(gt=0)]
Ratio = Annotated[float, Field(ge=1, le=100, allow_inf_nan=False)]
Count = Annotated[int, Field(strict=True, ge=1, le=1 << 21)]


SwitchField = Annotated[SwitchSpec, BeforeValidator(known_switch)] | None


class ScaleUpSpec(BaseModel):
    """A scale-up domain; what is not given is the accelerator's own."""

    model_config = FROZEN

    name: Name | None = None
    """Name of the level; the link's family (``nvlink``) when not given."""
    size: PartCountField | None = None
    """Accelerators of the domain; of an ``outer`` level, units of the level inside."""
    type: DomainShape | None = None
    dims: Annotated[tuple[Count, ...], Field(max_length=8)] = ()
    """Sides of a torus; their product is the size, of an outer level in units of the level inside."""
    link: ScaleUpLink | None = None
    bandwidth: Rate | None = None
    """What one accelerator sends while it receives as much (one direction)."""
    latency: Duration | None = None
    in_network_reduction: bool | None = None
    outer: ScaleUpSpec | None = None
    """A second scale-up level around this one, such as optics between chassis."""


class FabricLevelSpec(BaseModel):
    """One level of the scale-out network, named for what one of its units is (leaf, pod, core)."""

    model_config = FROZEN

    name: Name
    size: PartCountField | None = None
    """What one unit holds; not given where ``pods`` or ``sites`` list it."""
    latency: Duration
    """One way, small message, between accelerators that meet at this level."""
    oversubscription: Ratio = 1.0
    """Bandwidth into one unit from below, over that of its uplink."""
    background_load: Share = 0.0
    """Share of this level's links that other tenants use."""
    routing: Routing | None = None
    """How flows spread here; the network's when not given."""
    switch: SwitchField = None
    """What this level is built of; the network's when not given."""
    medium: Medium | None = None
    """What carries the links up into this level; the network's when not given."""


class ScaleOutSpec(BaseModel):
    """The network between scale-up domains."""

    model_config = FROZEN

    link: ScaleOutLink
    nic: Rate
    """Rate of one network port, one direction."""
    nics_per_accelerator: Annotated[float, Field(gt=0, le=64, allow_inf_nan=False)] = 1.0
    rails: Annotated[int, Field(strict=True, ge=1, le=1024)] = 1
    """Accelerators with the same index modulo this share leaf switches."""
    planes: Annotated[int, Field(strict=True, ge=1, le=64)] = 1
    """Independent networks that each accelerator's ports are spread over."""
    routing: Routing = Routing.ADAPTIVE
    in_network_reduction: bool = False
    """Switches can add up an all-reduce (SHARP)."""
    switch: SwitchField = None
    """A key of the switch catalogue, or ``{ports: 64, rate: 400 Gbit/s}``; the usual one for the
    link when not given. Parts are counted with it, times do not depend on it."""
    medium: Medium | None = None
    """What carries links; copper inside a rack and DSP modules outside when not given."""
    levels: Annotated[tuple[FabricLevelSpec, ...], Field(min_length=1, max_length=16)]
    """Inner to outer."""


class UnitSpec(BaseModel):
    """Units that differ from their level's regular form: a pod, or a part of one.

    Exactly one of ``size``, ``hosts`` and ``units`` says what one unit holds.
    """

    model_config = FROZEN

    name: Name | None = None
    """With ``count`` > 1 a number is appended."""
    count: Count = 1
    size: PartCountField | None = None
    hosts: Annotated[tuple[Text, ...], Field(max_length=10_000)] = ()
    """Host names, with brackets: ``dgx[001-016]``."""
    units: Annotated[tuple[UnitSpec, ...], Field(max_length=10_000)] = ()
    """Units of the next-inner level, listed."""
    accelerator: Text | None = None
    """Another generation; its scale-up domain is its own unless ``scale_up`` says otherwise."""
    gpus_per_host: Count | None = None
    scale_up: ScaleUpSpec | None = None
    nic: Rate | None = None
    nics_per_accelerator: Annotated[float, Field(gt=0, le=64, allow_inf_nan=False)] | None = None
    oversubscription: Ratio | None = None
    """Of this unit's uplink; the level's when not given."""


class Redundancy(StrEnum):
    """What a link keeps back for failures."""

    NONE = "none"
    N_MINUS_1 = "n-1"


class SiteSpec(BaseModel):
    """One site: what stands there and what it may draw."""

    model_config = FROZEN

    name: Name
    size: PartCountField | None = None
    """What the site holds when it is regular; else ``pods``."""
    pods: Annotated[tuple[UnitSpec, ...], Field(max_length=10_000)] = ()
    hosts: Annotated[tuple[Text, ...], Field(max_length=10_000)] = ()
    """Host names, with brackets, where the network has one level."""
    accelerator: Text | None = None
    power: Annotated[Power, Field(gt=0)] | None = None
    """Budget of the whole site, cooling included."""
    pue: Annotated[float, Field(ge=1, le=5, allow_inf_nan=False)] = 1.0
    """Power drawn by the site over power drawn by its computers."""
    cooling: Annotated[Power, Field(gt=0)] | None = None
    """Heat the cooling carries away: what computers may draw at most."""
    racks: Count | None = None
    """Places for racks."""
    hosts_per_rack: Count | None = None


class LinkSpec(BaseModel):
    """A link between two sites; ``distance`` is the fibre's length."""

    model_config = FROZEN

    name: Text = ""
    between: tuple[Name, Name]
    bandwidth: Rate
    """One direction, all lines together."""
    distance: Length | None = None
    rtt: Duration | None = None
    background_load: Share = 0.0
    """Share used by other traffic."""
    lines: Annotated[int, Field(strict=True, ge=1, le=4096)] = 1
    """Equal wavelengths or fibres that fail one by one."""
    redundancy: Redundancy = Redundancy.NONE
    """What is kept back so that the loss of a line is not felt."""
    optics: Optics | None = None
    router: Router | None = None


def _as_names(value: object) -> object:
    """Let a plain name stand for an entry that lists it."""
    return {"units": [value]} if isinstance(value, str) else value


class OutageSpec(BaseModel):
    """Accelerators out of use: units by name, or a pattern over units.

    A pattern takes ``every`` N-th unit, or an evenly spread ``share`` of the units, of one kind
    (``of``: gpu, host, domain or a level), inside the units named in ``within`` or everywhere; each
    of them loses ``lose`` (its last ones) or all it has.
    """

    model_config = FROZEN

    units: Annotated[tuple[Text, ...], Field(max_length=100_000)] = ()
    """Names with brackets: ``pod1-n[4-7]``, ``leaf12``, ``pod0-n3:5`` (one accelerator)."""
    every: Count | None = None
    share: Annotated[Share, Field(gt=0)] | None = None
    of: Text = "domain"
    within: Annotated[tuple[Text, ...], Field(max_length=100_000)] = ()
    lose: LossField = None
    reason: Text = ""


Outages = Annotated[
    tuple[Annotated[OutageSpec, BeforeValidator(_as_names)], ...], Field(max_length=100_000)
]


class ClusterSpec(BaseModel):
    """A whole cluster."""

    model_config = FROZEN

    name: Name
    description: Text = ""
    sources: tuple[Text, ...] = ()
    """Where the figures come from."""
    assumed: tuple[Text, ...] = ()
    """What no source states, and why this value."""
    accelerator: Text
    """A key of the accelerator catalogue, or of ``accelerators``."""
    accelerators: Annotated[dict[Name, AcceleratorEntry], Field(max_length=64)] = {}
    """Parts the catalogue lacks, in its form."""
    gpus_per_host: Count | None = None
    """The accelerator's when not given."""
    host_name: Text | None = None
    """Pattern of host names: level names, ``pod``, ``site``, ``cluster`` and ``index`` in braces."""
    scale_up: ScaleUpSpec = ScaleUpSpec()
    scale_out: ScaleOutSpec | None = None
    fabric: FabricSpec | None = None
    """The network by its parameters, in place of ``scale_out``; it is counted out when read."""
    pods: Annotated[tuple[UnitSpec, ...], Field(max_length=10_000)] = ()
    """Units of the last level but one, where they differ."""
    hosts: Annotated[tuple[Text, ...], Field(max_length=10_000)] = ()
    """Host names, with brackets, where the network has one level or none."""
    sites: Annotated[tuple[SiteSpec, ...], Field(max_length=MAX_SITES)] = ()
    links: Annotated[tuple[LinkSpec, ...], Field(max_length=4096)] = ()
    unavailable: Outages = ()
    """Failed."""
    drained: Outages = ()
    """Taken out by the operator."""
    excluded: Outages = ()
    """Working, but not for this job."""
    spares: SparesField | None = None
    """Healthy parts held back as replacements, the last of each unit."""

    @model_validator(mode="before")
    @classmethod
    def _count_out_fabric(cls, data: object) -> object:
        if isinstance(data, dict) and data.get("fabric") is not None:
            return with_levels(data)
        return data

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        from placer.spec.hierarchy.layout import find_problems

        problems = find_problems(self)
        if problems:
            lines = [
                InitErrorDetails(
                    type="value_error",
                    loc=problem.path,
                    ctx={"error": ValueError(problem.message)},
                    input=None,
                )
                for problem in problems
            ]
            raise ValidationError.from_exception_data("ClusterSpec", lines)
        return self
