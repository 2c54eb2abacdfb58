"""What DeepSpeed forbids, as far as placement is concerned.

Read in the source of deepspeed 0.19.8: E is ``runtime/engine.py``, P ``runtime/pipe/engine.py``, F
``module_inject/auto_ep_folding.py``, S ``runtime/sequence_parallel``, C ``runtime/config.py``.
Tensor parallelism is AutoTP (or the pipeline module's own), expert parallelism AutoEP, context
parallelism Ulysses.
"""

from __future__ import annotations

from typing import Final

from placer.emit.limits import (
    DP_REPLICATE,
    ZERO_STAGE,
    no_chunks,
    no_selective_recompute,
    no_sequence_parallel,
    optimizers,
    plain_features,
    plain_schedules,
    precisions,
    synchronous_sites,
    whole_layer_recompute,
)
from placer.emit.releases import known_release
from placer.plan.arithmetic import Quantity, all_of, any_of, forbidden, multiple_of
from placer.plan.legality import BoolArray, Case, Rule, RuleSet
from placer.plan.mathematics import (
    CP,
    DP,
    EP,
    ETP,
    HEADS,
    MATHEMATICS,
    NUM_MICROBATCHES,
    PP,
    SINGLE_MATHEMATICS,
    TP,
)
from placer.spec.run import MoeDispatcher, Optimizer, Precision

RELEASES: Final = ("0.19.8",)
TP_CP = Quantity(label="tp * cp", values=lambda c: c.batch.tp * c.batch.cp)
KV_HEADS = Quantity(label="num_query_groups", values=lambda c: c.model.attention.num_kv_heads)
MTP_LAYERS = Quantity(label="mtp_layers", values=lambda c: c.model.mtp_layers)


def _sharded_pipeline(case: Case) -> BoolArray:
    return all_of(case.batch.zero_stage >= 2, case.batch.pp > 1)


def _hybrid(case: Case) -> BoolArray:
    return all_of(case.batch.zero_stage > 0, case.batch.dp_shard < case.batch.dp)


def _tp_with_cp(case: Case) -> BoolArray:
    return all_of(case.batch.cp > 1, any_of(case.batch.tp > 1, case.batch.pp > 1))


def _experts_in_pipeline(case: Case) -> BoolArray:
    batch = case.batch
    return all_of(case.model.moe is not None, batch.pp > 1, any_of(batch.tp > 1, batch.ep > 1))


def _etp(case: Case) -> BoolArray:
    batch = case.batch
    return all_of(case.model.moe is not None, batch.ep > 1, batch.etp > 1)


def _experts_duplicated(case: Case) -> BoolArray:
    batch = case.batch
    return all_of(case.model.moe is not None, batch.ep == 1, batch.tp > 1)


def _experts_sharded_with_cp(case: Case) -> BoolArray:
    batch = case.batch
    return all_of(batch.ep > 1, batch.cp > 1, batch.zero_stage >= 3)


def _kv_heads_uneven(case: Case) -> BoolArray:
    kv_heads = case.model.attention.num_kv_heads
    return all_of(case.batch.tp > 1, case.batch.pp == 1, kv_heads < case.batch.tp)


def _sharded_every_microbatch(case: Case) -> BoolArray:
    return all_of(case.batch.zero_stage == 2, case.batch.num_microbatches > 1)


DEEPSPEED: tuple[Rule, ...] = (
    no_chunks("deepspeed", "DeepSpeed's pipeline has one chunk per stage (P)."),
    forbidden(
        name="deepspeed_pipeline_zero",
        when=_sharded_pipeline,
        shown=(ZERO_STAGE, PP),
        sentence="ZeRO-2 and ZeRO-3 are incompatible with pipeline parallelism (P).",
        remedy="Use zero_stage 0 or 1, or pp 1.",
    ),
    forbidden(
        name="deepspeed_shards_over_all",
        when=_hybrid,
        shown=(DP, DP_REPLICATE),
        sentence="ZeRO shards over all replicas; MiCS, which did not, was removed.",
        remedy="Set dp_shard to dp, or emit for megatron or torchtitan.",
    ),
    forbidden(
        name="deepspeed_zero2_every_microbatch",
        when=_sharded_every_microbatch,
        shown=(ZERO_STAGE, NUM_MICROBATCHES),
        sentence="ZeRO-2 scatters gradients in every micro-batch, where the plan reckons with one"
        " exchange per step (E).",
        remedy="Use zero_stage 1 or 3, or one micro-batch.",
    ),
    forbidden(
        name="deepspeed_ulysses_alone",
        when=_tp_with_cp,
        shown=(CP, TP, PP),
        sentence="Ulysses sequence parallelism excludes tensor and pipeline parallelism (F, S).",
        remedy="Set cp to 1, or tp and pp to 1, or emit for megatron or torchtitan.",
    ),
    multiple_of(
        name="deepspeed_heads_over_ulysses",
        dividend=HEADS,
        divisor=CP,
        sentence="Ulysses deals whole attention heads to the ranks of a sequence (S).",
        remedy="Choose a cp that divides the heads.",
    ),
    multiple_of(
        name="deepspeed_kv_heads_over_ulysses",
        dividend=KV_HEADS,
        divisor=CP,
        applies=lambda c: (c.batch.cp > 1) & (c.model.attention.num_kv_heads >= c.batch.cp),
        sentence="Ulysses deals whole key/value heads too (S).",
        remedy="Choose a cp that divides the key/value heads.",
    ),
    forbidden(
        name="deepspeed_kv_heads",
        when=_kv_heads_uneven,
        shown=(KV_HEADS, TP),
        sentence="AutoTP gives every rank a key/value head of its own (E).",
        remedy="Lower tp to the key/value heads.",
    ),
    no_sequence_parallel("deepspeed"),
    forbidden(
        name="deepspeed_etp",
        when=_etp,
        shown=(EP, ETP),
        sentence="AutoEP does not split an expert (F: expert_tensor_parallel_size is reserved).",
        remedy="Set etp to 1, or emit for megatron.",
    ),
    forbidden(
        name="deepspeed_experts_duplicated",
        when=_experts_duplicated,
        shown=(EP, TP),
        sentence="AutoEP with AutoTP needs ep above 1: otherwise every tensor-parallel rank counts"
        " the experts' gradients again (F).",
        remedy="Raise ep, or set tp to 1.",
    ),
    forbidden(
        name="deepspeed_experts_in_pipeline",
        when=_experts_in_pipeline,
        shown=(PP, TP, EP),
        sentence="Folded experts run with pp 1 only, and AutoEP does not see into a pipeline"
        " module (F).",
        remedy="Set pp to 1, or emit for megatron or torchtitan.",
    ),
    forbidden(
        name="deepspeed_experts_sharded_with_ulysses",
        when=_experts_sharded_with_cp,
        shown=(EP, CP, ZERO_STAGE),
        sentence="AutoEP under ZeRO-3 does not support sequence parallelism (E).",
        remedy="Use zero_stage 1, or cp 1.",
    ),
    forbidden(
        name="deepspeed_mtp_in_pipeline",
        when=lambda c: all_of(c.model.mtp_layers > 0, c.batch.pp > 1),
        shown=(MTP_LAYERS, PP),
        sentence="A pipeline module is a plain list of layers, without prediction modules.",
        remedy="Set pp to 1, or emit for megatron.",
    ),
    no_selective_recompute("deepspeed"),
    precisions("deepspeed", (Precision.BF16,)),
    optimizers("deepspeed", (Optimizer.ADAM, Optimizer.ADAM_8BIT, Optimizer.MUON)),
    *plain_features("deepspeed", (MoeDispatcher.ALLTOALL, MoeDispatcher.DEEPEP)),
)


def deepspeed_rules(version: str = "") -> RuleSet:
    """The rules of one release of DeepSpeed, the newest known when ``version`` is empty."""
    return RuleSet(
        name="deepspeed",
        release=known_release("deepspeed", version, RELEASES),
        rules=MATHEMATICS + DEEPSPEED,
        choice_rules=(
            *SINGLE_MATHEMATICS,
            plain_schedules("deepspeed"),
            whole_layer_recompute("deepspeed"),
            synchronous_sites("deepspeed"),
        ),
        zero_stages=(1, 3),
        sequence_parallel=False,
    )
