"""NCCL's environment, where a plan counts on what NCCL does not do by default.

Meanings and defaults: NVIDIA Collective Communications Library documentation, "Environment
Variables". RCCL reads the same names. What NCCL does by itself where the hardware can (NVLink SHARP,
adaptive routing on InfiniBand) needs no variable, so none is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

import yaml
from pydantic import BaseModel, ConfigDict

from placer.emit.target import EnvironmentVariable
from placer.spec.accelerator import Architecture, FigureKind
from placer.spec.interconnect import Routing, ScaleOutLink
from placer.topology.build import build_topology
from placer.topology.level import Level, LevelKind

if TYPE_CHECKING:
    from placer.plan.plan import Plan
    from placer.plan.strategy import Strategy
    from placer.topology.tree import Topology

_NVIDIA: Final = (
    Architecture.AMPERE,
    Architecture.HOPPER,
    Architecture.BLACKWELL,
    Architecture.RUBIN,
)
_AMD: Final = (Architecture.CDNA2, Architecture.CDNA3, Architecture.CDNA4, Architecture.CDNA5)
_VERBS: Final = (ScaleOutLink.INFINIBAND, ScaleOutLink.ROCE)


class _Setting(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    value: int
    unit: str
    kind: FigureKind
    source: str


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    queue_pairs_per_connection: _Setting


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reach:
    """The scale-out levels some group runs over, and those some all-reduce does."""

    levels: tuple[Level, ...]
    reducing: tuple[Level, ...]


def network_variables(plan: Plan) -> tuple[EnvironmentVariable, ...]:
    """The variables a plan depends on, each with its reason."""
    topology = build_topology(plan.cluster)
    architectures = {accelerator.architecture for accelerator in topology.accelerators}
    if not architectures <= {*_NVIDIA, *_AMD}:
        return ()
    reach = _reach(plan, topology)
    found = [
        _several_hosts(plan, topology) if architectures <= {*_NVIDIA} else None,
        _rails(reach),
        _reduction(reach),
        _flows(reach),
        _adaptive(reach),
    ]
    return tuple(variable for variable in found if variable is not None)


def _reach(plan: Plan, topology: Topology) -> _Reach:
    """A group that leaves a unit of one level runs over the next."""
    placed = plan.placement.axis_levels
    reducing = _reducing_axes(plan.strategy)

    def reached(axes: frozenset[str]) -> tuple[Level, ...]:
        pairs = zip(topology.levels, topology.levels[1:], strict=False)
        return tuple(
            level
            for inner, level in pairs
            if level.kind is LevelKind.SCALE_OUT
            and any(a.groups_crossing[inner.name] for a in placed if a.axis in axes)
        )

    return _Reach(levels=reached(frozenset(a.axis for a in placed)), reducing=reached(reducing))


def _reducing_axes(strategy: Strategy) -> frozenset[str]:
    """Axes whose groups add up whole buffers instead of scattering and gathering them."""
    dense = {"tp"} if not strategy.sequence_parallel else set()
    replicated = strategy.zero_stage == 0 or strategy.dp_replicate > 1
    return frozenset(dense | ({"dp", "dp_cp", "edp"} if replicated else set()))


def _several_hosts(plan: Plan, topology: Topology) -> EnvironmentVariable | None:
    domain = topology.levels[topology.domain_level]
    hosts = domain.num_accelerators // topology.gpus_per_host
    if hosts < 2 or plan.strategy.num_gpus <= topology.gpus_per_host:
        return None
    return EnvironmentVariable(
        name="NCCL_MNNVL_ENABLE",
        value="1",
        reason=f"{domain.name} spans {hosts} hosts: with 1 a job stops where that fails to come up"
        " (IMEX), instead of running over the network at a fraction of the planned speed.",
    )


def _rails(reach: _Reach) -> EnvironmentVariable | None:
    if all(level.rails == 1 for level in reach.levels):
        return None
    rails = max(level.rails for level in reach.levels)
    return EnvironmentVariable(
        name="NCCL_CROSS_NIC",
        value="0",
        reason=f"{rails} rails: the plan keeps every ring on the leaf switches of one rail; by"
        " default NCCL may change rails, through the spine.",
    )


def _reduction(reach: _Reach) -> EnvironmentVariable | None:
    names = [level.name for level in reach.reducing if level.in_network_reduction]
    if not names:
        return None
    return EnvironmentVariable(
        name="NCCL_COLLNET_ENABLE",
        value="1",
        reason=f"The plan counts on switches that add up all-reduces (SHARP) at {', '.join(names)};"
        " NCCL leaves them alone by default, and needs its SHARP plugin.",
    )


def _flows(reach: _Reach) -> EnvironmentVariable | None:
    split = [level for level in reach.levels if level.routing is Routing.QP_SPLIT]
    if not any(level.link in _VERBS for level in split):
        return None
    return EnvironmentVariable(
        name="NCCL_IB_QPS_PER_CONNECTION",
        value=str(_settings().queue_pairs_per_connection.value),
        reason="The plan counts on flows split over several hashed ones; as one flow each, which is"
        " NCCL's default, they collide on links.",
    )


def _adaptive(reach: _Reach) -> EnvironmentVariable | None:
    adaptive = [level for level in reach.levels if level.routing is Routing.ADAPTIVE]
    if len(reach.levels) < 2 or not any(level.link == ScaleOutLink.ROCE for level in adaptive):
        return None
    return EnvironmentVariable(
        name="NCCL_IB_ADAPTIVE_ROUTING",
        value="1",
        reason="The plan counts on adaptive routing, which NCCL leaves off on RoCE by default.",
    )


@cache
def _settings() -> _Settings:
    text = files("placer.data").joinpath("nccl_settings.yaml").read_text(encoding="utf-8")
    return _Settings.model_validate(yaml.safe_load(text))
