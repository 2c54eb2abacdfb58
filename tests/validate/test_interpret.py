from __future__ import annotations

import pytest
from validate_samples import DENSE, EXPERTS, row, rows_of

from placer.plan.strategy import RecomputeGranularity, Schedule
from placer.spec.model import AttentionKind
from placer.spec.run import AttentionKernel, CudaGraph, MoeDispatcher, Precision
from placer.topology.level import LevelKind
from placer.validate.measured_run import GIB, MeasuredRun, SkippedRun, interpret, run_of


def reason(**cells: str) -> str:
    """Why the dense row with some cells changed is skipped."""
    (found,) = interpret(rows_of(DENSE | cells))
    assert isinstance(found, SkippedRun)
    return found.reason


def experts(**cells: str) -> MeasuredRun:
    return run_of(rows_of(EXPERTS | cells)[0])


def test_a_dense_row_becomes_the_run_it_describes() -> None:
    run = run_of(row(vpp="4", peak_mem_gib="60.5"))
    assert (run.name, run.family, run.accelerator) == ("dense", "ours", "h100_sxm")
    assert run.model.num_layers == 32
    assert run.model.attention.num_kv_heads == 8
    assert run.model.mlp.gated
    assert run.run.tokens_per_step == 128 * 8192
    strategy = run.strategy
    assert (strategy.tp, strategy.pp, strategy.dp, strategy.vpp) == (2, 2, 4, 4)
    assert strategy.num_microbatches == 32
    assert strategy.schedule is Schedule.INTERLEAVED
    assert run.measured_s == 10.0
    assert run.peak_memory_bytes == 60.5 * GIB
    assert [level.kind for level in run.topology.levels] == [
        LevelKind.SCALE_UP,
        LevelKind.SCALE_OUT,
    ]
    assert run.topology.levels[1].bandwidth_bytes_per_s == 50e9
    assert run.topology.num_accelerators == 16
    assert run.placement.pipeline_layout.layers_per_stage == (16, 16)


def test_experts_fill_the_expert_grid() -> None:
    run = experts()
    moe = run.model.moe
    assert moe is not None
    assert (moe.num_experts, moe.top_k, moe.shared_ffn_hidden_size) == (64, 4, 2048)
    assert (run.strategy.ep, run.strategy.etp, run.strategy.edp) == (8, 1, 2)


def test_expert_tensor_parallel_defaults_to_tensor_parallel() -> None:
    assert experts(etp="", tp="2", dp="8", ep="4").strategy.etp == 2


def test_latent_attention_is_read() -> None:
    latent = {
        "q_lora_rank": "1536",
        "kv_lora_rank": "512",
        "qk_nope_head_dim": "128",
        "qk_rope_head_dim": "64",
        "v_head_dim": "128",
    }
    attention = run_of(row(**latent)).model.attention
    assert attention.kind is AttentionKind.MLA
    assert attention.head_dim == 192


@pytest.mark.parametrize(
    ("text", "windows"),
    [
        ("", (None, None)),
        ("none", (None, None)),
        ("4096", (4096, 4096)),
        ("128 on every other layer", (128, None)),
        ("128 on every 2nd layer", (128, None)),
        ("1024 on 5 of 6 layers", (1024, 1024, 1024, 1024, 1024, None)),
    ],
)
def test_sliding_windows_by_layer(text: str, windows: tuple[int | None, ...]) -> None:
    layers = run_of(row(sliding_window=text)).model.layers
    assert tuple(layer.window for layer in layers[: len(windows)]) == windows


def test_empty_cells_take_defaults() -> None:
    run = run_of(
        row(
            ffn_hidden="",
            kv_heads="",
            head_dim="",
            dp="",
            cp="",
            zero_stage="",
            sequence_parallel="",
            gpus_per_scale_up_domain="",
            nic_gbps_per_gpu="",
            gated_mlp="",
            precision="",
        )
    )
    assert run.model.mlp.ffn_hidden_size == 4 * 4096
    assert run.model.attention.num_kv_heads == 32
    assert run.model.attention.head_dim == 128
    assert (run.strategy.dp, run.strategy.cp, run.strategy.zero_stage) == (4, 1, 1)
    assert run.strategy.dp_shard == 4
    assert run.strategy.sequence_parallel
    assert run.topology.levels[0].num_accelerators == 8
    assert run.run.precision is Precision.BF16


def test_whole_numbers_may_be_written_as_floats() -> None:
    assert run_of(row(micro_batch="2.0")).strategy.micro_batch_size == 2


def test_derived_time_stands_in_for_a_missing_one() -> None:
    assert run_of(row(step_time_s="", step_time_derived_s="3.5")).measured_s == 3.5
    assert run_of(row(step_time_derived_s="3.5")).measured_s == 10.0


def test_domains_hold_whole_cells() -> None:
    """Cells of 16 GPUs fill 64 of 72: four domains hold 256 GPUs, and so they must be there."""
    run = experts(accelerator="gb200", gpus_per_scale_up_domain="72", gpus="512", dp="512", ep="64",
                  global_batch="512")  # fmt: skip
    assert run.topology.num_domains == 8


def test_hybrid_sharding_replicates_between_shard_groups() -> None:
    strategy = run_of(row(zero_stage="3", dp_shard="2")).strategy
    assert (strategy.dp_shard, strategy.dp_replicate) == (2, 2)


@pytest.mark.parametrize(
    ("framework", "zero_stage", "kernel"),
    [
        ("NeMo 25.02", 1, AttentionKernel.TUNED),
        ("MosaicML Composer/llm-foundry FSDP", 3, AttentionKernel.FLASH2),
        ("Megatron-DeepSpeed", 1, AttentionKernel.UNFUSED),
        ("MaxText", 3, AttentionKernel.TUNED),
        ("", 1, AttentionKernel.TUNED),
    ],
)
def test_frameworks_imply_what_rows_leave_out(
    framework: str, zero_stage: int, kernel: AttentionKernel
) -> None:
    run = run_of(row(framework=framework, zero_stage=""))
    assert run.strategy.zero_stage == zero_stage
    assert run.run.features.attention_kernel is kernel


@pytest.mark.parametrize(
    ("text", "graph"),
    [
        ("", CudaGraph.NONE),
        ("none", CudaGraph.NONE),
        ("yes", CudaGraph.FULL),
        ("full_iteration", CudaGraph.FULL),
        ("transformer_engine:attn+moe_router", CudaGraph.PARTIAL),
        ("local", CudaGraph.PARTIAL),
    ],
)
def test_cuda_graphs(text: str, graph: CudaGraph) -> None:
    assert run_of(row(cuda_graph=text)).run.features.cuda_graph is graph


def test_features_are_read_as_stated() -> None:
    features = experts(
        moe_dispatcher="HybridEP", ep_overlap="True", tp_comm_overlap="False", compile="yes"
    ).run.features
    assert features.moe_dispatcher is MoeDispatcher.HYBRIDEP
    assert features.ep_overlap
    assert not features.tp_comm_overlap
    assert features.compile


@pytest.mark.parametrize(
    ("text", "precision"),
    [
        ("FP16/BF16", Precision.BF16),
        ("FP8-CS", Precision.FP8),
        ("FP8-MX", Precision.MXFP8),
        ("NVFP4", Precision.NVFP4),
    ],
)
def test_precisions_go_by_several_names(text: str, precision: Precision) -> None:
    assert run_of(row(precision=text, accelerator="b200_sxm")).run.precision is precision


def test_selective_recomputation_names_its_modules() -> None:
    recompute = run_of(row(recompute="selective", recompute_modules="mlp+layernorm")).strategy
    assert recompute.recompute.granularity is RecomputeGranularity.SELECTIVE
    assert recompute.recompute.modules == ("mlp", "layernorm")


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"complete": "0"}, "incomplete"),
        ({"complete": ""}, "incomplete"),
        ({"recompute": ""}, "recompute: not stated"),
        ({"recompute": "custom"}, "recompute: expected none, selective, full, got 'custom'"),
        ({"recompute": "selective", "recompute_modules": "cheese"}, "recompute_modules: expected"),
        ({"step_time_s": ""}, "expected a time in step_time_s or step_time_derived_s, got nothing"),
        ({"step_time_s": "fast"}, "step_time_s: expected a number > 0, got 'fast'"),
        ({"step_time_s": "-1"}, "step_time_s: expected a number > 0, got '-1'"),
        ({"step_time_s": "nan"}, "step_time_s: expected a number > 0, got 'nan'"),
        ({"step_time_s": "inf"}, "step_time_s: expected a number > 0, got 'inf'"),
        ({"accelerator": "abacus"}, "accelerator: expected a key of the catalogue, got 'abacus'"),
        ({"precision": "FP8 or NVFP4"}, "precision: expected bf16, fp8, mxfp8 or nvfp4"),
        ({"accelerator": "a100_80g_sxm", "precision": "FP8"}, "precision: a100_80g_sxm has no fp8"),
        ({"vocab": ""}, "vocab: expected a whole number >= 1, got nothing"),
        ({"vocab": "many"}, "vocab: expected a whole number >= 1, got 'many'"),
        ({"n_layers": "2.5"}, "n_layers: expected a whole number >= 1, got '2.5'"),
        ({"n_layers": "0"}, "n_layers: expected a whole number >= 1, got '0'"),
        ({"n_layers": "20000", "pp": "1", "dp": "8"}, "shape: num_layers"),
        ({"gpus": "1e30"}, "gpus: expected a whole number >= 1, got '1e30'"),
        ({"gpus": "15"}, "gpus: expected a multiple of tp * cp * pp = 4, got 15"),
        ({"dp": "8"}, "dp: expected gpus / (tp * cp * pp) = 16 / 4 = 4, got 8"),
        ({"global_batch": "130"}, "global_batch: expected a multiple of dp * micro_batch = 4 * 1"),
        ({"zero_stage": "4"}, "zero_stage: expected 0 to 3, got 4"),
        ({"dp_shard": "3"}, "dp_shard: expected a divisor of dp (4), got 3"),
        ({"sequence_parallel": "perhaps"}, "sequence_parallel: expected True or False"),
        ({"sliding_window": "wide"}, "sliding_window: expected a width in tokens, got 'wide'"),
        ({"sliding_window": "128 on 1 of 6 layers"}, "sliding_window: expected N - 1 of N layers"),
        ({"sliding_window": "128 on every 3rd layer"}, "sliding_window: expected every other"),
        ({"sliding_window": "128 on sundays"}, "sliding_window: expected a width in tokens"),
        ({"moe_dispatcher": "pigeon"}, "moe_dispatcher: expected alltoall"),
        ({"tp": "16", "pp": "1", "dp": "1", "heads": "8", "kv_heads": "8"}, "heads_over_tp"),
        ({"pp": "4", "vpp": "16", "dp": "2"}, "chunk_holds_something"),
        ({"peak_mem_gib": "lots"}, "peak_mem_gib: expected a number > 0, got 'lots'"),
        ({"nic_gbps_per_gpu": "0"}, "nic_gbps_per_gpu: expected a number > 0, got '0'"),
        ({"gpus_per_scale_up_domain": "0"}, "gpus_per_scale_up_domain: expected a whole number"),
        ({"experts": "8"}, "moe_ffn_hidden: expected a whole number >= 1, got nothing"),
    ],
)
def test_a_row_that_cannot_be_costed_says_why(cells: dict[str, str], expected: str) -> None:
    assert reason(**cells).startswith(expected)


def test_every_row_is_tried_when_asked() -> None:
    found = interpret(rows_of(DENSE | {"complete": "0", "recompute": ""}), every_row=True)
    assert isinstance(found[0], MeasuredRun)
    assert not found[0].complete


def test_a_file_without_the_column_holds_complete_rows() -> None:
    cells = {name: text for name, text in DENSE.items() if name != "complete"}
    (found,) = interpret(rows_of(cells))
    assert isinstance(found, MeasuredRun)
    assert found.complete


def test_a_skipped_row_keeps_its_name_and_time() -> None:
    (found,) = interpret(rows_of(DENSE | {"id": "", "complete": "0"}))
    assert isinstance(found, SkippedRun)
    assert (found.name, found.measured_s, found.complete) == ("line 2", 10.0, False)
