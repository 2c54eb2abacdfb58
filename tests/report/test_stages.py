"""The stages of a pipeline side by side."""

from __future__ import annotations

import pytest
from plan_samples import LAB, plan_of

from placer.plan.strategy import Schedule, Strategy
from placer.report.stages import stage_layers, stages_table
from placer.spec.cluster import ClusterSpec

INTERLEAVED = Strategy(
    tp=4, pp=2, vpp=2, dp=8, num_microbatches=4, dp_shard=8, schedule=Schedule.INTERLEAVED
)
LEVELS = [
    {"name": "leaf", "size": "4 hosts", "latency": "5 us"},
    {"name": "core", "latency": "8 us"},
]
TWO_PARTS = ClusterSpec.model_validate(
    {
        "name": "two-parts",
        "accelerator": "h100_sxm",
        "scale_out": {"link": "infiniband", "nic": "400 Gbit/s", "levels": LEVELS},
        "pods": [{"name": "new"}, {"name": "old", "accelerator": "a100_80g_sxm"}],
    }
)
"""Four hosts of either part."""


def test_layers_are_told_in_ranges() -> None:
    """16 layers in four chunks of four: stage 0 has the first and the third."""
    layout = plan_of(INTERLEAVED).placement.pipeline_layout

    assert stage_layers(layout, 0) == "0-3, 8-11"
    assert stage_layers(layout, 1) == "4-7, 12-15"


def test_one_part_needs_no_column() -> None:
    table = stages_table(plan_of(INTERLEAVED, cluster=LAB))

    assert [c.header for c in table.columns][:3] == ["stage", "holds", "layers"]
    assert table.rows[0] == ("0", "8 + embedding", "0-3, 8-11", "500 ms", "25.1 GiB", "33.8 %")


def test_stages_of_several_parts_say_which() -> None:
    table = stages_table(plan_of(INTERLEAVED, cluster=TWO_PARTS))

    assert table.columns[1].header == "on"
    assert [row[1] for row in table.rows] == ["h100_sxm", "a100_80g_sxm"]


@pytest.mark.parametrize("pp", [1, 2, 4])
def test_every_layer_is_told_once(pp: int) -> None:
    plan = plan_of(Strategy(tp=4, pp=pp, dp=4, num_microbatches=4, dp_shard=4))
    layout = plan.placement.pipeline_layout
    told: list[int] = []
    for stage in range(pp):
        for part in stage_layers(layout, stage).split(", "):
            first, _, last = part.partition("-")
            told += range(int(first), int(last or first) + 1)

    assert sorted(told) == list(range(plan.model.num_layers))
