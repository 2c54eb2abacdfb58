"""A plan as Megatron-LM's command line: a bash array, one flag per line, with what to watch for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from placer.emit.argument import Argument, Section, comment, flag, section_lines
from placer.emit.megatron.architecture import architecture
from placer.emit.megatron.layout import is_default, layout_string
from placer.emit.megatron.releases import release_named
from placer.plan.microbatch_groups import microbatch_group_size
from placer.plan.strategy import RecomputeGranularity
from placer.spec.run import AttentionKernel, CudaGraph, GradientRecipe, Optimizer, Precision

if TYPE_CHECKING:
    from collections.abc import Iterable

    from placer.emit.megatron.releases import MegatronRelease
    from placer.plan.plan import Plan
    from placer.plan.strategy import CrossSite, Strategy

_PRECISION_FLAGS: Final = {
    Precision.BF16: (),
    Precision.FP8: (("--fp8-format", "hybrid"), ("--fp8-recipe", "tensorwise")),
    Precision.MXFP8: (("--fp8-format", "e4m3"), ("--fp8-recipe", "mxfp8")),
    Precision.NVFP4: (("--fp4-format", "e2m1"), ("--fp4-recipe", "nvfp4")),
}
_MOMENT_TYPES: Final = {Optimizer.ADAM_BF16: "bf16", Optimizer.ADAM_8BIT: "fp8"}
_SHARDED_PARTS: Final = {2: "optim_grads", 3: "optim_grads_params"}
_ATTENTION_BACKENDS: Final = {
    AttentionKernel.UNFUSED: "unfused",
    AttentionKernel.FLASH2: "flash",
    AttentionKernel.TUNED: "auto",
}


def sections(plan: Plan, version: str) -> tuple[Section, ...]:
    """All arguments of a plan, by concern."""
    release = release_named(version)
    return (
        *architecture(plan),
        _parallelism(plan),
        _batch(plan),
        _recomputation(plan.strategy),
        _precision(plan, release),
        _optimizer(plan, release),
    )


def argument_words(plan: Plan, version: str) -> tuple[str, ...]:
    """The command line itself, word by word."""
    return tuple(
        word
        for section in sections(plan, version)
        for argument in section.arguments
        for word in argument.words
    )


def argument_file(plan: Plan, version: str) -> str:
    """The arguments as a file to source: ``MEGATRON_ARGS=( ... )``."""
    release = release_named(version)
    strategy = plan.strategy
    lines = [
        comment(f"{plan.model.name} on {plan.cluster.name}: arguments for Megatron-LM"),
        comment(
            f"(megatron-core {release.version}), {strategy.num_gpus} GPUs,"
            f" {plan.estimate.step_time_s:.3f} s per step."
        ),
        comment(""),
        *(comment(line) for line in _ABOUT),
        "MEGATRON_ARGS=(",
    ]
    for section in sections(plan, version):
        lines += [*section_lines(section), ""]
    return "\n".join([*lines[:-1], ")", ""])


_ABOUT: Final = (
    'Source this file in bash and pass "${MEGATRON_ARGS[@]}" to pretrain_gpt.py. Tokenizer, data,',
    "learning rate, checkpoints and the number of steps are yours to add.",
    "",
    "Where a rank runs decides who its neighbours are: Megatron-LM derives every group from the",
    "rank alone (order tp-cp-ep-dp-pp), so start the ranks on the hosts of rank_table.json, in that",
    "order. A launcher that sorts hosts by name undoes the placement.",
)


def _parallelism(plan: Plan) -> Section:
    strategy = plan.strategy
    arguments = [
        flag("--tensor-model-parallel-size", strategy.tp),
        flag("--pipeline-model-parallel-size", strategy.pp),
        flag("--context-parallel-size", strategy.cp),
    ]
    if plan.model.moe is not None:
        arguments.append(
            flag(
                "--expert-model-parallel-size",
                strategy.ep,
                reason="Experts have their own grid over the same ranks, so this may exceed"
                f" data parallelism ({strategy.dp}).",
            )
        )
        arguments.append(flag("--expert-tensor-parallel-size", strategy.etp))
    arguments += [*_tensor_parallelism(plan), *_pipeline(plan)]
    note = (
        f"Data parallelism follows: {strategy.num_gpus} ranks / (tp {strategy.tp} * cp"
        f" {strategy.cp} * pp {strategy.pp}) = {strategy.dp}."
    )
    notes = (note, *_sites(strategy.cross_site))
    return Section(title="Parallelism", arguments=tuple(arguments), notes=notes)


def _sites(cross_site: CrossSite) -> Iterable[str]:
    """What each of several sites holds; its ranks are in the file ``sites``."""
    if len(cross_site.shares) < 2:
        return
    whole = not cross_site.by_replica
    held = (f"{s.site} {s.pp if whole else s.dp}" for s in cross_site.shares)
    what = "pipeline stages" if whole else "replicas"
    yield f"Sites hold consecutive {what}: {', '.join(held)} (ranks: file sites)."


def _tensor_parallelism(plan: Plan) -> Iterable[Argument]:
    if plan.strategy.tp == 1:
        return
    if plan.strategy.sequence_parallel:
        reason = "With experts, training fails in the first forward pass without it."
        yield flag("--sequence-parallel", reason=reason if plan.model.moe else "")
    if plan.run.features.tp_comm_overlap:
        yield flag("--tp-comm-overlap")


def _pipeline(plan: Plan) -> Iterable[Argument]:
    """Layers per stage, and the order of micro-batches of an interleaved schedule."""
    strategy, layout = plan.strategy, plan.placement.pipeline_layout
    if strategy.pp == 1:
        return
    if not is_default(layout, strategy):
        yield flag(
            "--pipeline-model-parallel-layout",
            layout_string(layout, strategy),
            reason="Stages are uneven: E embedding, t decoder layer, m MTP, L loss; | ends a chunk,"
            f" chunk i is on stage i % {strategy.pp}. Replaces every other layer-split flag.",
        )
    elif strategy.vpp > 1:
        yield flag("--num-virtual-stages-per-pipeline-rank", strategy.vpp)
    group = microbatch_group_size(strategy.pp, strategy.num_microbatches)
    if strategy.vpp > 1 and group != strategy.pp:
        yield flag(
            "--microbatch-group-size-per-virtual-pipeline-stage",
            group,
            reason=f"{strategy.num_microbatches} micro-batches are no multiple of pp"
            f" {strategy.pp}: the last group must be empty or at least pp.",
        )


def _batch(plan: Plan) -> Section:
    strategy = plan.strategy
    arguments = (
        flag("--micro-batch-size", strategy.micro_batch_size),
        flag("--global-batch-size", plan.run.global_batch_size),
    )
    note = (
        f"{plan.run.global_batch_size} sequences = {strategy.micro_batch_size} *"
        f" {strategy.num_microbatches} micro-batches * dp {strategy.dp}."
    )
    return Section(title="Batch", arguments=arguments, notes=(note,))


def _recomputation(strategy: Strategy) -> Section:
    recompute = strategy.recompute
    arguments: tuple[Argument, ...] = ()
    if recompute.granularity is RecomputeGranularity.FULL:
        arguments = (
            flag("--recompute-granularity", "full"),
            flag("--recompute-method", str(recompute.method)),
            flag("--recompute-num-layers", str(recompute.num_layers)),
        )
    elif recompute.granularity is RecomputeGranularity.SELECTIVE:
        arguments = (
            flag("--recompute-granularity", "selective"),
            flag("--recompute-modules", *recompute.modules),
        )
    title = "Recomputation" if arguments else "Recomputation: none"
    return Section(title=title, arguments=arguments)


def _precision(plan: Plan, release: MegatronRelease) -> Section:
    features, strategy = plan.run.features, plan.strategy
    arguments = [flag("--bf16"), *(flag(*words) for words in _PRECISION_FLAGS[plan.run.precision])]
    arguments.append(flag("--attention-backend", _ATTENTION_BACKENDS[features.attention_kernel]))
    if features.cuda_graph is CudaGraph.FULL:
        arguments += [flag(*words) for words in release.full_cuda_graph]
        if strategy.ep > 1:
            arguments += [flag(*words) for words in release.expert_cuda_graph]
    elif features.cuda_graph is CudaGraph.PARTIAL:
        arguments += [flag(*words) for words in release.partial_cuda_graph]
    if features.ep_overlap and strategy.ep > 1:
        arguments.append(flag("--overlap-moe-expert-parallel-comm"))
    return Section(title="Precision and kernels", arguments=tuple(arguments))


def _optimizer(plan: Plan, release: MegatronRelease) -> Section:
    strategy, optimizer = plan.strategy, plan.run.optimizer
    if strategy.zero_stage >= 2:
        arguments = list(_fully_sharded(strategy))
    elif optimizer is Optimizer.MUON:
        arguments = list(_muon(strategy, release))
    else:
        name = "sgd" if optimizer is Optimizer.SGD else "adam"
        arguments = [flag("--optimizer", name), *_sharding(plan)]
    if plan.run.features.gradients is GradientRecipe.NARROW:
        arguments.append(flag("--grad-reduce-in-bf16"))
    if optimizer in _MOMENT_TYPES:
        kind = _MOMENT_TYPES[optimizer]
        arguments.append(flag("--use-precision-aware-optimizer"))
        arguments += [flag("--exp-avg-dtype", kind), flag("--exp-avg-sq-dtype", kind)]
    return Section(title="Optimizer and data parallelism", arguments=tuple(arguments))


def _sharding(plan: Plan) -> Iterable[Argument]:
    """ZeRO stage 0 or 1, in one or several optimizer instances."""
    strategy = plan.strategy
    if strategy.zero_stage == 1:
        yield flag("--use-distributed-optimizer")
        if strategy.dp_replicate > 1:
            yield _instances(strategy)
    if plan.run.features.dp_overlap:
        yield flag("--overlap-grad-reduce")
        if strategy.zero_stage == 1:
            yield flag("--overlap-param-gather")


def _instances(strategy: Strategy) -> Argument:
    """Replicas of the sharded states; across sites, why they are."""
    across = len(strategy.cross_site.shares) > 1 and strategy.cross_site.by_replica
    reason = (
        f"States are shared by {strategy.dp_shard} replicas of one site: scatter and gather stay"
        " inside it, gradients are summed across."
    )
    return flag(
        "--num-distributed-optimizer-instances",
        strategy.dp_replicate,
        reason=reason if across else "",
    )


def _muon(strategy: Strategy, release: MegatronRelease) -> Iterable[Argument]:
    """Muon; its gradients and weights are not exchanged beside the computation."""
    if strategy.zero_stage == 0:
        yield flag("--optimizer", "muon")
        return
    yield from (flag(*words) for words in release.sharded_muon)


def _fully_sharded(strategy: Strategy) -> Iterable[Argument]:
    """ZeRO stage 2 or 3 through Megatron-FSDP."""
    yield flag("--use-megatron-fsdp")
    yield flag("--data-parallel-sharding-strategy", _SHARDED_PARTS[strategy.zero_stage])
    yield flag("--ckpt-format", "fsdp_dtensor")
    yield flag("--use-distributed-optimizer")
    if strategy.dp_replicate > 1:
        yield _instances(strategy)
    yield flag("--overlap-grad-reduce")
    yield flag("--overlap-param-gather")
