"""A step as a Chrome trace, which Perfetto (https://ui.perfetto.dev) and chrome://tracing open.

One process per lane with one thread per stage, one for collectives between replicas by stage, one
for all that moves over links. Passes and transfers are complete events ("X"), activations in flight
are counters ("C"); in microseconds, in order of time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from placer.simulate.ops import Op, Pass
from placer.simulate.result import Simulation

_COLOURS: Final = {
    Pass.FORWARD: "thread_state_running",
    Pass.BACKWARD: "thread_state_iowait",
    Pass.INPUT_GRADIENT: "thread_state_iowait",
    Pass.WEIGHT_GRADIENT: "thread_state_runnable",
}
_REPLICAS: Final = "between replicas"
_LINKS: Final = "links"

Event = dict[str, Any]


def chrome_trace(simulation: Simulation) -> str:
    """The trace as one JSON document; equal simulations give equal bytes."""
    events = sorted(_events(simulation), key=lambda e: (e["ts"], e["pid"], e["tid"], e["name"]))
    document = {
        "displayTimeUnit": "ms",
        "otherData": {"step_time_s": simulation.step_time_s},
        "traceEvents": [*_names(simulation), *events],
    }
    return json.dumps(document, separators=(",", ":"), allow_nan=False) + "\n"


def _events(simulation: Simulation) -> Iterator[Event]:
    outcome, lanes = simulation.outcome, simulation.num_lanes
    for span in outcome.spans:
        event = _event(_title(span.op), span.lane, span.stage, span.start_s, span.end_s)
        arguments = {"microbatch": span.op.microbatch, "virtual stage": span.op.virtual}
        yield event | {"cname": _COLOURS[span.op.kind], "args": arguments}
    for job in outcome.collected:
        name = "scatter gradients" if job.scatter else "gather weights"
        yield _event(name, lanes, job.stage, job.start_s, job.end_s)
    for passage in outcome.passages:
        name = simulation.operation_names[passage.operation]
        event = _event(name, lanes + 1, passage.operation, passage.start_s, passage.end_s)
        yield event | {"args": {"bytes per member": passage.payload_bytes}}
    for stage, timeline in enumerate(simulation.activations):
        for time_s, held in timeline:
            yield _counter(f"activations of stage {stage}", time_s, held)
    optimizer_s = simulation.breakdown.optimizer
    end_s = simulation.step_time_s
    for stage in range(len(simulation.stages)):
        for lane in range(lanes):
            yield _event("optimizer", lane, stage, end_s - optimizer_s, end_s)


def _title(op: Op) -> str:
    return f"{op.kind.value}{op.microbatch}"


def _event(name: str, process: int, thread: int, start_s: float, end_s: float) -> Event:
    return {
        "name": name,
        "ph": "X",
        "pid": process,
        "tid": thread,
        "ts": round(start_s * 1e6, 3),
        "dur": round((end_s - start_s) * 1e6, 3),
    }


def _counter(name: str, time_s: float, held_bytes: float) -> Event:
    return {
        "name": name,
        "ph": "C",
        "pid": 0,
        "tid": 0,
        "ts": round(time_s * 1e6, 3),
        "args": {"bytes": round(held_bytes)},
    }


def _names(simulation: Simulation) -> Iterator[Event]:
    """What processes and threads are called."""
    lanes, stages = simulation.num_lanes, range(len(simulation.stages))
    for lane in range(lanes):
        yield _label("process_name", lane, 0, f"lane {lane}")
        for stage in stages:
            yield _label("thread_name", lane, stage, f"stage {stage}")
    yield _label("process_name", lanes, 0, _REPLICAS)
    for stage in stages:
        yield _label("thread_name", lanes, stage, f"stage {stage}")
    yield _label("process_name", lanes + 1, 0, _LINKS)
    used = sorted({passage.operation for passage in simulation.outcome.passages})
    for operation in used:
        yield _label("thread_name", lanes + 1, operation, simulation.operation_names[operation])


def _label(kind: str, process: int, thread: int, name: str) -> Event:
    return {"name": kind, "ph": "M", "pid": process, "tid": thread, "args": {"name": name}}
