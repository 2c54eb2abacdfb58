"""Typed views of the constants of computation, kernels, overlap and memory."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputeConstants:
    """What an accelerator sustains; see data/constants.yaml for units and sources."""

    sustained_ampere: float
    sustained_hopper: float
    sustained_hopper_fp8: float
    sustained_blackwell: float
    sustained_blackwell_fp8: float
    sustained_blackwell_scaled: float
    unmeasured_matmul: float
    hbm_efficiency: float
    attention_flash2_ampere_efficiency: float
    attention_flash2_efficiency: float
    attention_tuned_efficiency: float
    attention_unfused_efficiency: float
    attention_backward_ratio: float
    launch_s: float
    host_launch_s: float
    host_moe_layer_s: float
    host_partial_graph_ratio: float
    optimizer_fixed_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelConstants:
    """What kernels do, counted and not fitted; see data/kernels.yaml for units and sources."""

    multiprocessors_ampere: float
    multiprocessors_hopper: float
    multiprocessors_blackwell: float
    multiprocessors_other: float
    reference_power_hopper: float
    reference_power_blackwell: float
    tile_rows: float
    tile_columns: float
    idle_wave: float
    grouped_pad_rows: float
    quantise_bytes: float
    main_gradient_bytes: float
    unfused_forward_passes: float
    unfused_backward_passes: float
    flash_backward_products: float
    ring_merge_bytes: float
    adam_bytes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureConstants:
    """Share of a communication that a schedule or feature hides behind computation."""

    overlap_hidden: float
    tp_backward_hidden: float
    dp_overlap_hidden: float
    stream_overlap_hidden: float
    drag: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryConstants:
    """What memory holds besides the model's own tensors."""

    workspace_bytes: float
    context_bytes: float
    fragmentation_expandable: float
    fragmentation_caching: float
