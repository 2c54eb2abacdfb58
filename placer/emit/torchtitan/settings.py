"""A plan as torchtitan's settings, whichever dialect writes them down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from placer.emit.torchtitan.rules import CLI_RELEASE, QUANTISED_BITS, TOML_RELEASE
from placer.plan.strategy import RecomputeGranularity
from placer.spec.run import MoeDispatcher

if TYPE_CHECKING:
    from collections.abc import Iterator

    from placer.emit.site_jobs import SiteJob
    from placer.plan.plan import Plan
    from placer.plan.strategy import Strategy

FULLY_SHARDED: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """``section.key = value``, and why it is there when that is not plain."""

    section: str
    key: str
    value: int | bool | str
    reason: str = ""


def settings(plan: Plan, release: str, job: SiteJob | None = None) -> tuple[Setting, ...]:
    """Everything the plan decides, by section; the pipeline's modules are apart.

    ``job`` is the site's where sites train apart.
    """
    apart = () if job is None else _fault_tolerance(job)
    return (
        *_training(plan, release, plan.run.global_batch_size if job is None else job.batch),
        *_parallelism(plan, release),
        *_compile(plan, release),
        *apart,
    )


def recompute_mode(strategy: Strategy) -> str:
    """``full`` or ``none``: torchtitan's name for the recomputation."""
    full = strategy.recompute.granularity is RecomputeGranularity.FULL
    return "full" if full else "none"


def shard_and_replicate(strategy: Strategy) -> tuple[int, int]:
    """Replicas that share a sharded copy of the parameters, and how many such copies there are."""
    if strategy.zero_stage == 0:
        return 1, strategy.dp
    return strategy.dp_shard, strategy.dp_replicate


def _training(plan: Plan, release: str, batch: int) -> Iterator[Setting]:
    strategy, run = plan.strategy, plan.run
    apart = batch != run.global_batch_size
    pipelined = strategy.pp > 1
    local = strategy.micro_batch_size * (strategy.num_microbatches if pipelined else 1)
    yield Setting(
        section="training",
        key="local_batch_size",
        value=local,
        reason=(
            f"One pass of the pipeline takes all {strategy.num_microbatches} micro-batches of"
            f" {strategy.micro_batch_size}."
            if pipelined
            else f"One micro-batch; {strategy.num_microbatches} of them accumulate."
        ),
    )
    yield Setting(
        section="training",
        key="global_batch_size",
        value=batch,
        reason=f"{run.global_batch_size} = {strategy.micro_batch_size} *"
        f" {strategy.num_microbatches} micro-batches * dp {strategy.dp}"
        + (f", of all sites {batch}." if apart else "."),
    )
    yield Setting(section="training", key="seq_len", value=run.seq_len)
    if release == CLI_RELEASE:
        reason = "The plan has no captured graphs, and a pipeline cannot be captured."
        yield Setting(section="training", key="disable_cuda_graphs", value=True, reason=reason)


def _fault_tolerance(job: SiteJob) -> Iterator[Setting]:
    """What torchft needs: this site is one replica group of its DiLoCo."""
    section, cross_site = "fault_tolerance", job.cross_site
    yield Setting(
        section=section,
        key="enable",
        value=True,
        reason="Replica groups meet at the lighthouse; FSDP stays inside the site.",
    )
    yield Setting(section=section, key="replica_id", value=job.index, reason=f"Site {job.site}.")
    yield Setting(section=section, key="group_size", value=cross_site.replicas)
    yield Setting(section=section, key="min_replica_size", value=cross_site.replicas)
    yield Setting(section=section, key="process_group", value="nccl")
    yield Setting(section=section, key="semi_sync_method", value="diloco")
    yield Setting(
        section=section,
        key="sync_steps",
        value=cross_site.inner_steps or 1,
        reason="The outer optimizer is torchtitan's: SGD with Nesterov's momentum 0.9, rate 0.7.",
    )
    if cross_site.fragments is not None:
        yield Setting(section=section, key="num_fragments", value=cross_site.fragments)
        yield Setting(
            section=section, key="fragment_sync_delay", value=cross_site.overlap_steps or 0
        )
    if cross_site.outer_bits == QUANTISED_BITS:
        yield Setting(section=section, key="should_quantize", value=True)


def _parallelism(plan: Plan, release: str) -> Iterator[Setting]:
    strategy = plan.strategy
    for key, value, reason in _degrees(plan, release):
        yield Setting(section="parallelism", key=key, value=value, reason=reason)
    if release == CLI_RELEASE and strategy.tp > 1 and not strategy.sequence_parallel:
        yield Setting(section="parallelism", key="enable_sequence_parallel", value=False)
    if strategy.zero_stage > 0:
        yield _resharding(strategy)
    if strategy.pp > 1:
        schedule = "Interleaved1F1B" if strategy.vpp > 1 else "1F1B"
        yield Setting(section="parallelism", key="pipeline_parallel_schedule", value=schedule)
        yield Setting(
            section="parallelism",
            key="pipeline_parallel_microbatch_size",
            value=strategy.micro_batch_size,
        )


def _degrees(plan: Plan, release: str) -> Iterator[tuple[str, int, str]]:
    strategy = plan.strategy
    shard, replicate = shard_and_replicate(strategy)
    product = (
        f"{strategy.num_gpus} ranks = replicate {replicate} * shard {shard} * cp {strategy.cp} * tp"
        f" {strategy.tp} * pp {strategy.pp}."
    )
    yield "data_parallel_replicate_degree", replicate, product
    yield "data_parallel_shard_degree", shard, ""
    yield "tensor_parallel_degree", strategy.tp, ""
    yield "context_parallel_degree", strategy.cp, ""
    yield "pipeline_parallel_degree", strategy.pp, ""
    if plan.model.moe is None:
        return
    reason = (
        "Experts borrow ranks from sharding, context and tensor parallelism: this may exceed data"
        f" parallelism ({strategy.dp})."
    )
    yield "expert_parallel_degree", strategy.ep, reason
    if release == TOML_RELEASE and strategy.ep > 1:
        yield "expert_tensor_parallel_degree", strategy.etp, ""


def _resharding(strategy: Strategy) -> Setting:
    """Whether FSDP lets go of gathered parameters after a forward pass."""
    if strategy.zero_stage == FULLY_SHARDED:
        value, reason = "always", "Parameters are gathered for every pass and let go after it."
    else:
        value, reason = "never", "Parameters stay gathered until the step ends, as planned."
    return Setting(
        section="parallelism", key="fsdp_reshard_after_forward", value=value, reason=reason
    )


def _compile(plan: Plan, release: str) -> Iterator[Setting]:
    features = plan.run.features
    if features.compile:
        yield Setting(section="compile", key="enable", value=True)
    if features.tp_comm_overlap and plan.strategy.tp > 1:
        section = "parallelism" if release == TOML_RELEASE else "compile"
        yield Setting(section=section, key="enable_async_tensor_parallel", value=True)
    deepep = features.moe_dispatcher is MoeDispatcher.DEEPEP and plan.strategy.ep > 1
    if deepep and release == TOML_RELEASE:
        yield Setting(section="parallelism", key="expert_parallel_comm_backend", value="deepep")
