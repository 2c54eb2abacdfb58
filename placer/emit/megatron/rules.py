"""What Megatron-LM forbids, as far as placement is concerned.

Each rule names where Megatron-LM 0.17.1 enforces it: A is ``training/arguments.py``, T
``core/transformer/transformer_config.py``, M ``core/model_parallel_config.py``, P
``core/parallel_state.py``, S ``core/pipeline_parallel/schedules.py``; R is at run time, after all
checks have passed. Layers may be split over stages in any way: ``--pipeline-model-parallel-layout``
says so. Rules about the layout itself are in ``placer.emit.megatron.layout``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from placer.emit.megatron.choices import CHOICES
from placer.emit.megatron.releases import release_named
from placer.plan.arithmetic import Quantity, all_of, any_of, at_least, forbidden, multiple_of
from placer.plan.legality import BoolArray, Case, Rule, RuleSet
from placer.plan.mathematics import (
    EP,
    ETP,
    MATHEMATICS,
    PP,
    SEQ_LEN,
    SINGLE_MATHEMATICS,
    TP,
    VPP,
    degree,
)
from placer.spec.run import GradientRecipe, Optimizer

if TYPE_CHECKING:
    from placer.plan.strategy import IntArray

_FULL_RECOMPUTE = 2
NARROW_ADAM = (Optimizer.ADAM_BF16, Optimizer.ADAM_8BIT)
FSDP_OPTIMIZERS = (Optimizer.ADAM, *NARROW_ADAM, Optimizer.SGD)

ZERO_STAGE = degree("zero_stage")
SEQUENCE_PARALLEL = degree("sequence_parallel")
RECOMPUTE = degree("recompute")
KV_HEADS = Quantity(label="num_query_groups", values=lambda c: c.model.attention.num_kv_heads)
MTP_LAYERS = Quantity(label="mtp_layers", values=lambda c: c.model.mtp_layers)
TWICE_CP = Quantity(label="2 * cp", values=lambda c: 2 * c.batch.cp)
CP_TP = Quantity(label="cp * tp", values=lambda c: c.batch.cp * c.batch.tp)


def _edp(case: Case) -> IntArray:
    block = np.maximum(case.batch.ep * case.batch.etp, 1)
    replicas: IntArray = case.batch.tp * case.batch.cp * case.batch.dp // block
    return replicas


def _dp_replicate(case: Case) -> IntArray:
    replicas: IntArray = np.maximum(case.batch.dp // np.maximum(case.batch.dp_shard, 1), 1)
    return replicas


EDP = Quantity(label="edp", values=_edp)
DP_REPLICATE = Quantity(label="dp_replicate", values=_dp_replicate)


def _kv_heads_unmatched(case: Case) -> BoolArray:
    groups, tp = case.model.attention.num_kv_heads, np.maximum(case.batch.tp, 1)
    return all_of(groups % tp != 0, tp % groups != 0)


def _biased_experts_split(case: Case) -> BoolArray:
    return all_of(case.batch.etp > 1, case.model.moe is not None, case.model.mlp.bias)


def _tp_without_sp(case: Case) -> BoolArray:
    return all_of(case.batch.tp > 1, case.batch.sequence_parallel == 0)


def _moe_without_sp(case: Case) -> BoolArray:
    return all_of(_tp_without_sp(case), case.model.moe is not None)


def _tp_overlap_without_sp(case: Case) -> BoolArray:
    return all_of(_tp_without_sp(case), case.run.features.tp_comm_overlap)


def _ep_overlap(case: Case) -> BoolArray:
    return all_of(case.batch.ep > 1, case.run.features.ep_overlap)


def _ep_overlap_without_chunks(case: Case) -> BoolArray:
    return all_of(_ep_overlap(case), case.batch.pp > 1, case.batch.vpp == 1)


def _full_recompute(case: Case) -> BoolArray:
    return all_of(case.batch.recompute == _FULL_RECOMPUTE)


def _ep_overlap_with_full_recompute(case: Case) -> BoolArray:
    return all_of(_ep_overlap(case), _full_recompute(case))


def _ep_overlap_with_mtp(case: Case) -> BoolArray:
    layers = case.model.mtp_layers
    return all_of(_ep_overlap(case), any_of(layers > 1, all_of(layers == 1, case.batch.pp == 1)))


def _ep_overlap_dispatcher(case: Case) -> BoolArray:
    return all_of(_ep_overlap(case), case.run.features.moe_dispatcher == "allgather")


def _partial_graph_with_full_recompute(case: Case) -> BoolArray:
    return all_of(_full_recompute(case), case.run.features.cuda_graph == "partial")


def _sharded_twice(case: Case) -> BoolArray:
    return all_of(_dp_replicate(case) > 1, case.batch.zero_stage > 0)


def _fsdp(case: Case) -> BoolArray:
    return all_of(case.batch.zero_stage >= 2)


def _fsdp_with_pipeline(case: Case) -> BoolArray:
    return all_of(_fsdp(case), case.batch.pp > 1)


def _fsdp_optimizer(case: Case) -> BoolArray:
    return all_of(_fsdp(case), case.run.optimizer not in FSDP_OPTIMIZERS)


def _narrow_moments_unsharded(case: Case) -> BoolArray:
    return all_of(case.batch.zero_stage == 0, case.run.optimizer in NARROW_ADAM)


def _no_adafactor(case: Case) -> bool:
    return case.run.optimizer is Optimizer.ADAFACTOR


def _separate_accumulators(case: Case) -> bool:
    return case.run.features.gradients is GradientRecipe.ACCUMULATED


def _mtp_with_learned_positions(case: Case) -> bool:
    return case.model.mtp_layers > 0 and case.model.learned_positions


MEGATRON: tuple[Rule, ...] = (
    forbidden(
        name="megatron_kv_heads",
        when=_kv_heads_unmatched,
        shown=(KV_HEADS, TP),
        sentence="Key/value heads are a multiple or a divisor of tp (T).",
        remedy="Choose a tp that divides the key/value heads, or a multiple of them.",
    ),
    multiple_of(
        name="megatron_seq_over_cp",
        dividend=SEQ_LEN,
        divisor=TWICE_CP,
        applies=lambda c: c.batch.cp > 1,
        sentence="Context parallelism gives each GPU two chunks of the sequence (A).",
        remedy="Choose a cp whose double divides the sequence length.",
    ),
    multiple_of(
        name="megatron_seq_over_tp",
        dividend=SEQ_LEN,
        divisor=CP_TP,
        applies=lambda c: (c.batch.tp > 1) & (c.batch.sequence_parallel == 1),
        sentence="Sequence parallelism splits the tokens of a GPU over its tp group (R).",
        remedy="Choose tp and cp whose product divides the sequence length.",
    ),
    forbidden(
        name="megatron_moe_needs_sequence_parallel",
        when=_moe_without_sp,
        shown=(TP, SEQUENCE_PARALLEL),
        sentence="Experts under tensor parallelism need sequence parallelism: the first forward"
        " pass fails without it, though the arguments are accepted (R).",
        remedy="Turn sequence parallelism on, or set tp to 1.",
    ),
    forbidden(
        name="megatron_tp_overlap_needs_sequence_parallel",
        when=_tp_overlap_without_sp,
        shown=(TP, SEQUENCE_PARALLEL),
        sentence="Overlap of tensor-parallel communication needs sequence parallelism (A).",
        remedy="Turn sequence parallelism on, or tp_comm_overlap off.",
    ),
    forbidden(
        name="megatron_expert_bias",
        when=_biased_experts_split,
        shown=(ETP,),
        sentence="Experts with biases cannot be split by expert tensor parallelism (T).",
        remedy="Set etp to 1.",
    ),
    at_least(
        name="megatron_chunks_need_pipeline",
        left=PP,
        right=Quantity(label="stages needed", values=lambda c: 2),
        applies=lambda c: c.batch.vpp > 1,
        sentence="Several chunks per stage need more than one stage (P).",
        remedy="Set vpp to 1, or raise pp.",
    ),
    multiple_of(
        name="megatron_optimizer_instances",
        dividend=EDP,
        divisor=DP_REPLICATE,
        applies=_sharded_twice,
        sentence="Optimizer instances divide the replicas of the experts too (P).",
        remedy="Lower dp_replicate until it divides the expert replicas.",
    ),
    forbidden(
        name="megatron_fsdp_without_pipeline",
        when=_fsdp_with_pipeline,
        shown=(ZERO_STAGE, PP),
        sentence="Gradients or parameters are sharded by Megatron-FSDP, which is not combined with"
        " pipeline parallelism.",
        remedy="Use zero_stage 1, or pp 1.",
    ),
    forbidden(
        name="megatron_fsdp_optimizer",
        when=_fsdp_optimizer,
        shown=(ZERO_STAGE,),
        sentence="Megatron-FSDP runs Adam and SGD only (A).",
        remedy="Use zero_stage 0 or 1, or another optimizer.",
    ),
    forbidden(
        name="megatron_narrow_moments_need_sharding",
        when=_narrow_moments_unsharded,
        shown=(ZERO_STAGE,),
        sentence="Adam with moments below 32 bits needs the distributed optimizer (A).",
        remedy="Use zero_stage 1, or the optimizer adam.",
    ),
    forbidden(
        name="megatron_optimizer",
        when=_no_adafactor,
        shown=(),
        sentence="Megatron-LM has no Adafactor (A).",
        remedy="Use adam, adam_bf16, adam_8bit, muon or sgd.",
    ),
    forbidden(
        name="megatron_gradients",
        when=_separate_accumulators,
        shown=(),
        sentence="Megatron-LM reduces gradients in the format it accumulates them in (A).",
        remedy="Use the gradient recipe fp32 or narrow.",
    ),
    forbidden(
        name="megatron_ep_overlap_needs_chunks",
        when=_ep_overlap_without_chunks,
        shown=(EP, PP, VPP),
        sentence="Overlap of expert communication in a pipeline needs the interleaved schedule (T).",
        remedy="Raise vpp, or turn ep_overlap off.",
    ),
    forbidden(
        name="megatron_ep_overlap_recompute",
        when=_ep_overlap_with_full_recompute,
        shown=(EP, RECOMPUTE),
        sentence="Overlap of expert communication excludes full recomputation (T).",
        remedy="Use selective recomputation, or turn ep_overlap off.",
    ),
    forbidden(
        name="megatron_ep_overlap_mtp",
        when=_ep_overlap_with_mtp,
        shown=(EP, PP, MTP_LAYERS),
        sentence="Overlap of expert communication allows one MTP layer, in a pipeline (T).",
        remedy="Raise pp, or turn ep_overlap off.",
    ),
    forbidden(
        name="megatron_ep_overlap_dispatcher",
        when=_ep_overlap_dispatcher,
        shown=(EP,),
        sentence="Overlap of expert communication needs the alltoall or flex dispatcher (T).",
        remedy="Choose another moe_dispatcher, or turn ep_overlap off.",
    ),
    forbidden(
        name="megatron_partial_graph_recompute",
        when=_partial_graph_with_full_recompute,
        shown=(RECOMPUTE,),
        sentence="Full recomputation goes with no CUDA graph or one of the whole iteration (T).",
        remedy="Use selective recomputation, or another cuda_graph.",
    ),
    forbidden(
        name="megatron_mtp_positions",
        when=_mtp_with_learned_positions,
        shown=(MTP_LAYERS,),
        sentence="Multi-token prediction needs rotary positions (A).",
        remedy="Remove the MTP layers.",
    ),
)


def megatron_rules(version: str = "") -> RuleSet:
    """The rules of one release of Megatron-LM, the newest known when ``version`` is empty."""
    return RuleSet(
        name="megatron",
        release=release_named(version).version,
        rules=MATHEMATICS + MEGATRON,
        choice_rules=SINGLE_MATHEMATICS + CHOICES,
    )
