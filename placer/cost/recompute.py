"""Time that recomputation adds to the backward pass."""

from __future__ import annotations

import numpy as np

from placer.cost.compute import attention_s, gemm_s, traffic_s
from placer.cost.rates import DeviceRates
from placer.workload.activations import RecomputeModule
from placer.workload.operators import FloatArray, LayerWork

OPERATORS_OF = {
    RecomputeModule.CORE_ATTENTION: frozenset({"attention_core"}),
    RecomputeModule.LAYERNORM: frozenset({"norms"}),
    RecomputeModule.MLA_UP_PROJECTION: frozenset({"q_up", "kv_up", "rotary"}),
    RecomputeModule.MLP: frozenset({"mlp_up", "mlp_down", "activation"}),
    RecomputeModule.MOE_ACTIVATION: frozenset({"expert_activation"}),
    RecomputeModule.MOE: frozenset(
        {"router", "router_softmax", "expert_up", "expert_down", "permute", "expert_activation"}
    ),
    RecomputeModule.SHARED_EXPERTS: frozenset({"shared_up", "shared_down", "shared_activation"}),
}
"""Operators that run again when a module of Megatron-LM's ``--recompute-modules`` is recomputed."""


def selective_s(
    work: LayerWork, modules: frozenset[RecomputeModule], rates: DeviceRates
) -> FloatArray:
    """Forward seconds of the operators behind ``modules``; zero when none applies."""
    names = frozenset[str]().union(*(OPERATORS_OF[m] for m in sorted(modules)))
    total = np.zeros(1)
    for gemm in work.gemms:
        if gemm.name in names:
            total = total + gemm_s(gemm, rates).forward_s
    for traffic in work.traffic:
        if traffic.name in names:
            total = total + traffic_s(traffic, rates).forward_s
    if "attention_core" in names:
        for core in work.attention:
            total = total + attention_s(core, rates).forward_s
    return total
