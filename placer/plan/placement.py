"""Where the work sits: which block of hardware holds which cell of which stage."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AxisLevels:
    """How the groups of one mesh axis spread over the levels of the cluster.

    ``levels`` maps a level name to the number of next-inner units (GPUs for the innermost level)
    that the widest group of the axis covers inside one unit of that level, inner to outer; their
    product is at least the degree. ``groups_crossing`` counts, per level, the groups that do not
    fit in one unit of that level.
    """

    axis: str
    levels: dict[str, int]
    groups: int
    groups_crossing: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class CellRun:
    """A run of consecutive cells of one stage on consecutive hardware.

    ``first_replica`` counts cells within the stage (rank order); cell ``first_replica + i``
    holds the stage-local ranks ``[(first_replica + i) * c, ... + c)`` with c = Strategy.cell_gpus.
    The run's GPUs are ``gpu_ids`` ranges in cluster order: ``(first, count)`` pairs of cluster-wide
    accelerator numbers, ``num_cells * c`` in total, taken in order.
    """

    stage: int
    first_replica: int
    num_cells: int
    site: str
    pod: str
    domain: str
    hosts: tuple[str, ...]
    gpu_ids: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkLayout:
    """What one model chunk of one stage holds; layers are [first_layer, first_layer + count)."""

    stage: int
    chunk: int
    first_layer: int
    num_layers: int
    num_dense: int
    num_moe: int
    num_mtp: int = 0
    embedding: bool = False
    loss: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineLayout:
    """All chunks, ordered along the model: chunk j is stage j % pp, chunk index j // pp."""

    chunks: tuple[ChunkLayout, ...]

    @property
    def layers_per_stage(self) -> tuple[int, ...]:
        """Decoder layers (MTP not counted) of each pipeline stage."""
        stages = 1 + max(c.stage for c in self.chunks)
        return tuple(sum(c.num_layers for c in self.chunks if c.stage == s) for s in range(stages))


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """The whole answer to "what sits where"."""

    axis_levels: tuple[AxisLevels, ...]
    cells: tuple[CellRun, ...]
    pipeline_layout: PipelineLayout
    gpus_used: int
    gpus_available: int
    gpus_unusable: int
    spares: int
