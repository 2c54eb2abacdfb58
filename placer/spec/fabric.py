"""A network by its parameters: ``fabric`` in a cluster file becomes levels of a folded Clos.

What is written there is counted out into ``scale_out`` (and ``pods`` where the accelerators do not
divide evenly), so that everything else reads one form.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import InitErrorDetails

from placer.spec.accelerator import (
    Accelerator,
    AcceleratorEntry,
    accelerator_keys,
    build_accelerator,
    load_accelerator,
)
from placer.spec.hierarchy.counted import GPU, INNER, parse_part_count
from placer.spec.interconnect import Routing, ScaleOutLink
from placer.spec.switch import Medium, Ports, fabric_facts
from placer.units import Bandwidth, Dimension, write_quantity

if TYPE_CHECKING:
    from collections.abc import Mapping

FROZEN = ConfigDict(frozen=True, extra="forbid")
Count = Annotated[int, Field(strict=True, ge=1, le=1 << 20)]
Rate = Annotated[Bandwidth, Field(gt=0)]
Ratio = Annotated[float, Field(ge=1, le=64, allow_inf_nan=False)]

LEVELS: Final = {1: ("leaf",), 2: ("leaf", "spine"), 3: ("leaf", "pod", "core")}
"""What a unit of each tier is called."""


class FabricSpec(BaseModel):
    """A one-, two- or three-tier Clos of equal switches."""

    model_config = FROZEN

    gpus: Count
    """Accelerators to join, in whole scale-up domains; a rest is left out."""
    link: ScaleOutLink
    nic: Rate
    """Of one accelerator, all planes together, one direction."""
    tiers: Annotated[int, Field(strict=True, ge=1, le=3)] = 2
    ports: Ports
    """Ports of a switch at ``rate``."""
    rate: Rate | None = None
    """Of one port; that of one plane's NIC port when not given."""
    planes: Annotated[int, Field(strict=True, ge=1, le=64)] = 1
    rails: Annotated[int, Field(strict=True, ge=1, le=1024)] = 1
    oversubscription: Ratio = 1.0
    """Of the uplinks into the last tier."""
    leaf_oversubscription: Ratio = 1.0
    """Of the leaves' uplinks, where there are three tiers."""
    medium: Medium | None = None
    """What carries links; copper inside a rack and DSP modules outside when not given."""
    routing: Routing = Routing.ADAPTIVE
    in_network_reduction: bool = False


def with_levels(data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a cluster with ``fabric`` counted out; what is wrong in it is said of it.

    Raises
    ------
    ValidationError
        With the path of each field that does not hold.
    """
    try:
        fabric = FabricSpec.model_validate(data["fabric"])
    except ValidationError as error:
        raise _placed(error) from error
    doubled = [name for name in ("scale_out", "pods", "sites", "hosts") if data.get(name)]
    if doubled:
        raise _refused((doubled[0],), f"expected no {doubled[0]} beside fabric, which makes it")
    domain = _domain_gpus(data)
    if domain is None:  # what is wrong with the accelerator or the domain is said elsewhere
        rest = dict(data)
        del rest["fabric"]
        return rest
    plan = _Sizes.of(fabric, domain)
    rest = {name: value for name, value in data.items() if name != "fabric"}
    return rest | {"scale_out": _scale_out(fabric, plan)} | _pods(plan)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sizes:
    """Domains in all, at most so many in one leaf unit, and leaf units in one pod."""

    tiers: int
    domains: int
    per_leaf: int
    leaves_per_pod: int

    @classmethod
    def of(cls, fabric: FabricSpec, domain_gpus: int) -> _Sizes:
        """Sizes that keep units as large as the switches allow, or evenly smaller.

        Raises
        ------
        ValidationError
            When the tiers do not reach.
        """
        domains = fabric.gpus // domain_gpus
        if domains < 1:
            raise _refused(
                ("fabric", "gpus"),
                f"expected at least one scale-up domain of {domain_gpus:,}, found {fabric.gpus:,}",
            )
        per_leaf, leaves, pods = _most(fabric, domain_gpus)
        most = per_leaf * leaves * pods
        if domains > most:
            raise _refused(
                ("fabric",),
                f"expected at most {most * domain_gpus:,} accelerators, which {fabric.tiers} tiers"
                f" of {fabric.ports}-port switches reach here, found {fabric.gpus:,}; take more"
                " tiers, ports or oversubscription",
            )
        per_leaf = _even(domains, per_leaf)
        num_leaves = math.ceil(domains / per_leaf)
        if fabric.tiers == 3:
            leaves = _even(num_leaves, leaves)
        return cls(tiers=fabric.tiers, domains=domains, per_leaf=per_leaf, leaves_per_pod=leaves)

    @property
    def per_unit(self) -> int:
        """Domains of one unit of the last level but one."""
        return self.per_leaf * (self.leaves_per_pod if self.tiers == 3 else 1)

    def level_sizes(self) -> tuple[str, ...]:
        """What one unit of each level holds."""
        units = math.ceil(self.domains / self.per_unit)
        sizes = {
            1: (f"{self.domains} domains",),
            2: (f"{self.per_leaf} domains", f"{units} leaf"),
            3: (f"{self.per_leaf} domains", f"{self.leaves_per_pod} leaf", f"{units} pod"),
        }
        return sizes[self.tiers]

    def unit_sizes(self) -> tuple[tuple[int, int], ...]:
        """How many units of the last level but one hold how many domains; empty where all alike."""
        full, rest = divmod(self.domains, self.per_unit)
        if self.tiers == 1 or rest == 0:
            return ()
        return (*(((full, self.per_unit),) if full else ()), (1, rest))


def _most(fabric: FabricSpec, domain_gpus: int) -> tuple[int, int, int]:
    """Most domains in a leaf unit, leaf units in a pod (or under the spine), pods in the core.

    A leaf unit is as many leaves as there are rails; where one domain needs more ports than they
    have, its leaves are counted to it and it is a unit of its own.
    """
    rate = fabric.rate or fabric.nic / fabric.planes
    ports_per_nic = max(1, math.ceil(fabric.nic / fabric.planes / rate - 1e-9))
    ratios = {1: (math.inf,), 2: (fabric.oversubscription,)}.get(
        fabric.tiers, (fabric.leaf_oversubscription, fabric.oversubscription)
    )
    down = [_down(fabric.ports, ratio) for ratio in ratios]
    gpus_per_leaf = down[0] // ports_per_nic
    leaves_per_domain = math.ceil(domain_gpus / fabric.rails / max(gpus_per_leaf, 1))
    per_leaf = max(1, gpus_per_leaf * fabric.rails // domain_gpus)
    switches = fabric.rails * leaves_per_domain
    if fabric.tiers == 1:
        return (per_leaf if leaves_per_domain == 1 else 0), 1, 1
    if fabric.tiers == 2:
        return per_leaf, fabric.ports // switches, 1
    return per_leaf, down[1] // switches, fabric.ports


def _down(ports: int, ratio: float) -> int:
    return ports if math.isinf(ratio) else max(1, math.floor(ports * ratio / (1 + ratio) + 1e-9))


def _even(number: int, most: int) -> int:
    """The largest size up to ``most`` that divides the number, if it is at least half of ``most``."""
    if most >= number:
        return number
    sizes = (size for size in range(most, (most + 1) // 2 - 1, -1) if number % size == 0)
    return next(sizes, most)


def _scale_out(fabric: FabricSpec, plan: _Sizes) -> dict[str, Any]:
    ratios = {
        1: (1.0,),
        2: (fabric.oversubscription, 1.0),
        3: (fabric.leaf_oversubscription, fabric.oversubscription, 1.0),
    }[fabric.tiers]
    latencies = fabric_facts().latency[fabric.link]
    named = zip(LEVELS[fabric.tiers], plan.level_sizes(), ratios, latencies, strict=False)
    levels = [
        {
            "name": name,
            "size": size,
            "latency": write_quantity(latency_s, Dimension.TIME),
            "oversubscription": ratio,
        }
        for name, size, ratio, latency_s in named
    ]
    if plan.unit_sizes():
        del levels[-1]["size"]
    port_rate = fabric.nic / fabric.planes
    switch_rate = write_quantity(fabric.rate or port_rate, Dimension.BANDWIDTH)
    return {
        "link": fabric.link.value,
        "nic": write_quantity(port_rate, Dimension.BANDWIDTH),
        "nics_per_accelerator": float(fabric.planes),
        "rails": fabric.rails,
        "planes": fabric.planes,
        "routing": fabric.routing.value,
        "in_network_reduction": fabric.in_network_reduction,
        "switch": {"ports": fabric.ports, "rate": switch_rate},
        "medium": None if fabric.medium is None else fabric.medium.value,
        "levels": levels,
    }


def _pods(plan: _Sizes) -> dict[str, Any]:
    """Units of the last level but one, listed where the last of them is smaller."""
    sizes = plan.unit_sizes()
    return {"pods": [{"count": n, "size": f"{d} domains"} for n, d in sizes]} if sizes else {}


def _domain_gpus(data: Mapping[str, Any]) -> int | None:
    """Accelerators of one scale-up domain; None where the file's other fields do not say."""
    accelerator = _accelerator(data)
    if accelerator is None:
        return None
    gpus = accelerator.scale_up.size
    inside, part = data.get("scale_up"), 1
    while isinstance(inside, dict):
        if "size" in inside:
            try:
                count = parse_part_count(inside["size"])
            except ValueError:
                return None
            if count.part not in {GPU, INNER}:
                return None
            part = count.count if count.part == GPU else part * count.count
            gpus = part
        inside = inside.get("outer")
    return gpus


def _accelerator(data: Mapping[str, Any]) -> Accelerator | None:
    key, own = data.get("accelerator"), data.get("accelerators")
    if isinstance(own, dict) and isinstance(key, str) and key in own:
        try:
            return build_accelerator(key, AcceleratorEntry.model_validate(own[key]))
        except ValidationError:
            return None
    return load_accelerator(key) if isinstance(key, str) and key in accelerator_keys() else None


def _placed(error: ValidationError) -> ValidationError:
    """The same findings, under ``fabric``."""
    lines = [
        InitErrorDetails(
            type=found["type"],
            loc=("fabric", *found["loc"]),
            input=found["input"],
            ctx=found.get("ctx", {}),
        )
        for found in error.errors(include_url=False)
    ]
    return ValidationError.from_exception_data("ClusterSpec", lines)


def _refused(path: tuple[str, ...], message: str) -> ValidationError:
    line = InitErrorDetails(
        type="value_error", loc=path, ctx={"error": ValueError(message)}, input=None
    )
    return ValidationError.from_exception_data("ClusterSpec", [line])
