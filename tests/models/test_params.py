"""Parameter counts against hand-computed numbers, and what must hold of any model."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placer.spec.model import LayerClass, MlpKind, ModelSpec
from placer.workload.params import (
    active_matmul_params,
    count_params,
    layer_params,
    mtp_module_params,
    norm_params,
)

DENSE = LayerClass(mlp=MlpKind.DENSE)
MOE = LayerClass(mlp=MlpKind.MOE)
BASE: dict[str, Any] = {
    "name": "tiny",
    "num_layers": 4,
    "hidden_size": 10,
    "vocab_size": 100,
    "max_seq_len": 7,
    "attention": {"num_heads": 4, "num_kv_heads": 2, "head_dim": 3},
    "mlp": {"ffn_hidden_size": 20},
}
EXPERTS = {"num_experts": 8, "top_k": 2, "ffn_hidden_size": 5}
LATENT = {
    "kind": "mla",
    "num_heads": 4,
    "q_lora_rank": 6,
    "kv_lora_rank": 5,
    "qk_nope_head_dim": 3,
    "qk_rope_head_dim": 2,
    "v_head_dim": 4,
}


def build(**changes: Any) -> ModelSpec:
    return ModelSpec.model_validate(BASE | changes)


def test_grouped_query_attention() -> None:
    """Q 10 x 12, K and V 10 x 6 each, out 12 x 10; SwiGLU 3 x 10 x 20; two norms of 10."""
    params = layer_params(build(), DENSE)
    assert params.attention == 120 + 60 + 60 + 120
    assert params.mlp == 600
    assert params.norms == 20
    assert params.total == params.active == 980


def test_biases_and_norm_kinds() -> None:
    """Q, K, V biases 12 + 6 + 6; out 10; plain MLP 2 x 10 x 20 + 20 + 10; LayerNorm has two."""
    model = build(
        norms="layernorm",
        attention=BASE["attention"] | {"qkv_bias": True, "out_bias": True, "qk_norm": True},
        mlp={"ffn_hidden_size": 20, "gated": False, "bias": True},
    )
    params = layer_params(model, DENSE)
    assert params.attention == 360 + 24
    assert params.mlp == 400 + 20
    assert params.norms == 2 * 20 + 10 + 10 + 2 * 3
    assert norm_params(model) == 20


def test_latent_attention() -> None:
    """Down: 10 x (6 + 5 + 2) and norms 6 + 5. Up: 6 x 20 and 5 x 4 x 7. Out: 16 x 10."""
    params = layer_params(build(attention=LATENT), DENSE)
    assert params.latent == 130 + 11
    assert params.attention == 120 + 140 + 160


def test_latent_attention_without_query_latent() -> None:
    attention = {key: value for key, value in LATENT.items() if key != "q_lora_rank"}
    params = layer_params(build(attention=attention), DENSE)
    assert params.latent == 10 * (5 + 2) + 5
    assert params.attention == 10 * 20 + 140 + 160


def test_latent_attention_biases_sit_on_the_down_projections() -> None:
    plain = layer_params(build(attention=LATENT), DENSE)
    biased = layer_params(build(attention=LATENT | {"qkv_bias": True}), DENSE)
    assert biased.latent - plain.latent == 6 + 5 + 2


def test_mixture_of_experts() -> None:
    """Router 10 x 8; experts 8 of 3 x 10 x 5, two of them active; shared 3 x 10 x 15."""
    model = build(moe=EXPERTS | {"shared_ffn_hidden_size": 15})
    params = layer_params(model, MOE)
    assert params.router == 80
    assert (params.experts, params.active_experts) == (8 * 150, 2 * 150)
    assert params.mlp == 450
    assert params.dense == 360 + 450 + 80 + 20
    assert params.total - params.active == 6 * 150


def test_a_shared_expert_gate_is_one_more_row_of_the_router() -> None:
    gated = build(moe=EXPERTS | {"shared_ffn_hidden_size": 15, "shared_expert_gate": True})
    assert layer_params(gated, MOE).router == 90


def test_biased_experts() -> None:
    """Each expert 150 + 2 x 5 + 10, as in gpt-oss."""
    model = build(mlp={"ffn_hidden_size": 0, "bias": True}, moe=EXPERTS)
    assert layer_params(model, MOE).experts == 8 * 170


def test_the_whole_model() -> None:
    params = count_params(build())
    assert (params.embedding, params.head, params.final_norm, params.positions) == (
        1000,
        1000,
        10,
        0,
    )
    assert params.total == 1000 + 4 * 980 + 10 + 1000


def test_a_tied_head_costs_no_parameters() -> None:
    assert count_params(build(tied_embeddings=True)).head == 0


def test_learned_positions_are_a_table() -> None:
    assert count_params(build(learned_positions=True)).positions == 70


def test_an_mtp_module_is_a_layer_a_projection_and_three_norms() -> None:
    model = build(mtp_layers=2)
    assert mtp_module_params(model).total == 980 + 2 * 100 + 3 * 10
    assert count_params(model).mtp == 2 * 1210


def test_an_mtp_module_is_like_the_last_layer() -> None:
    model = build(moe=EXPERTS | {"first_dense_layers": 3}, mtp_layers=1)
    assert mtp_module_params(model).experts == 8 * 150


def test_active_parameters_leave_out_idle_experts() -> None:
    model = build(moe=EXPERTS | {"first_dense_layers": 1})
    params = count_params(model)
    assert params.total - params.active == 3 * 6 * 150
    assert params.active - params.active_without_embedding == params.embedding


def test_matrices_of_a_token_leave_out_look_ups_and_vectors() -> None:
    """Per layer 960; the head 1000, also when it is the embedding table."""
    assert active_matmul_params(build()) == 4 * 960 + 1000
    assert active_matmul_params(build(tied_embeddings=True)) == 4 * 960 + 1000


def test_an_mtp_module_multiplies_its_layer_its_projection_and_the_head() -> None:
    assert active_matmul_params(build(mtp_layers=1)) == 4 * 960 + 1000 + 960 + 200 + 1000


widths = st.integers(1, 4096)


@given(
    hidden=widths,
    ffn=widths,
    heads=st.integers(1, 64),
    head_dim=st.integers(1, 256),
    gated=st.booleans(),
    bias=st.booleans(),
    tied=st.booleans(),
    mtp=st.integers(0, 3),
)
def test_parts_add_up(
    *,
    hidden: int,
    ffn: int,
    heads: int,
    head_dim: int,
    gated: bool,
    bias: bool,
    tied: bool,
    mtp: int,
) -> None:
    model = build(
        hidden_size=hidden,
        attention={"num_heads": heads, "head_dim": head_dim, "qkv_bias": bias, "out_bias": bias},
        mlp={"ffn_hidden_size": ffn, "gated": gated, "bias": bias},
        moe=EXPERTS | {"first_dense_layers": 2},
        tied_embeddings=tied,
        mtp_layers=mtp,
    )
    params = count_params(model)
    by_layer = sum(layer_params(model, layer).total for layer in model.layers)
    outside = params.embedding + params.positions + params.final_norm + params.head
    assert params.layers.total == by_layer
    assert params.total == by_layer + outside
    assert params.active <= params.total
    assert active_matmul_params(model.model_copy(update={"mtp_layers": 0})) <= (
        params.active + (params.embedding if tied else 0)
    )


@given(wider=st.integers(1, 1000))
def test_wider_is_never_smaller(wider: int) -> None:
    narrow = count_params(build())
    wide = count_params(build(mlp={"ffn_hidden_size": 20 + wider}))
    assert wide.total - narrow.total == 4 * 3 * 10 * wider


@pytest.mark.parametrize("window", [1, 128, 4096])
def test_windows_have_no_parameters(window: int) -> None:
    attention = BASE["attention"] | {"sliding_window": window, "full_attention_period": 0}
    assert count_params(build(attention=attention)) == count_params(build())
