"""The choices of every stage of one strategy, with what each costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from placer.search.instance import StageOptions
from placer.search.stage_room import least_units
from placer.search.unit_costs import in_flight, memory_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from placer.plan.strategy import IntArray, StrategyBatch
    from placer.search.unit_costs import UnitCosts

    FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationCosts:
    """One strategy on one generation: its costs under each traffic variant, and the memory."""

    variants: tuple[UnitCosts, ...]
    limit_bytes: float


def stage_options(
    batch: StrategyBatch,
    by_generation: Sequence[GenerationCosts],
    kinds: Sequence[Sequence[int]],
    num_body: int,
    beyond: FloatArray | float = 0.0,
) -> tuple[StageOptions, ...]:
    """Every split of the model's units that a stage can take part in, on every kind of stage.

    ``batch`` holds one strategy; a stage of a kind pays for the worst of its generations, indices
    into ``by_generation``. ``beyond`` (S,) are micro-batches each stage holds beyond its schedule's.
    """
    pp, vpp = int(batch.pp[0]), int(batch.vpp[0])
    lead = by_generation[0].variants[0].num_lead
    least = least_units(batch, pp)[0]
    num_units = num_body + lead
    held = in_flight(batch, pp) + beyond
    memory = [memory_columns(g.variants[0], held)[0] for g in by_generation]
    tables = []
    for stage in range(pp):
        most = num_units - int(least.sum() - least[stage])
        start, units = _starts_and_units(stage, pp, lead, int(least[stage]), most)
        first = np.minimum(lead - start, _first_chunk(units, vpp, stage, pp))
        shape = _Shape(units=units, lead=first, lead_start=start, stage=stage, pp=pp)
        figures = [
            shape.figures(costs, columns[stage])
            for costs, columns in zip(by_generation, memory, strict=True)
        ]
        worst = [
            {name: np.max([figures[g][name] for g in kind], axis=0) for name in figures[0]}
            for kind in kinds
        ]
        tables.append(
            StageOptions(
                units=np.tile(units, len(kinds)),
                lead=np.tile(first, len(kinds)),
                lead_start=np.tile(start, len(kinds)),
                kind=np.repeat(np.arange(len(kinds)), len(units)),
                limit_bytes=np.repeat(
                    [min(by_generation[g].limit_bytes for g in kind) for kind in kinds], len(units)
                ),
                **{name: np.concatenate([w[name] for w in worst]) for name in worst[0]},
            )
        )
    return tuple(tables)


class _Shape:
    """What the options of one stage hold; turns affine columns (D + 3,) into values (O,)."""

    def __init__(
        self, *, units: IntArray, lead: IntArray, lead_start: IntArray, stage: int, pp: int
    ) -> None:
        self._body = units - lead
        self._from = lead_start
        self._to = lead_start + lead
        self._ends = (stage == 0, stage == pp - 1)

    def figures(self, costs: GenerationCosts, memory: FloatArray) -> dict[str, FloatArray]:
        """What each option costs on one generation, by name of ``StageOptions``."""
        alike = costs.variants[0]
        traffic = [self.of(v.dp_s[0]) + v.dp_latency_s[0] for v in costs.variants]
        return {
            "time_s": self.of(alike.time_s[0]),
            "traffic_s": np.stack(traffic, axis=1),
            "optimizer_s": self.of(alike.optimizer_s[0]),
            "memory_bytes": self.of(memory) + alike.transient_bytes[0],
        }

    def of(self, columns: FloatArray) -> FloatArray:
        """Value of each option."""
        lead = len(columns) - 3
        reached = np.concatenate([[0.0], np.cumsum(columns[:lead])])
        value = reached[self._to] - reached[self._from] + self._body * columns[lead]
        for present, end in zip(self._ends, columns[lead + 1 :], strict=True):
            value = value + (end if present else 0.0)
        return np.asarray(value)


def _starts_and_units(
    stage: int, pp: int, num_lead: int, least: int, most: int
) -> tuple[IntArray, IntArray]:
    """Pairs of lead layers taken before the stage and units it may take.

    Every stage but the first takes at least one lead layer as long as there are any.
    """
    earliest = min(num_lead, max(0, stage - 1))
    starts = [0] if stage == 0 else range(earliest, num_lead + 1)
    grid = np.meshgrid(np.array(list(starts)), np.arange(least, most + 1), indexing="ij")
    return grid[0].ravel().astype(np.int64), grid[1].ravel().astype(np.int64)


def _first_chunk(units: IntArray, vpp: int, stage: int, pp: int) -> IntArray:
    """Units of the stage's first chunk, vectorised ``model_units.first_chunk_units``."""
    first = -(-units // vpp)
    if stage == 0 and pp > 1:
        first = np.where(units == vpp - 1, 0, first)
    return np.asarray(first, dtype=np.int64)
