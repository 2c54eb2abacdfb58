"""The accelerator catalogue: what one part can compute, hold, move and draw, with its sources."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field

from placer.errors import InputError, Problem
from placer.spec.interconnect import DomainShape, ScaleUpLink
from placer.spec.suggest import did_you_mean
from placer.units import Bandwidth, ComputeRate, Duration, Power, Size

if TYPE_CHECKING:
    from collections.abc import Iterable

FROZEN = ConfigDict(frozen=True, extra="forbid")
MAX_DOMAIN = 1 << 20

T = TypeVar("T")


class FigureKind(StrEnum):
    """How a figure is known."""

    MEASURED = "measured"
    DATASHEET = "datasheet"
    ASSUMED = "assumed"


class Architecture(StrEnum):
    """Families of parts whose kernels behave alike."""

    AMPERE = "ampere"
    HOPPER = "hopper"
    BLACKWELL = "blackwell"
    RUBIN = "rubin"
    CDNA2 = "cdna2"
    CDNA3 = "cdna3"
    CDNA4 = "cdna4"
    CDNA5 = "cdna5"
    TPU = "tpu"
    TRAINIUM = "trainium"
    GAUDI = "gaudi"
    ASCEND = "ascend"


class Figure(BaseModel, Generic[T]):
    """A number with its unit, and how it is known."""

    model_config = FROZEN

    value: T
    kind: FigureKind


class ScaleUpEntry(BaseModel):
    """The links a part brings to its neighbours, as the catalogue writes them."""

    model_config = FROZEN

    link: ScaleUpLink
    type: DomainShape
    size: Annotated[int, Field(ge=1, le=MAX_DOMAIN)]
    """Accelerators of the largest domain it is sold in."""
    dims: tuple[int, ...] = ()
    """Sides of a torus."""
    bandwidth: Figure[Bandwidth]
    """What one accelerator sends while it receives as much."""
    latency: Figure[Duration]
    in_network_reduction: bool = False
    """Switches can add up an all-reduce."""


class AcceleratorEntry(BaseModel):
    """One part, as the catalogue or a cluster file writes it."""

    model_config = FROZEN

    name: Annotated[str, Field(min_length=1, max_length=200)]
    architecture: Architecture
    sources: tuple[str, ...] = ()
    notes: str = ""
    bf16: Figure[ComputeRate]
    """Dense peak rates of matrix products."""
    fp8: Figure[ComputeRate] | None = None
    fp4: Figure[ComputeRate] | None = None
    bf16_achievable: Figure[ComputeRate] | None = None
    """Best rate measured over shapes."""
    fp8_achievable: Figure[ComputeRate] | None = None
    hbm: Figure[Size]
    """Capacity as printed."""
    hbm_usable: Figure[Size]
    """Capacity a training process is offered."""
    hbm_bandwidth: Figure[Bandwidth]
    power: Figure[Power] | None = None
    gpus_per_host: Annotated[int, Field(ge=1, le=MAX_DOMAIN)]
    scale_up: ScaleUpEntry
    nic: Figure[Bandwidth] | None = None
    """Network rate usually installed per accelerator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleUpPort:
    """The scale-up links of one part: bandwidth per direction, latency of one hop."""

    link: ScaleUpLink
    shape: DomainShape
    size: int
    dims: tuple[int, ...]
    bandwidth_bytes_per_s: float
    latency_s: float
    in_network_reduction: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Accelerator:
    """One generation of accelerator.

    Rates are dense peaks of matrix products; ``achievable`` ones the best measured over shapes;
    None where the part lacks the format or nobody measured. ``assumed`` names the figures that
    are neither measured nor printed.
    """

    key: str
    name: str
    architecture: Architecture
    bf16_flops_per_s: float
    fp8_flops_per_s: float | None
    fp4_flops_per_s: float | None
    bf16_achievable_flops_per_s: float | None
    fp8_achievable_flops_per_s: float | None
    hbm_bytes: float
    hbm_usable_bytes: float
    hbm_bytes_per_s: float
    power_w: float | None
    gpus_per_host: int
    scale_up: ScaleUpPort
    nic_bytes_per_s: float | None
    sources: tuple[str, ...]
    notes: str
    assumed: tuple[str, ...]


def build_accelerator(key: str, entry: AcceleratorEntry) -> Accelerator:
    """Turn a validated entry into the object the cost model reads."""
    port = entry.scale_up
    return Accelerator(
        key=key,
        name=entry.name,
        architecture=entry.architecture,
        bf16_flops_per_s=entry.bf16.value,
        fp8_flops_per_s=_value(entry.fp8),
        fp4_flops_per_s=_value(entry.fp4),
        bf16_achievable_flops_per_s=_value(entry.bf16_achievable),
        fp8_achievable_flops_per_s=_value(entry.fp8_achievable),
        hbm_bytes=entry.hbm.value,
        hbm_usable_bytes=entry.hbm_usable.value,
        hbm_bytes_per_s=entry.hbm_bandwidth.value,
        power_w=_value(entry.power),
        gpus_per_host=entry.gpus_per_host,
        scale_up=ScaleUpPort(
            link=port.link,
            shape=port.type,
            size=port.size,
            dims=port.dims,
            bandwidth_bytes_per_s=port.bandwidth.value,
            latency_s=port.latency.value,
            in_network_reduction=port.in_network_reduction,
        ),
        nic_bytes_per_s=_value(entry.nic),
        sources=entry.sources,
        notes=entry.notes,
        assumed=tuple(_assumed(entry)),
    )


def accelerator_keys() -> tuple[str, ...]:
    """Keys of the catalogue, in its order."""
    return tuple(_catalogue()["accelerators"])


def suggest_accelerator(key: str, known: Iterable[str]) -> str:
    """Remedy for an unknown key: the variants of the part it names, else the nearest keys."""
    names = list(known)
    variants = [name for name in names if key and name.startswith(f"{key.lower()}_")]
    return f"Did you mean {' or '.join(variants)}?" if variants else did_you_mean(key, names)


@cache
def load_accelerator(key: str) -> Accelerator:
    """Read one part of the catalogue.

    Raises
    ------
    InputError
        When no part has this key; the nearest ones are suggested.
    """
    catalogue = _catalogue()
    if key not in catalogue["accelerators"]:
        problem = Problem(
            source="accelerator",
            expected="a key of the accelerator catalogue",
            found=repr(key),
            remedy=suggest_accelerator(key, catalogue["accelerators"]),
        )
        raise InputError([problem])
    entry = AcceleratorEntry.model_validate(catalogue["accelerators"][key])
    sources = tuple(catalogue["sources"][name] for name in entry.sources)
    return build_accelerator(key, entry.model_copy(update={"sources": sources}))


@cache
def _catalogue() -> dict[str, Any]:
    """Parse the data file that ships with the package; its entries are validated when read."""
    text = files("placer.data").joinpath("accelerators.yaml").read_text(encoding="utf-8")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    document: dict[str, Any] = yaml.load(text, Loader=loader)  # noqa: S506 (both are safe loaders)
    return document


def _value(figure: Figure[float] | None) -> float | None:
    return None if figure is None else figure.value


def _assumed(entry: AcceleratorEntry) -> Iterable[str]:
    """Names of the figures that are assumed, in the entry's order."""
    for owner, prefix in ((entry, ""), (entry.scale_up, "scale_up.")):
        for name in type(owner).model_fields:
            figure = getattr(owner, name)
            if isinstance(figure, Figure) and figure.kind is FigureKind.ASSUMED:
                yield prefix + name
