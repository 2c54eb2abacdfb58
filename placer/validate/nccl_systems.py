"""The machines on which collectives were measured, as levels of a cluster."""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from importlib import resources

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict

from placer.plan.strategy import IntArray
from placer.topology.level import DomainShape, Level, LevelKind
from placer.units import Bandwidth, Duration


class Algorithm(StrEnum):
    """Which all-reduce a row ran: the library's choice, or one it was forced to."""

    FASTEST = "fastest"
    RING = "ring"
    TREE = "tree"


class _Form(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DomainForm(_Form):
    """Scale-up domain of a measured machine."""

    gpus: int
    rate: Bandwidth
    latency: Duration
    link: str
    shape: DomainShape = DomainShape.SWITCHED
    reduction: bool = False

    def level(self) -> Level:
        """The domain as a level."""
        return Level(
            name="domain",
            kind=LevelKind.SCALE_UP,
            num_accelerators=self.gpus,
            bandwidth_bytes_per_s=self.rate,
            latency_s=self.latency,
            link=self.link,
            shape=self.shape,
            in_network_reduction=self.reduction,
        )


class NetworkForm(_Form):
    """Network between the domains of a measured machine, per accelerator."""

    rate: Bandwidth
    latency: Duration
    link: str
    reduction: bool = False

    def level(self, num_accelerators: int) -> Level:
        """The network as a level."""
        return Level(
            name="network",
            kind=LevelKind.SCALE_OUT,
            num_accelerators=num_accelerators,
            bandwidth_bytes_per_s=self.rate,
            latency_s=self.latency,
            link=self.link,
            in_network_reduction=self.reduction,
        )


class MeasuredSystem(_Form):
    """One machine: the csv labels it goes by, its domain and its network.

    ``ranks`` stands in where the csv does not count them; ``ranks_per_domain`` says how many of a
    domain's accelerators took part (0: as many as there are).
    """

    systems: tuple[str, ...]
    note: str = ""
    algorithm: Algorithm = Algorithm.FASTEST
    ranks: int = 0
    ranks_per_domain: int = 0
    domain: DomainForm
    network: NetworkForm | None = None

    def describes(self, system: str, note: str) -> bool:
        """Whether a row with this label and note ran here."""
        return system in self.systems and self.note in note

    def levels(self) -> tuple[Level, ...]:
        """The machine's levels, inner to outer."""
        if self.network is None:
            return (self.domain.level(),)
        return (self.domain.level(), self.network.level(self.domain.gpus * 4096))

    def spans(self, ranks: int) -> IntArray:
        """Spans (1, L) of one group of ``ranks``."""
        inside = min(ranks, self.ranks_per_domain or self.domain.gpus)
        if self.network is None:
            return np.array([[inside]], dtype=np.int64)
        return np.array([[inside, -(-ranks // inside)]], dtype=np.int64)


class Exclusion(_Form):
    """Rows that are not compared, and why."""

    systems: tuple[str, ...] = ()
    collectives: tuple[str, ...] = ()
    note: str = ""
    bytes: int | None = None
    reason: str

    def applies(self, system: str, collective: str, note: str, size: str) -> bool:
        """Whether a row is excluded: it meets every condition that is stated."""
        return (
            (not self.systems or system in self.systems)
            and (not self.collectives or collective in self.collectives)
            and self.note in note
            and (self.bytes is None or size == str(self.bytes))
        )


class MeasuredSystems(_Form):
    """Every measured machine, what is left out, and which ``misses`` are understood.

    ``domains`` and ``networks`` are building blocks.
    """

    domains: dict[str, DomainForm]
    networks: dict[str, NetworkForm]
    systems: tuple[MeasuredSystem, ...]
    excluded: tuple[Exclusion, ...]
    misses: dict[str, str]


@lru_cache(maxsize=1)
def measured_systems() -> MeasuredSystems:
    """The machines that travel with placer."""
    source = resources.files("placer.data").joinpath("nccl_systems.yaml")
    return MeasuredSystems.model_validate(yaml.safe_load(source.read_text(encoding="utf-8")))
