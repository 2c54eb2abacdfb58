"""Small scenes for the event engine: passes of round lengths, links that are given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from placer.cost.constants import load_constants
from placer.plan.strategy import Schedule, Strategy
from placer.simulate.collectives import Duration, Operation
from placer.simulate.flows import Loads
from placer.simulate.ops import Pass
from placer.simulate.passes import PassTime
from placer.simulate.program import Run, stage_programs
from placer.simulate.scene import Job, Part, Scene
from placer.simulate.sharing import SharedLinks

NUM_PRIVATE = 1000


def operation(links: dict[int, float], name: str = "x") -> Operation:
    """An operation that keeps each link busy for so many seconds per byte."""
    busy = np.array(list(links.values()))
    return Operation(
        name=name,
        loads=Loads(link=np.array(list(links)), busy_s_per_byte=busy, bytes_per_byte=busy),
        steps_s=(0.0, 0.0),
        leaves_domain=True,
        constants=load_constants().collectives,
    )


def pipeline(
    pp: int, num_microbatches: int, *, vpp: int = 1, schedule: Schedule | None = None
) -> Strategy:
    """A strategy that is all pipeline."""
    usual = Schedule.INTERLEAVED if vpp > 1 else Schedule.ONE_F_ONE_B
    return Strategy(pp=pp, vpp=vpp, num_microbatches=num_microbatches, schedule=schedule or usual)


def scene_of(
    strategy: Strategy,
    *,
    forward_s: float = 1.0,
    backward_s: float = 2.0,
    weight_s: float = 1.0,
    hop_s: float = 0.0,
    size: Callable[[int], float] = lambda _: 1.0,
) -> Scene:
    """Stages that take ``forward_s`` and ``backward_s`` on a micro-batch, ``size`` by virtual stage."""
    programs = stage_programs(strategy)
    parts: dict[tuple[int, int, int], tuple[Part, ...]] = {
        (0, stage, virtual): (_part(size(virtual) / strategy.vpp, forward_s, backward_s, weight_s),)
        for stage, program in enumerate(programs)
        for virtual in {i.op.virtual for i in program if isinstance(i, Run)}
    }
    stages = range(strategy.pp)
    ways = [(a, b) for a in stages for b in stages if a != b]
    hop = Duration(lead_s=0.0, transfer_s=hop_s)
    return Scene(
        programs=programs,
        num_lanes=1,
        parts=parts,
        hops={
            (0, a, b): Job(operation=number, duration=hop, payload_bytes=1.0)
            for number, (a, b) in enumerate(ways)
        },
        phases={(0, stage): () for stage in stages},
        shared=SharedLinks([operation({n: 1.0}) for n in range(len(ways))], NUM_PRIVATE),
        overlaps=True,
        beside=0.5,
        drag=0.0,
        hold=0.0,
        optimizer_s=0.0,
    )


def with_replicas(
    scene: Scene, *, gather_s: float, scatter_s: float, overlaps: bool = True, drag: float = 0.0
) -> Scene:
    """The scene with one gather and one scatter for each virtual stage, on links of their own."""
    gather, scatter = (
        (Job(operation=0, duration=Duration(lead_s=0.0, transfer_s=s), payload_bytes=1.0),)
        for s in (gather_s, scatter_s)
    )
    parts = {
        key: tuple(replace(part, gather=gather, scatter=scatter) for part in held)
        for key, held in scene.parts.items()
    }
    shared = SharedLinks([operation({0: 1.0})], NUM_PRIVATE)
    return replace(scene, parts=parts, shared=shared, overlaps=overlaps, drag=drag)


def _part(share: float, forward_s: float, backward_s: float, weight_s: float) -> Part:
    return Part(
        passes={
            Pass.FORWARD: PassTime(compute=share * forward_s),
            Pass.BACKWARD: PassTime(compute=share * backward_s),
            Pass.INPUT_GRADIENT: PassTime(compute=share * (backward_s - weight_s)),
            Pass.WEIGHT_GRADIENT: PassTime(compute=share * weight_s),
        },
        activation_bytes=share,
        gather=(),
        scatter=(),
    )
