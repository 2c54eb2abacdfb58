from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from search_samples import dense_model, moe_model

from placer.cost.assembly import stage_counts
from placer.search.model_units import (
    chunk_units,
    first_chunk_units,
    least_units,
    pipeline_layout,
    units_of,
)
from placer.spec.model import ModelSpec


def test_dense_model_is_one_unit_per_layer() -> None:
    units = units_of(dense_model(8))
    assert (units.num_lead, units.num_body, units.period) == (0, 8, 1)
    assert units.item_names == ("dense", "mtp", "embedding", "loss")


def test_leading_dense_layers_are_units_of_their_own() -> None:
    units = units_of(moe_model(9, first_dense=2))
    assert (units.num_lead, units.num_body) == (2, 7)
    assert units.lead.tolist() == [[1, 0, 0, 0, 0]] * 2
    assert units.last.tolist() == [0, 0, 1, 0, 1]


def test_what_the_period_leaves_over_stays_with_the_loss() -> None:
    """Every third layer is MoE: of 8 layers two whole periods, then two dense layers."""
    moe = {"num_experts": 8, "top_k": 2, "ffn_hidden_size": 512, "layer_period": 3}
    units = units_of(moe_model(8, moe=moe, mtp_layers=0))
    assert (units.num_body, units.period, units.num_tail_layers) == (2, 3, 2)
    assert units.item_names[:2] == ("dense", "moe")
    assert units.body.tolist() == [2, 1, 0, 0, 0]
    assert units.last.tolist() == [2, 0, 0, 0, 1]


@pytest.mark.parametrize(
    ("units", "vpp", "stage", "sizes"),
    [
        (5, 2, 1, (3, 2)),
        (4, 2, 0, (2, 2)),
        (1, 2, 0, (0, 1)),  # the embedding's chunk needs no layer
        (1, 2, 3, (1, 0)),  # nor does the loss's
        (0, 1, 0, (0,)),
    ],
)
def test_chunks_of_a_stage(units: int, vpp: int, stage: int, sizes: tuple[int, ...]) -> None:
    assert chunk_units(units, vpp, stage) == sizes
    assert first_chunk_units(units, vpp, stage) == sizes[0]


def test_only_the_ends_may_have_an_empty_chunk() -> None:
    assert [least_units(s, 4, 3) for s in range(4)] == [2, 3, 3, 2]
    assert least_units(0, 1, 1) == 1


@st.composite
def _splits(draw: st.DrawFn) -> tuple[ModelSpec, list[int], int]:
    pp, vpp = draw(st.integers(2, 4)), draw(st.integers(1, 3))
    units = [draw(st.integers(least_units(s, pp, vpp), 4)) for s in range(pp)]
    units[1] = max(units[1], 1)
    lead = draw(st.integers(0, min(2, sum(units) - 1)))
    model = moe_model(sum(units), first_dense=lead) if lead else dense_model(sum(units))
    return model, units, vpp


@given(_splits())
def test_layout_holds_what_the_units_count(split: tuple[ModelSpec, list[int], int]) -> None:
    """The layout, read by the cost model, gives the counts the search costs stages with."""
    model, units, vpp = split
    cut = units_of(model)
    if not cut.lead_fits(units, vpp):
        return
    layout = pipeline_layout(model, units, vpp)
    found = stage_counts(layout, model, cut.item_names, len(units))
    np.testing.assert_array_equal(found, cut.stage_counts(units, vpp))
    assert sum(layout.layers_per_stage) == model.num_layers
    assert layout.chunks[0].first_layer == 0


def test_deepseek_like_split_is_laid_out_in_order() -> None:
    model = moe_model(9, first_dense=2)
    layout = pipeline_layout(model, (3, 3, 3), 1)
    assert [(c.first_layer, c.num_dense, c.num_moe) for c in layout.chunks] == [
        (0, 2, 1),
        (3, 0, 3),
        (6, 0, 3),
    ]
    assert [c.num_mtp for c in layout.chunks] == [0, 0, 1]
