"""What stands in one part of a cluster: accelerator, scale-up levels, host size, network rate."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from placer.spec.accelerator import (
    Accelerator,
    accelerator_keys,
    build_accelerator,
    load_accelerator,
    suggest_accelerator,
)
from placer.spec.cluster import ClusterSpec, ScaleUpSpec, SiteSpec, UnitSpec
from placer.spec.hierarchy.counted import DOMAIN, GPU, HOST, INNER, PartCount
from placer.spec.hierarchy.findings import Findings, Path
from placer.spec.interconnect import DomainShape, ScaleUpLink


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleUpLevel:
    """One scale-up level with everything filled in; bandwidth per accelerator and direction."""

    name: str
    num_accelerators: int
    bandwidth_bytes_per_s: float
    latency_s: float
    link: ScaleUpLink
    shape: DomainShape
    in_network_reduction: bool
    dims: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """One kind of scale-up domain; ``nic_bytes_per_s`` is per accelerator, all its ports."""

    accelerator: Accelerator
    scale_up: tuple[ScaleUpLevel, ...]
    gpus_per_host: int
    nic_bytes_per_s: float

    @property
    def domain_gpus(self) -> int:
        """Accelerators of one domain."""
        return self.scale_up[-1].num_accelerators

    @property
    def hosts_per_domain(self) -> int:
        """Hosts of one domain."""
        return self.domain_gpus // self.gpus_per_host


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What the file says of the hardware somewhere, before the catalogue fills it in.

    ``accelerator_path`` and ``scale_up_path`` are where it says so.
    """

    accelerator: str
    accelerator_path: Path
    scale_up: ScaleUpSpec
    scale_up_path: Path
    gpus_per_host: int | None
    gpus_per_host_path: Path
    nic_bytes_per_s: float


def cluster_choice(spec: ClusterSpec) -> Choice:
    """What the top of the file says."""
    network = spec.scale_out
    return Choice(
        accelerator=spec.accelerator,
        accelerator_path=("accelerator",),
        scale_up=spec.scale_up,
        scale_up_path=("scale_up",),
        gpus_per_host=spec.gpus_per_host,
        gpus_per_host_path=("gpus_per_host",),
        nic_bytes_per_s=network.nic * network.nics_per_accelerator if network else 0.0,
    )


def overridden(choice: Choice, spec: ClusterSpec, unit: UnitSpec | SiteSpec, path: Path) -> Choice:
    """What a site or unit changes; another accelerator brings its own scale-up domain and host."""
    if unit.accelerator is not None and unit.accelerator != choice.accelerator:
        choice = replace(
            choice,
            accelerator=unit.accelerator,
            accelerator_path=(*path, "accelerator"),
            scale_up=ScaleUpSpec(),
            scale_up_path=path,
            gpus_per_host=None,
        )
    if isinstance(unit, SiteSpec):
        return choice
    if unit.scale_up is not None:
        choice = replace(choice, scale_up=unit.scale_up, scale_up_path=(*path, "scale_up"))
    if unit.gpus_per_host is not None:
        where = (*path, "gpus_per_host")
        choice = replace(choice, gpus_per_host=unit.gpus_per_host, gpus_per_host_path=where)
    network = spec.scale_out
    if network is not None and (unit.nic is not None or unit.nics_per_accelerator is not None):
        rate = network.nic if unit.nic is None else unit.nic
        count = unit.nics_per_accelerator or network.nics_per_accelerator
        choice = replace(choice, nic_bytes_per_s=rate * count)
    return choice


class HardwareShop:
    """Resolves choices against the catalogue; each distinct hardware is listed once."""

    def __init__(self, spec: ClusterSpec, findings: Findings) -> None:
        self.spec = spec
        self.findings = findings
        self.hardware: list[Hardware] = []
        self._known: dict[str, int | None] = {}

    def index_of(self, choice: Choice) -> int | None:
        """Position in ``hardware``, None when the choice is wrong (reported once)."""
        content = repr((choice.accelerator, choice.scale_up, choice.gpus_per_host))
        key = f"{content}{choice.nic_bytes_per_s}"
        if key not in self._known:
            hardware = self._resolve(choice)
            self._known[key] = None if hardware is None else len(self.hardware)
            self.hardware += [] if hardware is None else [hardware]
        return self._known[key]

    def _resolve(self, choice: Choice) -> Hardware | None:
        accelerator = self._accelerator(choice)
        if accelerator is None:
            return None
        before = len(self.findings.items)
        levels = tuple(self._scale_up(choice, accelerator))
        gpus_per_host = self._gpus_per_host(choice, accelerator, levels)
        if len(self.findings.items) > before:
            return None
        return Hardware(
            accelerator=accelerator,
            scale_up=levels,
            gpus_per_host=gpus_per_host,
            nic_bytes_per_s=choice.nic_bytes_per_s,
        )

    def _accelerator(self, choice: Choice) -> Accelerator | None:
        key = choice.accelerator
        if key in self.spec.accelerators:
            return build_accelerator(key, self.spec.accelerators[key])
        if key in accelerator_keys():
            return load_accelerator(key)
        known = (*self.spec.accelerators, *accelerator_keys())
        self.findings.add(
            choice.accelerator_path,
            "a known accelerator",
            repr(key),
            suggest_accelerator(key, known),
        )
        return None

    def _scale_up(self, choice: Choice, accelerator: Accelerator) -> Iterator[ScaleUpLevel]:
        """The levels from inside out; the innermost takes what is missing from the catalogue."""
        port, stated, path = accelerator.scale_up, choice.scale_up, choice.scale_up_path
        size = port.size if stated.size is None else self._inner_size(stated.size, path)
        shape = stated.type or port.shape
        reduces = port.in_network_reduction and shape is DomainShape.SWITCHED
        level = ScaleUpLevel(
            name=stated.name or str(stated.link or port.link).rstrip("0123456789"),
            num_accelerators=size,
            bandwidth_bytes_per_s=stated.bandwidth or port.bandwidth_bytes_per_s,
            latency_s=port.latency_s if stated.latency is None else stated.latency,
            link=stated.link or port.link,
            shape=shape,
            in_network_reduction=_first(stated.in_network_reduction, reduces),
            dims=stated.dims or (port.dims if (size, shape) == (port.size, port.shape) else ()),
        )
        self._check_dims(level, path, size)
        yield level
        while stated.outer is not None:
            stated, path = stated.outer, (*path, "outer")
            level = self._outer_level(stated, path, level)
            yield level

    def _outer_level(self, stated: ScaleUpSpec, path: Path, inner: ScaleUpLevel) -> ScaleUpLevel:
        for field in ("name", "size", "bandwidth", "latency"):
            if getattr(stated, field) is None:
                self.findings.add(
                    (*path, field),
                    f"the {field} of the outer level",
                    "nothing",
                    "The accelerator's own figures are for the inner level only.",
                )
        level = ScaleUpLevel(
            name=stated.name or "outer",
            num_accelerators=self._outer_size(stated.size or PartCount(1), path, inner),
            bandwidth_bytes_per_s=stated.bandwidth or inner.bandwidth_bytes_per_s,
            latency_s=inner.latency_s if stated.latency is None else stated.latency,
            link=stated.link or inner.link,
            shape=stated.type or DomainShape.SWITCHED,
            in_network_reduction=bool(stated.in_network_reduction),
            dims=stated.dims,
        )
        self._check_dims(level, path, level.num_accelerators // inner.num_accelerators)
        return level

    def _inner_size(self, size: PartCount, path: Path) -> int:
        if size.part not in (INNER, GPU):
            self.findings.add(
                (*path, "size"), "accelerators", f"'{size}'", f"Write size: {size.count}."
            )
        return size.count

    def _outer_size(self, size: PartCount, path: Path, inner: ScaleUpLevel) -> int:
        """Accelerators of an outer level: units of the inner one, or a multiple of its size."""
        if size.part in (INNER, inner.name, inner.name + "s"):
            return size.count * inner.num_accelerators
        if size.part != GPU or size.count % inner.num_accelerators:
            self.findings.add(
                (*path, "size"),
                f"a number of {inner.name} units of {inner.num_accelerators} accelerators",
                f"'{size}'",
                f"Write for example size: 4 {inner.name}.",
            )
            return inner.num_accelerators
        return size.count

    def _check_dims(self, level: ScaleUpLevel, path: Path, num_units: int) -> None:
        """The sides of a torus multiply to the units it joins."""
        volume = math.prod(level.dims) if level.dims else 0
        if level.shape is DomainShape.TORUS and volume != num_units:
            found = " x ".join(map(str, level.dims)) + f" = {volume}" if level.dims else "none"
            self.findings.add(
                (*path, "dims"),
                f"sides whose product is the size, {num_units}",
                found,
                "Write for example dims: [4, 4, 8].",
            )
        if level.shape is not DomainShape.TORUS and level.dims:
            remedy = "Remove dims, or set type: torus."
            self.findings.add((*path, "dims"), f"none for type {level.shape}", "sides", remedy)

    def _gpus_per_host(
        self, choice: Choice, accelerator: Accelerator, levels: tuple[ScaleUpLevel, ...]
    ) -> int:
        """Accelerators per host; the part's usual number is cut down to what divides the domain."""
        domain = levels[-1].num_accelerators
        if choice.gpus_per_host is None:
            return math.gcd(accelerator.gpus_per_host, domain)
        if domain % choice.gpus_per_host:
            self.findings.add(
                choice.gpus_per_host_path,
                f"a divisor of the scale-up domain of {domain} accelerators",
                str(choice.gpus_per_host),
                "A domain is made of whole hosts; where several domains share a host, write it as"
                " the `outer` scale-up level.",
            )
        return choice.gpus_per_host


def part_size(part: str, hardware: Hardware) -> int | None:
    """Accelerators of a part no larger than a domain; None when it is none of these."""
    sizes = {GPU: 1, HOST: hardware.gpus_per_host, DOMAIN: hardware.domain_gpus}
    sizes |= {level.name: level.num_accelerators for level in hardware.scale_up}
    return sizes.get(part, sizes.get(part.removesuffix("s")))


def _first(stated: bool | None, usual: bool) -> bool:
    return usual if stated is None else stated
