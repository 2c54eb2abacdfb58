"""What a simulation starts from, and what it has seen when it ends."""

from __future__ import annotations

from dataclasses import dataclass, field

from placer.simulate.collectives import Duration
from placer.simulate.ops import Op, Pass
from placer.simulate.passes import PassTime
from placer.simulate.program import Program
from placer.simulate.sharing import SharedLinks
from placer.simulate.traffic import Passage


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One use of an operation: how long it takes alone, the bytes of a member."""

    operation: int
    duration: Duration
    payload_bytes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Consecutive items of a virtual stage whose weights arrive, and gradients leave, together."""

    passes: dict[Pass, PassTime]
    activation_bytes: float
    gather: tuple[Job, ...]
    scatter: tuple[Job, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """All a simulation needs: L lanes of S stages.

    ``programs[s]``; ``parts[lane, stage, virtual]`` in model order; ``hops[lane, from, to]``;
    ``phases[lane, stage]`` the axes whose exchanges meet other traffic, with their operations.
    ``overlaps`` says whether collectives between replicas run beside passes. ``beside`` is their
    speed while their stage computes, ``drag`` what computation loses per time of such a collective,
    ``hold`` the share of a prefetched transfer during which its receiver cannot compute.
    """

    programs: tuple[Program, ...]
    num_lanes: int
    parts: dict[tuple[int, int, int], tuple[Part, ...]]
    hops: dict[tuple[int, int, int], Job]
    phases: dict[tuple[int, int], tuple[tuple[str, int], ...]]
    shared: SharedLinks
    overlaps: bool
    beside: float
    drag: float
    hold: float
    optimizer_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A pass that ran: where, what, from when to when."""

    lane: int
    stage: int
    op: Op
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """A collective between replicas that ran: ``scatter`` of gradients, else a gather of weights."""

    stage: int
    scatter: bool
    start_s: float
    end_s: float


@dataclass(slots=True)
class Waiting:
    """Seconds a stage's stream lost, by reason: point-to-point transfers, nothing to do, replicas.

    ``held_s`` are transfers beside computation that take its place; ``stretched_s`` what exchanges
    of each axis lose to other traffic.
    """

    transfer_s: float = 0.0
    bubble_s: float = 0.0
    replicas_s: float = 0.0
    held_s: float = 0.0
    stretched_s: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What happened in one step; ``waiting[lane, stage]``."""

    spans: tuple[Span, ...]
    passages: tuple[Passage, ...]
    collected: tuple[Collected, ...]
    waiting: dict[tuple[int, int], Waiting]
    passes_end_s: float
    replicas_end_s: float
    step_time_s: float
