"""The choice of layers and generations alone: places are pooled by generation.

What the pods of a generation hold together takes the place of the pods, so the solver decides in a
moment how many layers each stage takes on which generation. No placement is faster than its best.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from placer.search.instance import HopKind, Hops, TrafficVariant

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from placer.search.instance import Instance

    FloatArray = NDArray[np.float64]


def pooled(instance: Instance) -> Instance:
    """The instance with one pod per generation, or one for all where a pod has several.

    Stages spread at will inside a generation: hops there are near ones, traffic is the least of any
    spread, or of any over several pods for stages that two generations share.
    """
    generations = np.unique(instance.part_generation)
    cells = [int(instance.part_cells[instance.part_generation == g].sum()) for g in generations]
    pure = len(np.unique(instance.part_pod)) == instance.num_parts
    pods = np.arange(len(generations)) if pure else np.zeros(len(generations), dtype=np.int64)
    several = [j for j, variant in enumerate(instance.variants) if variant.pods > 1]
    spreads = [list(range(len(instance.variants))), *([several] if pure and several else [])]
    options = tuple(
        replace(table, traffic_s=np.stack([table.traffic_s[:, s].min(axis=1) for s in spreads], 1))
        for table in instance.options
    )
    return replace(
        instance,
        options=options,
        variants=tuple(
            TrafficVariant(widest=instance.cells_per_stage, pods=n + 1) for n in range(len(spreads))
        ),
        hops=Hops(steady_s=_near(instance.hops.steady_s), fill_s=_near(instance.hops.fill_s)),
        part_cells=np.array(cells, dtype=np.int64),
        part_pod=pods,
        part_generation=generations,
    )


def _near(by_kind: FloatArray) -> FloatArray:
    """Seconds (K, 3, S) with hops inside a pod as if both stages were spread alike."""
    near = by_kind.copy()
    near[:, HopKind.WHOLE] = by_kind[:, HopKind.NEAR]
    return near
