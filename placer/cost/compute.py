"""Seconds that operators take on one accelerator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from placer.cost.rates import DeviceRates
from placer.workload.operators import (
    AttentionCore,
    FloatArray,
    Gemm,
    GemmRole,
    LayerWork,
    Traffic,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Duration:
    """Forward and backward seconds of one item."""

    forward_s: FloatArray
    backward_s: FloatArray

    def __add__(self, other: Duration) -> Duration:
        return Duration(
            forward_s=self.forward_s + other.forward_s,
            backward_s=self.backward_s + other.backward_s,
        )


def gemm_s(gemm: Gemm, rates: DeviceRates) -> Duration:
    """Additive roofline: 2 m n k / rate + operand bytes / HBM + launch, per product.

    The output is computed in waves of one tile per multiprocessor, the last one half empty on
    average (NVIDIA, Matrix Multiplication Background User's Guide, "Wave Quantization"), which
    costs small shards of a layer dearly. Over the three products of a layer's training m, n and k
    swap places; each pays for its own contraction.
    Backward is dgrad plus wgrad; wgrad accumulates into fp32 main gradients (8 B per weight).
    Narrow recipes pay for quantising the inputs. Grouped products share one launch and waste half
    a tile of rows per expert.
    """
    rate = rates.gemm_flops_per_s[gemm.role]
    width = rates.operand_bytes[gemm.role]
    grouped = gemm.role is GemmRole.EXPERT
    kernels = rates.kernels
    rows = gemm.m + kernels.grouped_pad_rows if grouped else gemm.m
    flops_s = 2.0 * rows * gemm.n * gemm.k * gemm.copies / rate
    tile = kernels.tile_rows * kernels.tile_columns
    wave_s = kernels.idle_wave * 2.0 * tile * rates.multiprocessors / rate
    weights = gemm.n * gemm.k * gemm.copies
    inputs, outputs = gemm.m * gemm.k * gemm.copies, gemm.m * gemm.n * gemm.copies
    quantise = kernels.quantise_bytes if width < 2.0 else 0.0
    hbm = rates.hbm_bytes_per_s
    forward_bytes = width * (weights + inputs) + 2.0 * outputs + quantise * inputs
    dgrad_bytes = width * (weights + outputs) + 2.0 * inputs + quantise * outputs
    wgrad_bytes = width * (inputs + outputs) + kernels.main_gradient_bytes * weights
    return Duration(
        forward_s=flops_s + wave_s * gemm.k + forward_bytes / hbm + rates.launch_s,
        backward_s=2.0 * (flops_s + rates.launch_s)
        + wave_s * (gemm.n + gemm.m)
        + (dgrad_bytes + wgrad_bytes) / hbm,
    )


def attention_s(core: AttentionCore, rates: DeviceRates) -> Duration:
    """Attention core: a fused kernel, or batched products and passes over the score matrix.

    Head widths off the 16-byte alignment of tensor cores run unfused products at half rate.
    """
    if rates.attention_fused:
        forward = core.forward_flops / rates.attention_forward_flops_per_s
        products = rates.kernels.flash_backward_products * core.forward_flops
        backward = products / rates.attention_backward_flops_per_s
        return Duration(forward_s=forward + rates.launch_s, backward_s=backward + rates.launch_s)
    aligned = 1.0 if core.head_dim % 8 == 0 else 0.5
    products = core.square_flops / (rates.attention_forward_flops_per_s * aligned)
    passes = core.scores_bytes / rates.hbm_bytes_per_s
    return Duration(
        forward_s=products + rates.kernels.unfused_forward_passes * passes,
        backward_s=2.0 * products + rates.kernels.unfused_backward_passes * passes,
    )


def traffic_s(traffic: Traffic, rates: DeviceRates) -> Duration:
    """Bytes over sustained HBM bandwidth, and the gaps between kernels."""
    scale = 1.0 / rates.hbm_bytes_per_s
    gaps = traffic.kernels * rates.launch_s
    return Duration(
        forward_s=traffic.forward_bytes * scale + gaps,
        backward_s=traffic.backward_bytes * scale + gaps,
    )


def work_s(work: LayerWork, rates: DeviceRates) -> Duration:
    """All operators of one item on the accelerator, one after another."""
    durations = [gemm_s(g, rates) for g in work.gemms]
    durations += [attention_s(a, rates) for a in work.attention]
    durations += [traffic_s(t, rates) for t in work.traffic]
    total = Duration(forward_s=np.zeros(1), backward_s=np.zeros(1))
    for duration in durations:
        total = total + duration
    return total


def num_kernels(work: LayerWork, rates: DeviceRates) -> float:
    """Kernels one forward pass launches; a compiler leaves one per element-wise chain."""
    chains = [1.0 if rates.compiled else t.kernels for t in work.traffic]
    return len(work.gemms) + 3.0 * len(work.attention) + sum(chains)


def host_s(work: LayerWork, rates: DeviceRates) -> Duration:
    """What the host needs to launch the item's kernels; the accelerator waits for it.

    Backward launches two products for each one and walks the autograd graph.
    """
    forward = num_kernels(work, rates) * rates.host_launch_s
    routed = any(g.role is GemmRole.EXPERT for g in work.gemms)
    forward += rates.host_moe_s if routed else 0.0
    return Duration(forward_s=np.full(1, forward), backward_s=np.full(1, 2.0 * forward))
