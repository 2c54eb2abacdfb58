"""What torchtitan forbids, as far as placement is concerned.

Read in the wheels of torchtitan 0.2.2 and 0.3.0: D is ``distributed/parallel_dims.py``, P
``distributed/pipeline_parallel.py``, M the models' ``parallelize.py``, T ``trainer.py``; S is
``torch/distributed/pipelining/schedules.py`` of torch 2.13. What a rule says of sharding: FSDP2
gathers parameters and scatters gradients around every micro-batch, except in a pipeline, whose
stages do both once per step (``backward_maybe_with_nosync``, never resharded).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

import numpy as np

from placer.emit.diloco import asynchronous, diloco_rules, fragments_rule
from placer.emit.limits import (
    DP_REPLICATE,
    ZERO_STAGE,
    chunks_need_pipeline,
    gradients,
    no_selective_recompute,
    optimizers,
    plain_features,
    plain_schedules,
    precisions,
    seq_over_twice_cp,
    sequence_parallel_with_tp,
    synchronous_sites,
    unstated,
    whole_layer_recompute,
)
from placer.emit.releases import known_release
from placer.plan.arithmetic import Quantity, all_of, any_of, at_least, forbidden, multiple_of
from placer.plan.legality import BoolArray, Case, Choice, ChoiceRule, Rule, RuleSet
from placer.plan.mathematics import (
    CP,
    DP,
    EP,
    ETP,
    EXPERT_BLOCK,
    MATHEMATICS,
    NUM_MICROBATCHES,
    PP,
    SEQ_LEN,
    SINGLE_MATHEMATICS,
    TP,
    VPP,
)
from placer.plan.strategy import CrossSiteMode, IntArray
from placer.spec.run import MoeDispatcher, Optimizer, Precision

TOML_RELEASE: Final = "0.2.2"
CLI_RELEASE: Final = "0.3.0"
RELEASES: Final = (TOML_RELEASE, CLI_RELEASE)
QUANTISED_BITS: Final = 8
"""torchft's quantisation of outer gradients is FP8 (torchft 0.2.0, quantization.py)."""
WHOLE_BITS: Final = 32
"""Outer gradients otherwise have the parameters' own format, fp32."""

SHARD_GPUS = Quantity(
    label="tp * cp * dp_shard", values=lambda c: c.batch.tp * c.batch.cp * c.batch.dp_shard
)
MTP_LAYERS = Quantity(label="mtp_layers", values=lambda c: c.model.mtp_layers)


def _rounds(case: Case) -> IntArray:
    rounds: IntArray = np.maximum(case.batch.num_microbatches // np.maximum(case.batch.pp, 1), 1)
    return rounds


ROUNDS = Quantity(label="num_microbatches // pp", values=_rounds)
SEQUENCE_SHARDS = Quantity(
    label="tp * 2 * cp", values=lambda c: c.batch.tp * np.where(c.batch.cp > 1, 2 * c.batch.cp, 1)
)


def _ddp_of_more(case: Case) -> BoolArray:
    batch = case.batch
    others = any_of(batch.tp > 1, batch.cp > 1, batch.pp > 1, batch.ep > 1)
    return all_of(batch.zero_stage == 0, any_of(batch.cp > 1, all_of(batch.dp > 1, others)))


def _ddp_accumulates(case: Case) -> BoolArray:
    batch = case.batch
    return all_of(batch.zero_stage == 0, batch.dp > 1, batch.num_microbatches > 1)


def _sharded_once_per_step(case: Case) -> BoolArray:
    batch = case.batch
    once = any_of(batch.zero_stage == 1, batch.zero_stage == 2)
    return all_of(once, batch.pp == 1, batch.num_microbatches > 1, batch.dp * batch.cp > 1)


def _sharded_every_pass(case: Case) -> BoolArray:
    return all_of(case.batch.zero_stage >= 2, case.batch.pp > 1)


def _shards_of_one(case: Case) -> BoolArray:
    batch = case.batch
    return all_of(batch.zero_stage > 0, batch.dp > 1, batch.dp_shard * batch.cp == 1)


def _hybrid_experts(case: Case) -> BoolArray:
    return all_of(case.model.moe is not None, case.batch.dp_shard < case.batch.dp)


def _etp_refused(*, release: str) -> Rule:
    """Experts have tp of their own in 0.2.2 (D, M); 0.3.0 has none once ep is above 1."""
    may_follow_tp = release == TOML_RELEASE

    def when(case: Case) -> BoolArray:
        batch = case.batch
        follows = batch.etp == batch.tp
        split = batch.etp != 1
        refused = all_of(split, ~follows) if may_follow_tp else split
        alone = all_of(batch.ep == 1, ~follows)
        return all_of(case.model.moe is not None, any_of(alone, all_of(batch.ep > 1, refused)))

    allowed = "1 or tp" if may_follow_tp else "1"
    return forbidden(
        name="torchtitan_etp",
        when=when,
        shown=(EP, ETP, TP),
        sentence=f"Experts are split over tp while ep is 1; above, etp is {allowed} (D).",
        remedy=f"Set etp to {allowed} with ep above 1, to tp otherwise, or emit for megatron.",
    )


SHARED: tuple[Rule, ...] = (
    chunks_need_pipeline("torchtitan"),
    seq_over_twice_cp("torchtitan"),
    multiple_of(
        name="torchtitan_seq_over_shards",
        dividend=SEQ_LEN,
        divisor=SEQUENCE_SHARDS,
        applies=lambda c: c.batch.tp > 1,
        sentence="The sequence is cut over tp, times two chunks for each of cp (T, M).",
        remedy="Choose tp and cp with tp * 2 * cp dividing the sequence length.",
    ),
    multiple_of(
        name="torchtitan_experts_in_shard_group",
        dividend=SHARD_GPUS,
        divisor=EXPERT_BLOCK,
        applies=_hybrid_experts,
        sentence="Expert groups tile one shard group: replicas are outside them (D). 0.3.0 does not"
        " check it and trains on fewer ranks.",
        remedy="Lower ep or etp, or raise dp_shard.",
    ),
    forbidden(
        name="torchtitan_ddp_alone",
        when=_ddp_of_more,
        shown=(ZERO_STAGE, DP, TP, CP, PP, EP),
        sentence="Replicas without sharding go with no other parallelism (M: DDP has not supported"
        " > 1D parallelism), and context parallelism always shards.",
        remedy="Use zero_stage 1 with a pipeline or 3 without.",
    ),
    forbidden(
        name="torchtitan_ddp_reduces_every_microbatch",
        when=_ddp_accumulates,
        shown=(ZERO_STAGE, NUM_MICROBATCHES),
        sentence="Replicas without sharding reduce gradients in every micro-batch (T).",
        remedy="Use one micro-batch, or zero_stage 3.",
    ),
    forbidden(
        name="torchtitan_shards_every_microbatch",
        when=_sharded_once_per_step,
        shown=(ZERO_STAGE, NUM_MICROBATCHES),
        sentence="Without a pipeline, FSDP gathers and scatters in every micro-batch (T).",
        remedy="Use zero_stage 3, one micro-batch, or emit for megatron.",
    ),
    forbidden(
        name="torchtitan_pipeline_shards_once",
        when=_sharded_every_pass,
        shown=(ZERO_STAGE, PP),
        sentence="In a pipeline, parameters stay gathered and gradients whole until the last"
        " micro-batch, as zero_stage 1 reckons (P).",
        remedy="Use zero_stage 1, or pp 1.",
    ),
    forbidden(
        name="torchtitan_shard_degree",
        when=_shards_of_one,
        shown=(ZERO_STAGE, DP, DP_REPLICATE),
        sentence="A shard group of one shards nothing.",
        remedy="Raise dp_shard, or use zero_stage 0.",
    ),
    at_least(
        name="torchtitan_microbatches",
        left=NUM_MICROBATCHES,
        right=PP,
        applies=lambda c: c.batch.pp > 1,
        sentence="A pipeline needs at least as many micro-batches as stages (S).",
        remedy="Lower pp, or raise the number of micro-batches.",
    ),
    multiple_of(
        name="torchtitan_rounds",
        dividend=NUM_MICROBATCHES,
        divisor=ROUNDS,
        applies=lambda c: c.batch.vpp > 1,
        sentence="Interleaved1F1B cuts the micro-batches into equal rounds (S).",
        remedy="Choose micro-batches that are a multiple of pp, or set vpp to 1.",
    ),
    no_selective_recompute("torchtitan"),
    optimizers("torchtitan", (Optimizer.ADAM,)),
    precisions("torchtitan", (Precision.BF16,)),
    gradients("torchtitan"),
    unstated(
        "torchtitan_tp_overlap",
        lambda run: run.features.compile or not run.features.tp_comm_overlap,
        "Asynchronous tensor parallelism is the compiler's work (M).",
        "Turn compile on, or tp_comm_overlap off.",
    ),
)

TOML_ONLY: tuple[Rule, ...] = (
    sequence_parallel_with_tp("torchtitan"),
    *plain_features("torchtitan", (MoeDispatcher.ALLTOALL, MoeDispatcher.DEEPEP)),
    forbidden(
        name="torchtitan_mtp",
        when=lambda c: c.model.mtp_layers > 0,
        shown=(MTP_LAYERS,),
        sentence="torchtitan 0.2.2 has no multi-token prediction.",
        remedy="Remove the MTP layers, or emit for megatron.",
    ),
    _etp_refused(release=TOML_RELEASE),
)
CLI_ONLY: tuple[Rule, ...] = (
    *plain_features("torchtitan", (MoeDispatcher.ALLTOALL,)),
    forbidden(
        name="torchtitan_mtp_in_pipeline",
        when=lambda c: all_of(c.model.mtp_layers > 0, c.batch.pp > 1),
        shown=(MTP_LAYERS, PP),
        sentence="Pipeline splits name no multi-token prediction module (P).",
        remedy="Set pp to 1, or emit for megatron.",
    ),
    _etp_refused(release=CLI_RELEASE),
)


def _replicated_inside(choice: Choice) -> bool:
    """Whether a site holds several copies of its shards."""
    strategy = choice.strategy
    return asynchronous(choice) and strategy.dp_replicate != strategy.cross_site.replicas


def _torchft_fragments(choice: Choice) -> bool:
    """Whether fragments are no equal parts of the inner steps, or overlap each other (torchft)."""
    cross_site = choice.strategy.cross_site
    steps, fragments = cross_site.inner_steps or 1, cross_site.fragments or 1
    between, rest = divmod(steps, fragments)
    return rest > 0 or (cross_site.overlap_steps or 0) >= between


TORCHFT: tuple[ChoiceRule, ...] = diloco_rules(
    "torchtitan",
    bits=(QUANTISED_BITS, WHOLE_BITS),
    says_bits="torchft sends outer gradients in FP8, or in the parameters' own fp32.",
    own=(
        ChoiceRule(
            name="torchtitan_diloco_replicas",
            sentence="torchft counts one replica group per site: data_parallel_replicate_degree is 1"
            " (experiments/torchft/manager.py).",
            refuses=_replicated_inside,
            arithmetic=lambda c: (
                f"dp_replicate {c.strategy.dp_replicate} at {c.strategy.cross_site.replicas} sites"
            ),
            remedy="Share states over a whole site, or emit for maxtext.",
        ),
        fragments_rule(
            "torchtitan",
            sentence="torchft sends fragments at equal distances, one at a time (local_sgd.py).",
            refuses=_torchft_fragments,
            arithmetic=lambda c: (
                f"{c.strategy.cross_site.inner_steps} inner steps, {c.strategy.cross_site.fragments}"
                f" fragments, {c.strategy.cross_site.overlap_steps} steps of overlap"
            ),
            remedy="Use inner steps that are a multiple of the fragments, or diloco.",
        ),
    ),
)


_ONE_PART: tuple[Rule, ...] = (
    forbidden(
        name="torchtitan_diloco_chunks",
        when=lambda c: all_of(c.batch.vpp > 1),
        shown=(VPP,),
        sentence="torchft's DiLoCo synchronises the first model part of each rank"
        " (experiments/torchft/trainer.py).",
        remedy="Set vpp to 1, or emit for maxtext.",
    ),
    forbidden(
        name="torchtitan_diloco_sharding",
        when=lambda c: all_of(c.batch.zero_stage == 0),
        shown=(ZERO_STAGE,),
        sentence="Under torchft a site shards with FSDP.",
        remedy="Use zero_stage 1 or 3.",
    ),
    forbidden(
        name="torchtitan_diloco_experts",
        when=lambda c: all_of(c.batch.ep >= 1, c.model.moe is not None),
        shown=(EP,),
        sentence="The configurations with torchft are of Llama 3 (experiments/torchft/llama3).",
        remedy="Emit for maxtext.",
    ),
)
_WHOLE_MODEL: Final = forbidden(
    name="torchtitan_diloco_fragments_in_pipeline",
    when=lambda c: all_of(c.batch.pp > 1),
    shown=(PP,),
    sentence="Fragments are cut from the whole model (experiments/torchft/diloco/utils.py).",
    remedy="Set pp to 1, or use diloco.",
)
TORCHFT_COLUMNS: Final = MappingProxyType(
    {
        CrossSiteMode.DILOCO: _ONE_PART,
        CrossSiteMode.STREAMING_DILOCO: (*_ONE_PART, _WHOLE_MODEL),
    }
)


def torchtitan_rules(version: str = "") -> RuleSet:
    """The rules of one release of torchtitan, the newest known when ``version`` is empty."""
    release = known_release("torchtitan", version, RELEASES)
    own = TOML_ONLY if release == TOML_RELEASE else CLI_ONLY
    sites = (synchronous_sites("torchtitan"),) if release == TOML_RELEASE else TORCHFT
    return RuleSet(
        name="torchtitan",
        release=release,
        rules=MATHEMATICS + SHARED + own,
        choice_rules=(
            *SINGLE_MATHEMATICS,
            plain_schedules("torchtitan"),
            whole_layer_recompute("torchtitan"),
            *sites,
        ),
        site_rules={} if release == TOML_RELEASE else TORCHFT_COLUMNS,
        zero_stages=(1, 3),
    )
