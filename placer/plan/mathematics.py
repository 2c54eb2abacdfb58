"""What any framework would have to respect: arithmetic of groups, batches and equal shards.

These are the rules of ``--framework any``, and the first rules of every framework: the cost model
splits every tensor evenly, so a strategy that breaks one of them has no meaningful cost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from placer.plan.arithmetic import Quantity, all_of, any_of, at_least, forbidden, multiple_of
from placer.plan.legality import BoolArray, Case, ChoiceRule, Rule, RuleSet
from placer.plan.strategy import CrossSiteMode, Schedule

if TYPE_CHECKING:
    from placer.plan.strategy import IntArray, Strategy


def degree(axis: str) -> Quantity:
    """A degree of the strategy itself."""

    def values(case: Case) -> IntArray:
        column: IntArray = getattr(case.batch, axis)
        return column

    return Quantity(label=axis, values=values)


TP, CP, EP, ETP, PP, VPP, DP = (degree(a) for a in ("tp", "cp", "ep", "etp", "pp", "vpp", "dp"))
DP_SHARD = degree("dp_shard")
NUM_MICROBATCHES = degree("num_microbatches")

HEADS = Quantity(label="num_attention_heads", values=lambda c: c.model.attention.num_heads)
FFN = Quantity(label="ffn_hidden_size", values=lambda c: c.model.mlp.ffn_hidden_size)
EXPERTS = Quantity(
    label="num_experts", values=lambda c: c.model.moe.num_experts if c.model.moe else 0
)
MOE_FFN = Quantity(
    label="moe_ffn_hidden_size", values=lambda c: c.model.moe.ffn_hidden_size if c.model.moe else 0
)
SHARED_FFN = Quantity(
    label="moe_shared_ffn_hidden_size",
    values=lambda c: c.model.moe.shared_ffn_hidden_size if c.model.moe else 0,
)
SEQ_LEN = Quantity(label="seq_len", values=lambda c: c.run.seq_len)
GLOBAL_BATCH = Quantity(label="global_batch_size", values=lambda c: c.run.global_batch_size)
BATCH_PRODUCT = Quantity(
    label="micro_batch_size * num_microbatches * dp",
    values=lambda c: c.batch.micro_batch_size * c.batch.num_microbatches * c.batch.dp,
)
STAGE_GPUS = Quantity(label="tp * cp * dp", values=lambda c: c.batch.tp * c.batch.cp * c.batch.dp)
EXPERT_BLOCK = Quantity(label="ep * etp", values=lambda c: c.batch.ep * c.batch.etp)
PIPELINE_SLOTS = Quantity(label="pp * vpp", values=lambda c: c.batch.pp * c.batch.vpp)
LAYERS_AND_ENDS = Quantity(
    label="decoder layers, embedding, loss and MTP block together",
    values=lambda c: c.model.num_layers + 2 + (1 if c.model.mtp_layers else 0),
)


def is_moe(case: Case) -> bool:
    """Whether the model has experts."""
    return case.model.moe is not None


def has_dense_mlp(case: Case) -> bool:
    """Whether some layer has a dense MLP."""
    return case.model.has_dense_layers


def _batch_mismatch(case: Case) -> BoolArray:
    product = case.batch.micro_batch_size * case.batch.num_microbatches * case.batch.dp
    return all_of(product != case.run.global_batch_size)


def _below_one(case: Case) -> BoolArray:
    names = ("tp", "cp", "ep", "etp", "pp", "vpp", "dp", "micro_batch_size", "num_microbatches")
    return any_of(*(getattr(case.batch, name) < 1 for name in (*names, "dp_shard")))


def _experts_without_moe(case: Case) -> BoolArray:
    batch = case.batch
    split = any_of(batch.ep > 1, all_of(batch.etp > 1, batch.etp != batch.tp))
    return all_of(case.model.moe is None, split)


def _positions_run_out(case: Case) -> bool:
    return case.model.learned_positions and case.run.seq_len > case.model.max_seq_len


MATHEMATICS: tuple[Rule, ...] = (
    forbidden(
        name="degrees_positive",
        when=_below_one,
        shown=(TP, CP, EP, ETP, PP, VPP, DP, NUM_MICROBATCHES),
        sentence="Every degree and batch count is at least 1.",
        remedy="Give each degree a positive value.",
    ),
    forbidden(
        name="batch_arithmetic",
        when=_batch_mismatch,
        shown=(BATCH_PRODUCT, GLOBAL_BATCH),
        sentence="Micro-batch size, micro-batches and replicas multiply to the global batch.",
        remedy="Choose dp and micro_batch_size whose product divides the global batch.",
    ),
    multiple_of(
        name="expert_grid",
        dividend=STAGE_GPUS,
        divisor=EXPERT_BLOCK,
        sentence="The expert groups tile the GPUs of a pipeline stage.",
        remedy="Lower ep or etp, or raise dp.",
    ),
    multiple_of(
        name="shard_divides_dp",
        dividend=DP,
        divisor=DP_SHARD,
        sentence="Shard groups tile the replicas: dp_shard * dp_replicate = dp.",
        remedy="Choose a dp_shard that divides dp.",
    ),
    forbidden(
        name="experts_need_moe",
        when=_experts_without_moe,
        shown=(EP, ETP, TP),
        sentence="A model without experts has nothing to split over ep or etp.",
        remedy="Set ep and etp to 1.",
    ),
    multiple_of(
        name="heads_over_tp",
        dividend=HEADS,
        divisor=TP,
        sentence="Each GPU of a tensor-parallel group holds the same number of attention heads.",
        remedy="Choose a tp that divides the heads.",
    ),
    multiple_of(
        name="ffn_over_tp",
        dividend=FFN,
        divisor=TP,
        applies=has_dense_mlp,
        sentence="Each GPU of a tensor-parallel group holds the same share of a dense MLP.",
        remedy="Choose a tp that divides the MLP width.",
    ),
    multiple_of(
        name="experts_over_ep",
        dividend=EXPERTS,
        divisor=EP,
        applies=is_moe,
        sentence="Each GPU of an expert-parallel group holds the same number of experts.",
        remedy="Choose an ep that divides the experts.",
    ),
    multiple_of(
        name="expert_ffn_over_etp",
        dividend=MOE_FFN,
        divisor=ETP,
        applies=is_moe,
        sentence="Each GPU of an expert-tensor-parallel group holds the same share of an expert.",
        remedy="Choose an etp that divides the expert width.",
    ),
    multiple_of(
        name="shared_expert_over_tp",
        dividend=SHARED_FFN,
        divisor=TP,
        applies=is_moe,
        sentence="Each GPU of a tensor-parallel group holds the same share of the shared experts.",
        remedy="Choose a tp that divides the shared experts' width.",
    ),
    multiple_of(
        name="seq_over_cp",
        dividend=SEQ_LEN,
        divisor=CP,
        sentence="Each GPU of a context-parallel group holds the same number of tokens.",
        remedy="Choose a cp that divides the sequence length.",
    ),
    at_least(
        name="chunk_holds_something",
        left=LAYERS_AND_ENDS,
        right=PIPELINE_SLOTS,
        sentence="No pipeline chunk is empty.",
        remedy="Lower pp or vpp.",
    ),
    at_least(
        name="interleaved_microbatches",
        left=NUM_MICROBATCHES,
        right=PP,
        applies=lambda c: c.batch.vpp > 1,
        sentence="The interleaved schedule runs groups of at least pp micro-batches (S).",
        remedy="Lower pp, set vpp to 1, or raise the number of micro-batches.",
    ),
    forbidden(
        name="positions_run_out",
        when=_positions_run_out,
        shown=(SEQ_LEN, Quantity(label="max_seq_len", values=lambda c: c.model.max_seq_len)),
        sentence="Learned positions end at the model's maximum sequence length.",
        remedy="Use a shorter sequence.",
    ),
)


def _least_microbatches(strategy: Strategy) -> int:
    """Micro-batches from which a schedule leaves the bubble that is known of it."""
    times = {Schedule.ZERO_BUBBLE: 1, Schedule.DUAL_PIPE: 2}.get(strategy.schedule, 0)
    return times * strategy.pp if strategy.pp > 1 else 0


def _shares_add_up(strategy: Strategy) -> bool:
    """Whether replicas add up at whole stages, or stages at whole replicas."""
    shares = strategy.cross_site.shares
    if strategy.cross_site.mode is CrossSiteMode.PIPELINE:
        held = sum(share.pp for share in shares) == strategy.pp
        return held and all(share.dp == strategy.dp for share in shares)
    held = sum(share.dp for share in shares) == strategy.dp
    even = all(share.dp % strategy.dp_shard == 0 for share in shares)
    return held and even and all(share.pp == strategy.pp for share in shares)


SINGLE_MATHEMATICS: tuple[ChoiceRule, ...] = (
    ChoiceRule(
        name="shards_times_replicas",
        sentence="Shard groups and their replicas make up data parallelism.",
        refuses=lambda c: c.strategy.dp_shard * c.strategy.dp_replicate != c.strategy.dp,
        arithmetic=lambda c: (
            f"dp_shard {c.strategy.dp_shard} * dp_replicate {c.strategy.dp_replicate} ="
            f" {c.strategy.dp_shard * c.strategy.dp_replicate}, dp {c.strategy.dp}"
        ),
        remedy="Set dp_replicate to dp / dp_shard.",
    ),
    ChoiceRule(
        name="schedule_fills",
        sentence="Zero-bubble runs at least pp micro-batches, DualPipe 2 pp (deepseek-ai/DualPipe).",
        refuses=lambda c: c.strategy.num_microbatches < _least_microbatches(c.strategy),
        arithmetic=lambda c: (
            f"num_microbatches {c.strategy.num_microbatches} < {_least_microbatches(c.strategy)},"
            f" pp {c.strategy.pp}, {c.strategy.schedule.value}"
        ),
        remedy="Raise the number of micro-batches, or set schedule 1f1b.",
    ),
    ChoiceRule(
        name="sites_divide_dp",
        sentence="Each site holds the same number of data-parallel replicas, unless it says how many.",
        refuses=lambda c: (
            not c.strategy.cross_site.shares and c.strategy.dp % c.strategy.cross_site.replicas != 0
        ),
        arithmetic=lambda c: (
            f"dp {c.strategy.dp} % replicas {c.strategy.cross_site.replicas} ="
            f" {c.strategy.dp % c.strategy.cross_site.replicas}"
        ),
        remedy="Choose a dp the cross-site replicas divide.",
    ),
    ChoiceRule(
        name="sites_cross_once",
        sentence="A pipeline that runs through sites has one model chunk per stage, so that it leaves"
        " each site once.",
        refuses=lambda c: (
            c.strategy.cross_site.mode is CrossSiteMode.PIPELINE
            and bool(c.strategy.cross_site.shares)
            and c.strategy.vpp > 1
        ),
        arithmetic=lambda c: f"vpp {c.strategy.vpp}",
        remedy="Use vpp 1, or let gradients cross.",
    ),
    ChoiceRule(
        name="sites_share_the_job",
        sentence="The sites together hold every replica, under a pipeline every stage, once.",
        refuses=lambda c: bool(c.strategy.cross_site.shares) and not _shares_add_up(c.strategy),
        arithmetic=lambda c: (
            "; ".join(f"{s.site} dp {s.dp} pp {s.pp}" for s in c.strategy.cross_site.shares)
            + f" of dp {c.strategy.dp} pp {c.strategy.pp}"
        ),
        remedy="Divide dp over the sites, or pp where a pipeline runs through them.",
    ),
)

ANY_FRAMEWORK = RuleSet(name="any", release="", rules=MATHEMATICS, choice_rules=SINGLE_MATHEMATICS)
