"""The model as the pipeline sees it: a row of units, each one period of the layer pattern.

Leading dense layers of a MoE model are units of their own, one layer each; what the period leaves
over at the end (the tail) stays with the loss. A stage of k units and v chunks gives chunk c
``k // v + (1 if c < k % v)`` of them; the first stage of v - 1 units leaves its first chunk, which
holds the embedding, without layers, and the last stage of v - 1 units leaves its last, which holds
the loss.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from placer.plan.placement import ChunkLayout, PipelineLayout
from placer.spec.model import MlpKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from placer.spec.model import LayerClass, ModelSpec

FloatArray = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelUnits:
    """Vectors over the items of ``StageCosts`` (layer classes, then mtp, embedding, loss).

    ``lead`` (D, I) one row per leading dense layer; ``body`` (I,) one period; ``first`` (I,) what
    the first stage holds beside units: the embedding; ``last`` (I,) what the last one does: tail,
    MTP layers, loss. ``period`` and ``num_tail_layers`` count layers.
    """

    item_names: tuple[str, ...]
    lead: NDArray[np.float64]
    body: NDArray[np.float64]
    first: NDArray[np.float64]
    last: NDArray[np.float64]
    num_body: int
    period: int
    num_tail_layers: int

    @property
    def num_lead(self) -> int:
        """Leading dense layers."""
        return len(self.lead)

    @property
    def num_units(self) -> int:
        """Units to distribute over stages."""
        return self.num_lead + self.num_body

    def counts(
        self, *, stage: int, pp: int, num_units: int, lead_start: int, num_lead: int
    ) -> NDArray[np.float64]:
        """Items (I,) of one stage: its units, of which ``num_lead`` lead ones, and its ends."""
        items = self.lead[lead_start : lead_start + num_lead].sum(axis=0)
        items = items + (num_units - num_lead) * self.body
        if stage == 0:
            items = items + self.first
        if stage == pp - 1:
            items = items + self.last
        return np.asarray(items, dtype=np.float64)

    def stage_counts(self, units: Sequence[int], vpp: int) -> NDArray[np.float64]:
        """Items (pp, I) of all stages for a split of the units that respects ``lead_fits``."""
        rows, start = [], 0
        for stage, num_units in enumerate(units):
            taken = min(self.num_lead - start, first_chunk_units(num_units, vpp, stage))
            rows.append(
                self.counts(
                    stage=stage,
                    pp=len(units),
                    num_units=num_units,
                    lead_start=start,
                    num_lead=taken,
                )
            )
            start += taken
        return np.array(rows)

    def lead_fits(self, units: Sequence[int], vpp: int) -> bool:
        """Whether the first chunks of the stages hold all leading dense layers."""
        room = sum(first_chunk_units(k, vpp, stage) for stage, k in enumerate(units))
        return room >= self.num_lead


def units_of(model: ModelSpec) -> ModelUnits:
    """Cut a model into units."""
    classes = model.layer_classes
    num_lead, period = model.first_dense_layers, model.layer_period
    behind = model.layers[num_lead:]
    num_body, num_tail = divmod(len(behind), period)
    names = (*(c.name for c in classes), "mtp", "embedding", "loss")
    index = {name: i for i, name in enumerate(names)}

    def vector(layers: Sequence[LayerClass]) -> NDArray[np.float64]:
        items = np.zeros(len(names))
        for layer in layers:
            items[index[layer.name]] += 1.0
        return items

    first, last = np.zeros(len(names)), vector(behind[num_body * period :])
    first[index["embedding"]] = 1.0
    last[index["mtp"]] = model.mtp_layers
    last[index["loss"]] = 1.0
    lead = [vector((layer,)) for layer in model.layers[:num_lead]]
    return ModelUnits(
        item_names=names,
        lead=np.array(lead).reshape(num_lead, len(names)),
        body=vector(behind[:period]),
        first=first,
        last=last,
        num_body=num_body,
        period=period,
        num_tail_layers=num_tail,
    )


def chunk_units(num_units: int, vpp: int, stage: int) -> tuple[int, ...]:
    """Units of each chunk of a stage."""
    base, extra = divmod(num_units, vpp)
    sizes = [base + (1 if chunk < extra else 0) for chunk in range(vpp)]
    if stage == 0 and num_units == vpp - 1:
        sizes.reverse()
    return tuple(sizes)


def first_chunk_units(num_units: int, vpp: int, stage: int) -> int:
    """Units of a stage's first chunk, the only one that may hold leading dense layers."""
    return chunk_units(num_units, vpp, stage)[0]


def least_units(stage: int, pp: int, vpp: int) -> int:
    """Fewest units of a stage: one per chunk, where the embedding's and the loss's need none."""
    if pp == 1:
        return vpp
    return vpp - (1 if stage in (0, pp - 1) else 0)


def pipeline_layout(model: ModelSpec, units: Sequence[int], vpp: int) -> PipelineLayout:
    """Lay the model's layers out along the virtual stages, in order."""
    cut = units_of(model)
    pp = len(units)
    sizes = [chunk_units(k, vpp, stage) for stage, k in enumerate(units)]
    chunks: list[ChunkLayout] = []
    layer, unit = 0, 0
    for virtual in range(pp * vpp):
        stage, chunk = virtual % pp, virtual // pp
        taken = sizes[stage][chunk]
        num_layers = _layers_of(cut, unit, taken)
        is_last = virtual == pp * vpp - 1
        if is_last:
            num_layers += cut.num_tail_layers
        held = model.layers[layer : layer + num_layers]
        num_moe = sum(1 for c in held if c.mlp is MlpKind.MOE)
        chunks.append(
            ChunkLayout(
                stage=stage,
                chunk=chunk,
                first_layer=layer,
                num_layers=num_layers,
                num_dense=num_layers - num_moe,
                num_moe=num_moe,
                num_mtp=model.mtp_layers if is_last else 0,
                embedding=virtual == 0,
                loss=is_last,
            )
        )
        layer += num_layers
        unit += taken
    return PipelineLayout(chunks=tuple(chunks))


def _layers_of(cut: ModelUnits, first_unit: int, num_units: int) -> int:
    """Layers in units [first_unit, first_unit + num_units)."""
    lead = max(0, min(cut.num_lead, first_unit + num_units) - first_unit)
    return lead + (num_units - lead) * cut.period
