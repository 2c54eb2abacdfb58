"""From what happened in a step to its components, the use of links, and memory in flight."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from placer.plan.estimate import Breakdown
from placer.simulate.collectives import Operation
from placer.simulate.link_table import FloatArray
from placer.simulate.ops import Pass
from placer.simulate.passes import PassTime
from placer.simulate.result import LinkUse, StageUse, Timeline
from placer.simulate.scene import Outcome, Scene, Span
from placer.simulate.staging import Staging

RELEASING = (Pass.BACKWARD, Pass.WEIGHT_GRADIENT)
"""Passes after which a micro-batch's activations of a virtual stage are gone."""


def stage_passes(scene: Scene, outcome: Outcome) -> dict[tuple[int, int], PassTime]:
    """Everything each stage of each lane ran in the step, added up."""
    counts: dict[tuple[int, int, int, Pass], int] = {}
    for span in outcome.spans:
        key = (span.lane, span.stage, span.op.virtual, span.op.kind)
        counts[key] = counts.get(key, 0) + 1
    totals: dict[tuple[int, int], PassTime] = {}
    for (lane, stage, virtual, kind), count in sorted(counts.items()):
        for part in scene.parts[lane, stage, virtual]:
            done = part.passes[kind] * float(count)
            totals[lane, stage] = totals.get((lane, stage), PassTime()) + done
    return totals


def breakdown_of(
    scene: Scene, outcome: Outcome, passes: dict[tuple[int, int], PassTime]
) -> tuple[Breakdown, int]:
    """The step as the stage that computes longest spends it, and which stage that is.

    ``pp`` is waiting for transfers under way, ``dp`` waiting for replicas and computing slower
    beside them, ``bubble`` what is left: waiting for other stages.
    """
    critical = max(sorted(passes), key=lambda key: passes[key].total_s)
    spent, waits = passes[critical], outcome.waiting[critical]
    stretched = waits.stretched_s
    known = {
        "compute": spent.compute,
        "tp": spent.tp + stretched.get("tp", 0.0),
        "cp": spent.cp + stretched.get("cp", 0.0),
        "ep": spent.ep + stretched.get("ep", 0.0),
        "pp": waits.transfer_s + waits.held_s,
        "dp": spent.dp + waits.replicas_s + outcome.replicas_end_s - outcome.passes_end_s,
        "recompute": spent.recompute,
        "optimizer": scene.optimizer_s,
    }
    bubble = max(outcome.step_time_s - sum(known.values()), 0.0)
    return Breakdown(bubble=bubble, **known), critical[1]


def link_uses(
    staging: Staging, scene: Scene, outcome: Outcome, passes: dict[tuple[int, int], PassTime]
) -> tuple[LinkUse, ...]:
    """Bytes over every link of the step, by kind of link."""
    table = staging.table
    carried = np.zeros(len(table.capacity_bytes_per_s))
    for operation, payload_bytes in _payloads(staging, scene, outcome, passes):
        carried[operation.loads.link] += operation.loads.bytes_per_byte * payload_bytes
    kinds: dict[str, list[FloatArray]] = {}
    for block in table.blocks:
        size = len(block.capacity_bytes_per_s)
        part = carried[block.first : block.first + size]
        used = part > 0.0
        share = part[used] / block.capacity_bytes_per_s[used] / outcome.step_time_s
        kinds.setdefault(block.name, []).append(np.stack([part[used], share]))
    return tuple(_link_use(kind, np.concatenate(parts, axis=1)) for kind, parts in kinds.items())


def _link_use(kind: str, columns: FloatArray) -> LinkUse:
    carried, share = columns
    return LinkUse(
        kind=kind,
        links=len(carried),
        carried_bytes=float(carried.sum()),
        mean_utilisation=float(share.mean()) if len(share) else 0.0,
        peak_utilisation=float(share.max(initial=0.0)),
    )


def _payloads(
    staging: Staging, scene: Scene, outcome: Outcome, passes: dict[tuple[int, int], PassTime]
) -> Iterator[tuple[Operation, float]]:
    """Every operation with the payload it moved: seen on the way, then inside domains."""
    totals: dict[int, float] = {}
    for passage in outcome.passages:
        before = totals.get(passage.operation, 0.0)
        totals[passage.operation] = before + passage.payload_bytes
    for number, payload_bytes in sorted(totals.items()):
        yield staging.operations[number], payload_bytes
    for (lane, stage), spent in sorted(passes.items()):
        exchanges = staging.exchanges(lane, stage)
        seen = {axis for axis, _ in scene.phases[lane, stage]}
        inside = {
            "tp": (exchanges.tp, spent.tp_bytes),
            "cp": (exchanges.cp, spent.cp_bytes),
            "etp": (exchanges.etp, spent.etp_bytes),
            "ep": (exchanges.ep, spent.ep_bytes),
        }
        yield from (moved for axis, moved in inside.items() if axis not in seen)


def activation_timelines(scene: Scene, outcome: Outcome) -> tuple[Timeline, ...]:
    """Bytes of activations in flight on one accelerator of each stage of the first lane.

    Those of a micro-batch in a virtual stage live from its forward pass to its last.
    """
    spans: dict[int, list[Span]] = {stage: [] for stage in range(len(scene.programs))}
    for span in outcome.spans:
        if span.lane == 0:
            spans[span.stage].append(span)
    return tuple(_timeline(scene, stage, own) for stage, own in spans.items())


def _timeline(scene: Scene, stage: int, spans: list[Span]) -> Timeline:
    last = {(s.op.microbatch, s.op.virtual): s.end_s for s in spans if s.op.kind in RELEASING}
    changes = [(s.start_s, 1, s.op.virtual) for s in spans if s.op.kind is Pass.FORWARD]
    changes += [(end_s, -1, virtual) for (_, virtual), end_s in last.items()]
    held = 0.0
    points = []
    for time_s, sign, virtual in sorted(changes):
        held += sign * _kept_bytes(scene, stage, virtual)
        points.append((time_s, max(held, 0.0)))
    return tuple(points)


def stage_uses(
    scene: Scene,
    outcome: Outcome,
    passes: dict[tuple[int, int], PassTime],
    activations: tuple[Timeline, ...],
) -> tuple[StageUse, ...]:
    """Every stage of the first lane: how busy it is, and its activations at their peak."""
    uses = []
    for stage, timeline in enumerate(activations):
        whole = sum(
            _kept_bytes(scene, stage, virtual)
            for lane, own, virtual in scene.parts
            if (lane, own) == (0, stage)
        )
        peak_s, peak_bytes = max(timeline, key=lambda point: (point[1], -point[0]))
        uses.append(
            StageUse(
                busy_share=passes[0, stage].total_s / outcome.step_time_s,
                peak_activation_bytes=peak_bytes,
                peak_microbatches=peak_bytes / whole if whole else 0.0,
                peak_time_s=peak_s,
            )
        )
    return tuple(uses)


def _kept_bytes(scene: Scene, stage: int, virtual: int) -> float:
    return sum(part.activation_bytes for part in scene.parts[0, stage, virtual])
