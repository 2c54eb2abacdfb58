"""How fast one accelerator really runs each kind of work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from placer.cost.constants import Constants
from placer.cost.sections import ComputeConstants, KernelConstants
from placer.spec.accelerator import Accelerator, Architecture
from placer.spec.run import AttentionKernel, CudaGraph, Precision, RunSpec
from placer.workload.operators import GemmRole


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRates:
    """Sustained rates of one accelerator under one run's precision and kernels, SI units.

    ``operand_bytes`` is the width of a matrix operand by role; ``compiled`` whether a compiler fuses
    element-wise chains; ``host_launch_s`` what the host needs per kernel; ``kernels`` the figures
    all parts share.
    """

    gemm_flops_per_s: Mapping[GemmRole, float]
    operand_bytes: Mapping[GemmRole, float]
    attention_forward_flops_per_s: float
    attention_backward_flops_per_s: float
    attention_fused: bool
    compiled: bool
    hbm_bytes_per_s: float
    multiprocessors: float
    kernels: KernelConstants
    launch_s: float
    host_launch_s: float
    host_moe_s: float


def device_rates(accelerator: Accelerator, run: RunSpec, constants: Constants) -> DeviceRates:
    """Rates of ``accelerator`` for ``run``.

    Matrix products run at the best rate measured for the part times the fraction of it that
    training sustains under its power cap; parts nobody has measured take a shared fraction of the
    datasheet peak.
    """
    compute, features = constants.compute, run.features
    linear = gemm_rate(accelerator, run.precision, constants)
    wide = gemm_rate(accelerator, Precision.BF16, constants)
    width = 2.0 if run.precision is Precision.BF16 else 1.0
    forward, backward = _attention_rates(accelerator, features.attention_kernel, constants)
    host = {
        CudaGraph.NONE: 1.0,
        CudaGraph.PARTIAL: compute.host_partial_graph_ratio,
        CudaGraph.FULL: 0.0,
    }[features.cuda_graph]
    return DeviceRates(
        gemm_flops_per_s={
            GemmRole.LINEAR: linear,
            GemmRole.EXPERT: linear,
            GemmRole.HEAD: wide,
        },
        operand_bytes={GemmRole.LINEAR: width, GemmRole.EXPERT: width, GemmRole.HEAD: 2.0},
        attention_forward_flops_per_s=forward,
        attention_backward_flops_per_s=backward,
        attention_fused=features.attention_kernel is not AttentionKernel.UNFUSED,
        compiled=features.compile,
        hbm_bytes_per_s=accelerator.hbm_bytes_per_s * compute.hbm_efficiency,
        multiprocessors=_multiprocessors(accelerator.architecture, constants.kernels),
        kernels=constants.kernels,
        launch_s=compute.launch_s,
        host_launch_s=host * compute.host_launch_s,
        host_moe_s=0.0 if features.cuda_graph is CudaGraph.FULL else compute.host_moe_layer_s,
    )


def gemm_rate(accelerator: Accelerator, precision: Precision, constants: Constants) -> float:
    """Sustained FLOP/s of large matrix products in ``precision``.

    Under load a part runs at the clock its power cap allows; dynamic power goes with frequency
    times voltage squared and voltage with frequency, so the clock goes with the cube root of the
    cap, here against the cap of the generation's part that was measured. Generations without runs
    sustain what Hopper does of their best rate.
    """
    compute = constants.compute
    clock = 1.0
    reference_w = {
        Architecture.HOPPER: constants.kernels.reference_power_hopper,
        Architecture.BLACKWELL: constants.kernels.reference_power_blackwell,
    }.get(accelerator.architecture)
    if reference_w and accelerator.power_w:
        clock = (accelerator.power_w / reference_w) ** (1.0 / 3.0)
    sustained = {
        (Architecture.AMPERE, Precision.BF16): compute.sustained_ampere,
        (Architecture.HOPPER, Precision.BF16): compute.sustained_hopper,
        (Architecture.HOPPER, Precision.FP8): compute.sustained_hopper_fp8,
        (Architecture.BLACKWELL, Precision.BF16): compute.sustained_blackwell,
        (Architecture.BLACKWELL, Precision.FP8): compute.sustained_blackwell_fp8,
        (Architecture.BLACKWELL, Precision.MXFP8): compute.sustained_blackwell_scaled,
        (Architecture.BLACKWELL, Precision.NVFP4): compute.sustained_blackwell_scaled,
    }.get((accelerator.architecture, precision), compute.sustained_hopper)
    return best_matmul(accelerator, precision, compute) * sustained * clock


def peak_flops_per_s(accelerator: Accelerator, precision: Precision) -> float:
    """Dense peak of the format a recipe's matrix products run in.

    Raises
    ------
    ValueError
        When the part lacks the format.
    """
    peak = {
        Precision.BF16: accelerator.bf16_flops_per_s,
        Precision.FP8: accelerator.fp8_flops_per_s,
        Precision.MXFP8: accelerator.fp8_flops_per_s,
        Precision.NVFP4: accelerator.fp4_flops_per_s,
    }[precision]
    if peak is None:
        raise ValueError(f"precision: {accelerator.key} has no {precision.value} matrix units")
    return peak


def best_matmul(accelerator: Accelerator, precision: Precision, compute: ComputeConstants) -> float:
    """Best measured rate of large matrix products; a shared share of the peak where unmeasured."""
    peak = peak_flops_per_s(accelerator, precision)
    measured = {
        Precision.BF16: accelerator.bf16_achievable_flops_per_s,
        Precision.FP8: accelerator.fp8_achievable_flops_per_s,
        Precision.MXFP8: accelerator.fp8_achievable_flops_per_s,
        Precision.NVFP4: None,
    }[precision]
    return measured or peak * compute.unmeasured_matmul


def _attention_rates(
    accelerator: Accelerator, kernel: AttentionKernel, constants: Constants
) -> tuple[float, float]:
    compute = constants.compute
    peak = accelerator.bf16_flops_per_s
    if kernel is AttentionKernel.UNFUSED:
        rate = peak * compute.attention_unfused_efficiency
        return rate, rate
    if kernel is AttentionKernel.TUNED:
        forward = compute.attention_tuned_efficiency
    elif accelerator.architecture is Architecture.AMPERE:
        forward = compute.attention_flash2_ampere_efficiency
    else:
        forward = compute.attention_flash2_efficiency
    return peak * forward, peak * forward * compute.attention_backward_ratio


def _multiprocessors(architecture: Architecture, kernels: KernelConstants) -> float:
    return {
        Architecture.AMPERE: kernels.multiprocessors_ampere,
        Architecture.HOPPER: kernels.multiprocessors_hopper,
        Architecture.BLACKWELL: kernels.multiprocessors_blackwell,
    }.get(architecture, kernels.multiprocessors_other)
