"""One level of the cluster: how two accelerators talk whose innermost common unit is of this level."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from placer.spec.interconnect import DomainShape, Routing

__all__ = ["DomainShape", "Level", "LevelKind", "Routing"]


class LevelKind(StrEnum):
    """The three reaches of a cluster."""

    SCALE_UP = "scale_up"
    SCALE_OUT = "scale_out"
    SCALE_ACROSS = "scale_across"


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A level of the hierarchy, inner levels first.

    ``num_accelerators`` is the nominal count in one unit. ``bandwidth_bytes_per_s`` is per
    accelerator and direction between two accelerators whose innermost common unit is of this
    level: the link rate inside a scale-up domain; outside, the NIC rate divided by the
    oversubscription met on the way and less what other tenants use. Link efficiency is not in it.
    ``latency_s`` is one way, for a small message. ``link`` is a key of the cost constants
    (``nvlink4``, ``infiniband``, ...). ``dims`` are the sides of a torus, empty for other shapes.
    """

    name: str
    kind: LevelKind
    num_accelerators: int
    bandwidth_bytes_per_s: float
    latency_s: float
    link: str
    shape: DomainShape = DomainShape.SWITCHED
    in_network_reduction: bool = False
    routing: Routing = Routing.ADAPTIVE
    rails: int = 1
    planes: int = 1
    dims: tuple[int, ...] = ()
