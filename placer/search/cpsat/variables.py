"""The decisions of the model, bundled by what they are about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ortools.sat.python.cp_model import CpModel, IntVar

    from placer.search.cpsat.scaling import TimeScale
    from placer.search.instance import Instance


@dataclass(frozen=True, slots=True, kw_only=True)
class StageVars:
    """One stage: ``options[o]`` is true for the one option it takes.

    ``hop_far`` is true when the hop behind it, to the next stage, leaves a pod, ``hop_whole`` when
    it does not and the stage is whole in its pod; ``slowest`` for the one stage that the critical
    time is taken from.
    """

    options: tuple[IntVar, ...]
    hop_far: IntVar
    hop_whole: IntVar
    slowest: IntVar


@dataclass(frozen=True, slots=True, kw_only=True)
class PodVars:
    """One pod: ``cells[s]`` it hosts of each stage; ``whole[s]`` is true when that is all of them.

    ``widest[s]`` is true for the one pod and stage whose cells count as the widest chunk.
    """

    cells: tuple[IntVar, ...]
    whole: tuple[IntVar, ...]
    widest: tuple[IntVar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepVars:
    """Times in units, the step in quanta.

    ``critical`` is the longest stage's time, ``traffic`` at least every stage's exposed replica
    traffic, ``optimizer`` every stage's optimizer time; ``variants[j]`` is true for the traffic
    variant that holds; ``chunk`` is the cells of the widest chunk.
    """

    critical: IntVar
    traffic: IntVar
    optimizer: IntVar
    step: IntVar
    chunk: IntVar
    variants: tuple[IntVar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variables:
    """All decisions. A cluster of one pod has no pod variables: each cell's pod is known."""

    stages: tuple[StageVars, ...]
    pods: tuple[PodVars, ...]
    step: StepVars


def new_variables(
    model: CpModel, instance: Instance, scale: TimeScale, lower_s: float, upper_s: float
) -> Variables:
    """Create the variables of an instance whose step time lies between two bounds."""
    stages = tuple(
        StageVars(
            options=tuple(model.new_bool_var(f"option_{s}_{o}") for o in range(len(table))),
            hop_far=model.new_bool_var(f"hop_far_{s}"),
            hop_whole=model.new_bool_var(f"hop_whole_{s}"),
            slowest=model.new_bool_var(f"slowest_{s}"),
        )
        for s, table in enumerate(instance.options)
    )
    pods: tuple[PodVars, ...] = ()
    if instance.num_pods > 1:
        pods = tuple(_new_pod(model, instance, p) for p in range(instance.num_pods))
    horizon = scale.up(upper_s)
    largest = scale.up(max(float(table.traffic_s.max()) for table in instance.options))
    return Variables(
        stages=stages,
        pods=pods,
        step=StepVars(
            critical=model.new_int_var(0, horizon // instance.num_microbatches + 1, "critical"),
            traffic=model.new_int_var(0, largest, "traffic"),
            optimizer=model.new_int_var(0, horizon, "optimizer"),
            step=model.new_int_var(scale.step_down(lower_s), scale.step_up(upper_s), "step"),
            chunk=model.new_int_var(1, int(instance.cells_per_stage), "chunk"),
            variants=tuple(
                model.new_bool_var(f"variant_{j}") for j in range(len(instance.variants))
            ),
        ),
    )


def _new_pod(model: CpModel, instance: Instance, pod: int) -> PodVars:
    most = int(np.minimum(instance.cells_per_stage, instance.pod_cells[pod]))
    stages = range(instance.pp)
    return PodVars(
        cells=tuple(model.new_int_var(0, most, f"cells_{pod}_{s}") for s in stages),
        whole=tuple(model.new_bool_var(f"whole_{pod}_{s}") for s in stages),
        widest=tuple(model.new_bool_var(f"widest_{pod}_{s}") for s in stages),
    )
