"""What Hugging Face Accelerate forbids, as far as placement is concerned.

Read in the wheel of accelerate 1.15.0: C is ``parallelism_config.py``, A ``accelerator.py``.
"""

from __future__ import annotations

from typing import Final

from placer.emit.limits import (
    DP_REPLICATE,
    ZERO_STAGE,
    experts_follow_tp,
    gradients,
    no_chunks,
    no_pipeline,
    no_selective_recompute,
    no_sequence_parallel,
    no_tp_overlap,
    plain_features,
    precisions,
    seq_over_twice_cp,
    synchronous_sites,
    unstated,
    whole_layer_recompute,
)
from placer.emit.releases import known_release
from placer.plan.arithmetic import all_of, any_of, forbidden
from placer.plan.legality import BoolArray, Case, Rule, RuleSet
from placer.plan.mathematics import (
    CP,
    DP,
    DP_SHARD,
    EP,
    MATHEMATICS,
    NUM_MICROBATCHES,
    SINGLE_MATHEMATICS,
    TP,
)
from placer.spec.run import MoeDispatcher, Optimizer, Precision

RELEASES: Final = ("1.15.0",)


def _replicas_beside_shards(case: Case) -> BoolArray:
    batch = case.batch
    return all_of(batch.zero_stage == 0, batch.dp > 1, any_of(batch.tp > 1, batch.cp > 1))


def _context_unsharded(case: Case) -> BoolArray:
    return all_of(case.batch.cp > 1, case.batch.zero_stage == 0)


def _nothing_to_shard(case: Case) -> BoolArray:
    batch = case.batch
    return all_of(
        batch.zero_stage > 0, any_of(batch.dp > 1, batch.tp > 1), batch.dp_shard * batch.cp == 1
    )


def _single_shard_replicated(case: Case) -> BoolArray:
    batch = case.batch
    return all_of(batch.zero_stage > 0, batch.dp_shard == 1, batch.dp > 1, batch.cp > 1)


def _sharded_once_per_step(case: Case) -> BoolArray:
    batch = case.batch
    once = any_of(batch.zero_stage == 1, batch.zero_stage == 2)
    return all_of(once, batch.num_microbatches > 1, batch.dp * batch.cp > 1)


ACCELERATE: tuple[Rule, ...] = (
    no_pipeline("accelerate", "Accelerate's meshes have no pipeline axis (C)."),
    no_chunks("accelerate", "Without a pipeline there are no chunks."),
    forbidden(
        name="accelerate_no_expert_parallel",
        when=lambda c: c.batch.ep > 1,
        shown=(EP,),
        sentence="Accelerate's meshes have no expert axis (C).",
        remedy="Set ep to 1, or emit for megatron, torchtitan, deepspeed or maxtext.",
    ),
    experts_follow_tp("accelerate"),
    no_sequence_parallel("accelerate"),
    seq_over_twice_cp("accelerate"),
    forbidden(
        name="accelerate_replicas_beside_shards",
        when=_replicas_beside_shards,
        shown=(ZERO_STAGE, DP, TP, CP),
        sentence="Tensor and context parallelism go with sharded replicas only (C).",
        remedy="Use zero_stage 3.",
    ),
    forbidden(
        name="accelerate_context_shards",
        when=_context_unsharded,
        shown=(CP, ZERO_STAGE),
        sentence="Context parallelism always shards parameters too (C: dp_shard_cp).",
        remedy="Use zero_stage 3.",
    ),
    forbidden(
        name="accelerate_nothing_to_shard",
        when=_nothing_to_shard,
        shown=(ZERO_STAGE, DP_SHARD, CP),
        sentence="FSDP2 needs a shard group above 1 (C).",
        remedy="Raise dp_shard or cp, or use zero_stage 0.",
    ),
    forbidden(
        name="accelerate_single_shard_replicated",
        when=_single_shard_replicated,
        shown=(DP_SHARD, DP_REPLICATE, CP),
        sentence="Context parallelism does not go with replicas of a shard group of one (C).",
        remedy="Raise dp_shard.",
    ),
    forbidden(
        name="accelerate_shards_every_microbatch",
        when=_sharded_once_per_step,
        shown=(ZERO_STAGE, NUM_MICROBATCHES),
        sentence="FSDP2 gathers parameters in every micro-batch (A).",
        remedy="Use zero_stage 3, one micro-batch, or emit for megatron or deepspeed.",
    ),
    no_selective_recompute("accelerate"),
    no_tp_overlap("accelerate"),
    precisions("accelerate", (Precision.BF16, Precision.FP8)),
    gradients("accelerate"),
    unstated(
        "accelerate_optimizer",
        lambda run: run.optimizer is not Optimizer.MUON,
        "Accelerate hands the optimizer sharded tensors, which Muon cannot orthogonalise.",
        "Use another optimizer, or emit for megatron.",
    ),
    *plain_features("accelerate", (MoeDispatcher.ALLTOALL,)),
)


def accelerate_rules(version: str = "") -> RuleSet:
    """The rules of one release of Accelerate, the newest known when ``version`` is empty."""
    return RuleSet(
        name="accelerate",
        release=known_release("accelerate", version, RELEASES),
        rules=MATHEMATICS + ACCELERATE,
        choice_rules=(
            *SINGLE_MATHEMATICS,
            whole_layer_recompute("accelerate"),
            synchronous_sites("accelerate"),
        ),
        zero_stages=(1, 3),
        sequence_parallel=False,
    )
