"""The decisions of the model, bundled by what they are about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from ortools.sat.python.cp_model import LinearExpr

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from ortools.sat.python.cp_model import CpModel, IntVar

    from placer.search.cpsat.scaling import TimeScale
    from placer.search.instance import Instance

    FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageVars:
    """One stage: ``options[o]`` is true for the one option it takes.

    ``hop_far`` is true when the hop behind it, to the next stage, leaves a pod, ``hop_whole`` when
    it does not and the stage is whole in its pod; ``slowest`` for the one stage that the critical
    time is taken from. ``hop_units`` and ``fill_units`` are what that hop takes where kinds of
    stages differ.
    """

    options: tuple[IntVar, ...]
    hop_units: IntVar
    fill_units: IntVar
    hop_far: IntVar
    hop_whole: IntVar
    slowest: IntVar


@dataclass(frozen=True, slots=True, kw_only=True)
class PodVars:
    """One pod: ``parts[r][s]`` cells that each part of it hosts of each stage.

    ``cells[s]`` is their sum; ``whole[s]`` is true when that is all of the stage, ``widest[s]`` for
    the one pod and stage whose cells count as the widest chunk.
    """

    parts: tuple[tuple[IntVar, ...], ...]
    cells: tuple[LinearExpr, ...]
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
    """All decisions. A cluster of one part has no pod variables: each cell's part is known."""

    stages: tuple[StageVars, ...]
    pods: tuple[PodVars, ...]
    step: StepVars

    @property
    def parts(self) -> tuple[tuple[IntVar, ...], ...]:
        """(R, S) cells of each part, pod after pod."""
        return tuple(part for pod in self.pods for part in pod.parts)


def new_variables(
    model: CpModel, instance: Instance, scale: TimeScale, lower_s: float, upper_s: float
) -> Variables:
    """Create the variables of an instance whose step time lies between two bounds."""
    stages = tuple(
        StageVars(
            options=tuple(model.new_bool_var(f"option_{s}_{o}") for o in range(len(table))),
            hop_units=model.new_int_var(
                0, _longest(scale, instance.hops.steady_s, 1.0), f"hop_{s}"
            ),
            fill_units=model.new_int_var(
                0, _longest(scale, instance.hops.fill_s, 1.0), f"fill_{s}"
            ),
            hop_far=model.new_bool_var(f"hop_far_{s}"),
            hop_whole=model.new_bool_var(f"hop_whole_{s}"),
            slowest=model.new_bool_var(f"slowest_{s}"),
        )
        for s, table in enumerate(instance.options)
    )
    pods: tuple[PodVars, ...] = ()
    if instance.num_parts > 1:
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


def _longest(scale: TimeScale, seconds: FloatArray, times: float) -> int:
    return scale.up(times * float(seconds.max()))


def _new_pod(model: CpModel, instance: Instance, pod: int) -> PodVars:
    stages = range(instance.pp)
    parts = tuple(
        tuple(
            model.new_int_var(
                0,
                min(instance.cells_per_stage, int(instance.part_cells[part])),
                f"cells_{part}_{s}",
            )
            for s in stages
        )
        for part in np.flatnonzero(instance.part_pod == pod).tolist()
    )
    return PodVars(
        parts=parts,
        cells=tuple(LinearExpr.sum([part[s] for part in parts]) for s in stages),
        whole=tuple(model.new_bool_var(f"whole_{pod}_{s}") for s in stages),
        widest=tuple(model.new_bool_var(f"widest_{pod}_{s}") for s in stages),
    )
