"""Which place does what: the data of the placement map."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
from plan_samples import DAMAGED_LAB, LAB, MOE_MODEL, plan_of

from placer.api.question import read_cluster
from placer.plan.plan import Plan
from placer.plan.strategy import Strategy
from placer.report.occupancy import Box, Tile, Use, occupancy
from placer.topology.build import build_topology

STRATEGY = Strategy(tp=4, pp=2, dp=8, num_microbatches=4, dp_shard=8)
WHOLE = plan_of(STRATEGY)
DAMAGED = plan_of(
    Strategy(tp=2, cp=2, ep=8, pp=4, dp=4, num_microbatches=8, dp_shard=4), MOE_MODEL, DAMAGED_LAB
)


def tiles(box: Box) -> Iterator[Tile]:
    yield from box.tiles
    for inner in box.boxes:
        yield from tiles(inner)


def counted(plan: Plan) -> Counter[int]:
    """Accelerators by stage or use."""
    totals: Counter[int] = Counter()
    for tile in tiles(occupancy(plan).root):
        for kind, count in tile.parts:
            totals[kind] += count
    return totals


def test_every_accelerator_is_told_once() -> None:
    assert counted(WHOLE) == {0: 32, 1: 32, Use.IDLE: 64}


def test_what_is_out_of_use_is_told() -> None:
    found = counted(DAMAGED)

    assert found[Use.GONE] == 9  # a host of eight, and one GPU
    assert sum(found.values()) == 128


def test_small_clusters_show_each_gpu_with_host_and_rank() -> None:
    found = occupancy(WHOLE)
    first = next(tiles(found.root))

    assert found.tile == "one GPU"
    assert first.tip == "leaf0-n0 GPU 0: stage 0, rank 0"
    assert [box.name for box in found.root.boxes] == ["leaf0", "leaf1", "leaf2", "leaf3"]


def test_one_pipeline_is_ringed() -> None:
    ringed = [tile for tile in tiles(occupancy(WHOLE).root) if tile.first_replica]

    assert len(ringed) == STRATEGY.tp * STRATEGY.pp


@pytest.mark.parametrize(
    ("cluster", "tile", "count"),
    [
        ("dgx-h100-superpod-16k", "one nvlink of 8 GPUs", 2048),
        ("multiplane-131k", "one leaf of 256 GPUs", 512),
        ("gb200-superpod-576", "one GPU", 576),
        ("cloudmatrix384-x16", "one host of 8 GPUs", 768),
    ],
)
def test_large_clusters_show_larger_tiles(cluster: str, tile: str, count: int) -> None:
    """A plan that uses a little of them; the rest is idle."""
    spec, _ = read_cluster(cluster)
    small = plan_of(STRATEGY)
    plan = replace(small, cluster=spec)
    found = occupancy(plan)

    assert found.tile == tile
    assert sum(1 for _ in tiles(found.root)) == count
    total = sum(n for t in tiles(found.root) for _, n in t.parts)
    assert total == build_topology(spec).num_accelerators


def test_levels_of_a_single_unit_are_not_framed() -> None:
    flat = LAB.model_copy(update={"name": "flat"})
    root = occupancy(replace(WHOLE, cluster=flat)).root

    assert root.name == ""
    assert all(box.boxes and not box.tiles for box in root.boxes)
