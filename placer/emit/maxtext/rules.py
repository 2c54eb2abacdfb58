"""What MaxText forbids, as far as placement is concerned.

Read in the wheel of maxtext 0.2.5: B is ``configs/base.yml`` (mesh axes and logical axis rules), U
``utils/max_utils.py``. The batch is split over data, fsdp and expert axes; dense weights are sharded
over fsdp, context and expert axes together.
"""

from __future__ import annotations

from typing import Final

from placer.emit.diloco import diloco_rules, fragments_rule
from placer.emit.limits import (
    DP_REPLICATE,
    ZERO_STAGE,
    experts_follow_tp,
    gradients,
    no_chunks,
    no_pipeline,
    no_selective_recompute,
    no_tp_overlap,
    optimizers,
    plain_features,
    precisions,
    seq_over_twice_cp,
    whole_layer_recompute,
)
from placer.emit.releases import known_release
from placer.plan.arithmetic import Quantity, all_of, any_of, forbidden, multiple_of
from placer.plan.legality import BoolArray, Case, Choice, ChoiceRule, Rule, RuleSet
from placer.plan.mathematics import CP, DP_SHARD, EP, MATHEMATICS, SINGLE_MATHEMATICS
from placer.spec.model import NormKind
from placer.spec.run import MoeDispatcher, Optimizer, Precision

RELEASES: Final = ("0.2.5",)
MTP_LAYERS = Quantity(label="mtp_layers", values=lambda c: c.model.mtp_layers)


def _sharding_axes_unsharded(case: Case) -> BoolArray:
    batch = case.batch
    return all_of(any_of(batch.cp > 1, batch.ep > 1), batch.zero_stage < 3)


def _gradients_scattered(case: Case) -> BoolArray:
    return all_of(case.batch.zero_stage == 2)


def _partly_sharded_optimizer(case: Case) -> BoolArray:
    return all_of(case.batch.zero_stage == 1, case.batch.dp_shard < case.batch.dp)


def _experts_over_context(case: Case) -> BoolArray:
    return all_of(case.batch.cp > 1, case.batch.ep > 1)


MAXTEXT: tuple[Rule, ...] = (
    no_pipeline(
        "maxtext",
        "MaxText's pipeline is circular and keeps every micro-batch's activations: not the 1F1B the"
        " plan reckons with.",
    ),
    no_chunks("maxtext", "Without a pipeline there are no chunks."),
    experts_follow_tp("maxtext"),
    forbidden(
        name="maxtext_experts_over_context",
        when=_experts_over_context,
        shown=(CP, EP),
        sentence="The expert axis is beside the context axis, not across it (B).",
        remedy="Set cp or ep to 1, or emit for megatron or torchtitan.",
    ),
    multiple_of(
        name="maxtext_experts_in_shard_group",
        dividend=DP_SHARD,
        divisor=EP,
        sentence="The expert axis is a part of the sharded replicas (B).",
        remedy="Choose an ep that divides dp_shard.",
    ),
    forbidden(
        name="maxtext_axes_shard",
        when=_sharding_axes_unsharded,
        shown=(CP, EP, ZERO_STAGE),
        sentence="Context and expert axes always shard dense weights too (B).",
        remedy="Use zero_stage 3, or emit for megatron.",
    ),
    forbidden(
        name="maxtext_no_zero2",
        when=_gradients_scattered,
        shown=(ZERO_STAGE,),
        sentence="Replicas share all, optimizer states (shard_optimizer_over_data) or everything.",
        remedy="Use zero_stage 0, 1 or 3.",
    ),
    forbidden(
        name="maxtext_optimizer_over_all_data",
        when=_partly_sharded_optimizer,
        shown=(DP_SHARD, DP_REPLICATE),
        sentence="shard_optimizer_over_data shards over the whole data axis (B).",
        remedy="Set dp_shard to dp, or use zero_stage 3.",
    ),
    seq_over_twice_cp("maxtext"),
    forbidden(
        name="maxtext_mtp",
        when=lambda c: c.model.mtp_layers > 1,
        shown=(MTP_LAYERS,),
        sentence="The emitted configuration names at most one prediction layer.",
        remedy="Remove MTP layers, or emit for megatron.",
    ),
    forbidden(
        name="maxtext_architecture",
        when=lambda c: any_of(
            c.model.norms is not NormKind.RMSNORM, c.model.learned_positions, not c.model.mlp.gated
        ),
        shown=(),
        sentence="The emitted configuration builds decoders with RMSNorm, rotary positions and gated"
        " MLPs.",
        remedy="Emit for megatron.",
    ),
    no_selective_recompute("maxtext"),
    no_tp_overlap("maxtext"),
    precisions("maxtext", (Precision.BF16, Precision.FP8)),
    optimizers("maxtext", (Optimizer.ADAM, Optimizer.SGD, Optimizer.MUON)),
    gradients("maxtext"),
    *plain_features("maxtext", (MoeDispatcher.ALLTOALL,)),
)


def _fragments(choice: Choice) -> bool:
    """Whether fragments are no equal parts of steps and layers (trainers/diloco/utils)."""
    cross_site = choice.strategy.cross_site
    steps, fragments = cross_site.inner_steps or 1, cross_site.fragments or 1
    return (
        fragments < 2
        or steps % fragments > 0
        or choice.model.num_layers % (fragments - 1) > 0
        or (cross_site.overlap_steps or 0) >= steps // fragments
    )


DILOCO: tuple[ChoiceRule, ...] = diloco_rules(
    "maxtext",
    bits=(32,),
    says_bits="MaxText averages outer gradients in the parameters' own fp32"
    " (trainers/diloco/utils/spmd_diloco_sync.py).",
    own=(
        fragments_rule(
            "maxtext",
            sentence="One fragment holds what is no layer, the others equal parts of the layers, sent"
            " at equal distances (trainers/diloco/utils/fragmenter.py).",
            refuses=_fragments,
            arithmetic=lambda c: (
                f"{c.strategy.cross_site.inner_steps} inner steps, {c.strategy.cross_site.fragments}"
                f" fragments of {c.model.num_layers} layers,"
                f" {c.strategy.cross_site.overlap_steps} steps of overlap"
            ),
            remedy="Use diloco, which sends everything at once.",
        ),
    ),
)


def maxtext_rules(version: str = "") -> RuleSet:
    """The rules of one release of MaxText, the newest known when ``version`` is empty."""
    return RuleSet(
        name="maxtext",
        release=known_release("maxtext", version, RELEASES),
        rules=MATHEMATICS + MAXTEXT,
        choice_rules=(
            *SINGLE_MATHEMATICS,
            whole_layer_recompute("maxtext"),
            *DILOCO,
        ),
        zero_stages=(1, 3),
    )
