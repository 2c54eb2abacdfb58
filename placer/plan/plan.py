"""The plan: what was asked, what was chosen, what it costs, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from placer.plan.across import SiteOption
    from placer.plan.estimate import Breakdown, Estimate
    from placer.plan.placement import Placement
    from placer.plan.side_work import SideWork
    from placer.plan.strategy import Strategy
    from placer.spec.cluster import ClusterSpec
    from placer.spec.model import ModelSpec
    from placer.spec.run import RunSpec

PLAN_SCHEMA = "placer.plan/v1"


class PlanStatus(StrEnum):
    """How the plan came about.

    ``optimal``: proven within the gap; ``feasible``: the best found when a limit cut the search;
    ``estimated``: the user's own configuration, nothing was searched.
    """

    OPTIMAL = "optimal"
    FEASIBLE = "feasible"
    ESTIMATED = "estimated"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceInfo:
    """Where an input came from: its file name (or "options") and the SHA-256 of its bytes."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSources:
    """The sources of the three inputs."""

    model: SourceInfo
    cluster: SourceInfo
    run: SourceInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """What became of the strategies the search looked at.

    ``pruned`` counts them by the reason they were dropped for (the name of a legality rule, of a
    capacity or memory check, or of a bound); ``solved`` counts those a solver placed.
    """

    considered: int
    pruned: dict[str, int]
    solved: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """The proof: no plan of the model is faster than ``lower_bound_s``.

    ``gap`` is (step time - lower bound) / lower bound, the quantity ``--gap`` limits;
    ``deterministic_work`` is the solver's own machine-independent measure of effort.
    """

    lower_bound_s: float
    gap: float
    candidates: Candidates
    deterministic_work: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """A next best plan.

    ``loss`` is its breakdown minus the chosen plan's, component by component (positive: slower);
    ``chance_faster`` is how often it beats the chosen plan when the constants are drawn from what
    is known of them, ``distinguishable`` whether that is seldom.
    """

    strategy: Strategy
    step_time_s: float
    why_not: str
    distinguishable: bool
    chance_faster: float = 0.0
    loss: Breakdown


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedStep:
    """One of the best plans, played event by event: its step by the estimate and by simulation."""

    strategy: Strategy
    estimate_s: float
    simulated_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the search was allowed.

    ``time_limit_s`` None means no wall-clock limit. ``wall_clock_cut`` is True when that limit
    ended the search: only then may the same inputs give other bytes.
    """

    gap: float
    time_limit_s: float | None
    deterministic_limit: float
    workers: int
    top: int
    wall_clock_cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstantRecord:
    """One constant the cost model used, with its unit, kind and source.

    ``kind`` is "measured", "datasheet", "assumed" or "fitted".
    """

    name: str
    value: float
    unit: str
    kind: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Everything needed to produce the same bytes again.

    ``restrictions`` are the user's own, as typed: "fix tp=8", "forbid cp", "gpus 1024";
    ``assumptions`` are what the user left open and placer chose: "global batch size 2048".
    """

    placer_version: str
    solver: str
    solver_version: str
    seed: int
    limits: Limits
    restrictions: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()
    constants: tuple[ConstantRecord, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One answer, standing alone: who reads it needs no other file.

    ``bound`` is None and ``alternatives`` empty exactly when ``status`` is ``estimated``.
    ``launchable_by`` names the targets that can express the strategy. ``simulated`` are the best
    plans where the user had them played, fastest first: then the first is this plan.
    ``cross_site_options`` are the arrangements of a cluster of several sites that were looked at.
    ``side_work`` is what stands beside the step, None where no job listed any.
    """

    status: PlanStatus
    model: ModelSpec
    cluster: ClusterSpec
    run: RunSpec
    sources: InputSources
    strategy: Strategy
    launchable_by: tuple[str, ...]
    placement: Placement
    estimate: Estimate
    bound: Bound | None
    alternatives: tuple[Alternative, ...]
    provenance: Provenance
    simulated: tuple[SimulatedStep, ...] = ()
    cross_site_options: tuple[SiteOption, ...] = ()
    side_work: SideWork | None = None
