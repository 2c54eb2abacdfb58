"""What Megatron-LM forbids among the choices that have no column in a batch of strategies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from placer.plan.legality import Choice, ChoiceRule
from placer.plan.strategy import CrossSiteMode, Recompute, RecomputeGranularity, Schedule

if TYPE_CHECKING:
    from placer.spec.model import ModelSpec

RECOMPUTE_METHODS: Final = ("block", "uniform")
RECOMPUTE_MODULES: Final = (
    "core_attn",
    "layernorm",
    "mla_up_proj",
    "mlp",
    "moe",
    "moe_act",
    "shared_experts",
)


def _schedule_unknown(choice: Choice) -> bool:
    strategy = choice.strategy
    expected = Schedule.INTERLEAVED if strategy.vpp > 1 else Schedule.ONE_F_ONE_B
    deeper = strategy.cross_site.extra_in_flight > 0
    return strategy.pp > 1 and (strategy.schedule is not expected or deeper)


def _asynchronous_sites(choice: Choice) -> bool:
    asynchronous = (CrossSiteMode.DILOCO, CrossSiteMode.STREAMING_DILOCO)
    return choice.strategy.cross_site.mode in asynchronous


def _allowed_modules(model: ModelSpec) -> tuple[str, ...]:
    """Modules this model has: the experts' need experts, the latent projection needs MLA."""
    absent: set[str] = set()
    if model.moe is None:
        absent |= {"moe", "moe_act", "shared_experts"}
    elif model.moe.shared_ffn_hidden_size == 0:
        absent |= {"shared_experts"}
    if not model.has_dense_layers:
        absent |= {"mlp"}
    if model.attention.kind != "mla":
        absent |= {"mla_up_proj"}
    return tuple(module for module in RECOMPUTE_MODULES if module not in absent)


def _form_refused(model: ModelSpec, recompute: Recompute) -> bool:
    if recompute.granularity is RecomputeGranularity.FULL:
        depth = recompute.num_layers
        has_depth = depth is not None and depth >= 1
        return recompute.method not in RECOMPUTE_METHODS or not has_depth or bool(recompute.modules)
    if recompute.method is not None or recompute.num_layers is not None:
        return True
    if recompute.granularity is RecomputeGranularity.SELECTIVE:
        return not recompute.modules or not set(recompute.modules) <= set(_allowed_modules(model))
    return bool(recompute.modules)


def _recompute_refused(choice: Choice) -> bool:
    return _form_refused(choice.model, choice.strategy.recompute)


def _recompute_text(choice: Choice) -> str:
    recompute = choice.strategy.recompute
    return (
        f"granularity {recompute.granularity}, method {recompute.method}, num_layers"
        f" {recompute.num_layers}, modules [{', '.join(recompute.modules)}]; this model has"
        f" [{', '.join(_allowed_modules(choice.model))}]"
    )


def _ep_overlap_recomputes_experts(choice: Choice) -> bool:
    strategy = choice.strategy
    overlapped = choice.run.features.ep_overlap and strategy.ep > 1
    return overlapped and "moe" in strategy.recompute.modules


CHOICES: tuple[ChoiceRule, ...] = (
    ChoiceRule(
        name="megatron_schedule",
        sentence="Megatron-LM runs 1F1B with one chunk per stage and its interleaved form with"
        " several.",
        refuses=_schedule_unknown,
        arithmetic=lambda c: (
            f"schedule {c.strategy.schedule}, pp {c.strategy.pp}, vpp {c.strategy.vpp},"
            f" {c.strategy.cross_site.extra_in_flight} micro-batches beyond it"
        ),
        remedy="Choose 1f1b for vpp 1 and interleaved for more, and hold no more than they do.",
    ),
    ChoiceRule(
        name="megatron_cross_site",
        sentence="Megatron-LM is synchronous: every step crosses the sites.",
        refuses=_asynchronous_sites,
        arithmetic=lambda c: f"cross_site mode {c.strategy.cross_site.mode}",
        remedy="Use sync_dp or pipeline, or a framework that has DiLoCo.",
    ),
    ChoiceRule(
        name="megatron_recompute",
        sentence="Full recomputation takes a method and a number of layers, selective takes modules"
        " the model has (A, T).",
        refuses=_recompute_refused,
        arithmetic=_recompute_text,
        remedy="Give full a method (block, uniform) and num_layers, selective its modules.",
    ),
    ChoiceRule(
        name="megatron_ep_overlap_modules",
        sentence="Overlap of expert communication excludes recomputing whole MoE layers (T).",
        refuses=_ep_overlap_recomputes_experts,
        arithmetic=lambda c: f"recompute modules [{', '.join(c.strategy.recompute.modules)}]",
        remedy="Recompute moe_act instead of moe, or turn ep_overlap off.",
    ),
)
