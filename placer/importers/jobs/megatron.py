"""A Megatron-LM launch script, or a file of its options, as a job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from placer.importers.jobs.job import Job, JobRun
from placer.importers.jobs.launch import Launch, find_launch
from placer.importers.jobs.megatron_degrees import read_degrees
from placer.importers.jobs.megatron_model import read_model, states_model
from placer.importers.jobs.options import OptionReader, options_of
from placer.importers.problems import Problems
from placer.importers.shell import Field
from placer.spec.run import (
    Allocator,
    AttentionKernel,
    CudaGraph,
    Features,
    GradientRecipe,
    MoeDispatcher,
    Optimizer,
    Precision,
)
from placer.spec.source_text import SourceText

KNOWN: Final = (
    "--tensor-model-parallel-size",
    "--pipeline-model-parallel-size",
    "--context-parallel-size",
    "--expert-model-parallel-size",
    "--num-layers",
    "--hidden-size",
    "--num-attention-heads",
    "--seq-length",
    "--micro-batch-size",
    "--global-batch-size",
    "--use-distributed-optimizer",
    "--sequence-parallel",
    "--bf16",
    "--fp16",
)
"""Options by which a command is known for Megatron-LM's."""

UNSUPPORTED: Final = {
    "--optimizer-cpu-offload": "State in host memory is not costed.",
    "--cpu-offloading-num-layers": "Activations in host memory are not costed.",
    "--fine-grained-activation-offloading": "Activations in host memory are not costed.",
    "--use-tp-pp-dp-mapping": "Ranks are costed in the order tp-cp-ep-dp-pp; leave this option out.",
    "--hybrid-context-parallel": "Sequences of different lengths are not costed.",
}
WEIGHTY: Final = (
    "overlap",
    "offload",
    "recompute",
    "parallel",
    "fsdp",
    "graph",
    "moe",
    "fp8",
    "comm",
)
"""Words in the names of options that may change a step; such options are named when left out."""
FIXED: Final = frozenset(
    {
        "--moe-ffn-hidden-size",
        "--moe-grouped-gemm",
        "--moe-layer-freq",
        "--moe-router-force-load-balancing",
        "--moe-router-group-topk",
        "--moe-router-num-groups",
        "--moe-router-topk",
        "--moe-shared-expert-gate",
        "--moe-shared-expert-intermediate-size",
        "--moe-aux-loss-coeff",
        "--moe-z-loss-coeff",
        "--moe-router-load-balancing-type",
        "--moe-router-pre-softmax",
        "--moe-router-score-function",
        "--moe-router-enable-expert-bias",
        "--moe-router-bias-update-rate",
        "--moe-router-topk-scaling-factor",
        "--moe-router-dtype",
        "--moe-permute-fusion",
        "--fp8-amax-history-len",
        "--fp8-amax-compute-algo",
        "--fp8-margin",
        "--ckpt-fully-parallel-save",
        "--ckpt-fully-parallel-load",
    }
)
"""Options with such words that leave the cost alone, or say what the model is."""
ALLOCATOR_VARIABLES: Final = ("PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_ALLOC_CONF")
MAX_LISTED: Final = 8


def is_megatron(file: SourceText) -> bool:
    """Whether a text mentions options of Megatron-LM."""
    return any(name in file.text for name in KNOWN[:4])


def read_megatron(file: SourceText, *, with_model: bool) -> Job:
    """Read a launch script, a sourced array or a plain list of options.

    Parameters
    ----------
    file
        The file.
    with_model
        Whether the architecture is wanted too; where it is not, nothing in it can be wrong.

    Raises
    ------
    InputError
        With everything wrong in the file.
    """
    problems = Problems(file.name)
    launch = find_launch(file, KNOWN)
    if launch is None:
        remedy = "Give the script that calls pretrain_gpt.py, or a file with its options."
        problems.add(None, "", "a command with Megatron-LM's options", "none", remedy)
        problems.raise_any()
    assert launch is not None
    reader = OptionReader(options_of(launch.fields), problems)
    for option, why in UNSUPPORTED.items():
        reader.refuse(option, why)
    notes: list[str] = []
    num_layers = reader.count("--num-layers")
    degrees, found = read_degrees(reader, num_layers)
    run = _run(reader, launch, notes)
    name = file.name.rpartition("/")[2].partition(".")[0] or "model"
    model = read_model(reader, name, notes) if with_model and states_model(reader) else None
    problems.raise_any()
    return Job(
        source=file.name,
        kind="Megatron-LM options",
        degrees=degrees,
        run=run,
        model=model,
        shape=(num_layers, reader.count("--hidden-size")),
        num_gpus=launch.num_gpus,
        notes=(*launch.notes, *found, *notes, *_left_out(reader)),
    )


def _run(reader: OptionReader, launch: Launch, notes: list[str]) -> JobRun:
    batch = reader.count("--global-batch-size")
    micro_batch_size = reader.count("--micro-batch-size", 1) or 1
    ramps = ("--rampup-batch-size", "--step-batch-size-schedule")
    notes += [
        f"global batch: {batch} taken, where {ramp} ends" for ramp in ramps if reader.has(ramp)
    ]
    return JobRun(
        framework="megatron",
        global_batch_size=batch,
        sequences_per_replica=None if batch else micro_batch_size,
        seq_len=reader.count("--seq-length"),
        precision=_precision(reader, notes),
        optimizer=_optimizer(reader),
        features=_features(reader, launch.variables),
    )


def _precision(reader: OptionReader, notes: list[str]) -> Precision:
    narrow = reader.has("--bf16")
    if reader.has("--fp16"):
        notes.append("precision: bf16 taken for fp16, which runs at the same rate")
    elif not narrow:
        notes.append("precision: bf16 taken, the file asks for fp32")
    if reader.has("--fp4-format"):
        return Precision.NVFP4
    if not (reader.has("--fp8-format") or reader.has("--fp8-hybrid")):
        return Precision.BF16
    recipes = ("tensorwise", "delayed", "mxfp8", "blockwise", "custom")
    recipe = reader.word("--fp8-recipe", recipes, "delayed")
    return Precision.MXFP8 if recipe == "mxfp8" else Precision.FP8


def _optimizer(reader: OptionReader) -> Optimizer:
    name = reader.word("--optimizer", ("adam", "sgd", "muon", "dist_muon"), "adam")
    if name != "adam":
        return Optimizer.SGD if name == "sgd" else Optimizer.MUON
    kind = reader.word("--exp-avg-dtype", ("fp32", "fp16", "bf16", "fp8"), "fp32")
    return {
        "fp32": Optimizer.ADAM,
        "fp16": Optimizer.ADAM_BF16,
        "bf16": Optimizer.ADAM_BF16,
        "fp8": Optimizer.ADAM_8BIT,
    }[kind]


def _features(reader: OptionReader, variables: Mapping[str, tuple[Field, ...]]) -> Features:
    dropout = [reader.number(name, 0.1) for name in ("--attention-dropout", "--hidden-dropout")]
    overlapped = reader.has("--overlap-grad-reduce")
    sharded = reader.has("--use-distributed-optimizer")
    gathered = reader.has("--overlap-param-gather")
    return Features(
        attention_kernel=_attention_kernel(reader),
        cuda_graph=_cuda_graph(reader),
        moe_dispatcher=_dispatcher(reader),
        tp_comm_overlap=reader.has("--tp-comm-overlap"),
        ep_overlap=reader.has("--overlap-moe-expert-parallel-comm"),
        dp_overlap=overlapped and (gathered or not sharded),
        gradients=_gradients(reader),
        fused_cross_entropy=reader.has("--cross-entropy-loss-fusion"),
        allocator=_allocator(variables),
        dropout=any(dropout),
    )


def _attention_kernel(reader: OptionReader) -> AttentionKernel:
    choices = ("auto", "flash", "fused", "unfused", "local")
    backend = reader.word("--attention-backend", choices, "auto")
    if backend in {"unfused", "local"}:
        return AttentionKernel.UNFUSED
    return AttentionKernel.FLASH2 if backend == "flash" else AttentionKernel.TUNED


def _cuda_graph(reader: OptionReader) -> CudaGraph:
    """The whole iteration, some modules, or none."""
    how = reader.text("--cuda-graph-impl") or "none"
    scopes = [field.text for field in reader.words("--cuda-graph-scope")]
    modules = reader.has("--cuda-graph-modules")
    older = reader.has("--enable-cuda-graph") or reader.has("--external-cuda-graph")
    if "full_iteration" in {how, *scopes}:
        return CudaGraph.FULL
    return CudaGraph.PARTIAL if older or modules or how != "none" else CudaGraph.NONE


def _dispatcher(reader: OptionReader) -> MoeDispatcher:
    kind = reader.word(
        "--moe-token-dispatcher-type", ("allgather", "alltoall", "flex"), "allgather"
    )
    backends = ("deepep", "hybridep", "ncclep")
    backend = reader.word("--moe-flex-dispatcher-backend", backends, "deepep")
    if kind == "flex" or reader.has("--moe-enable-deepep"):
        return MoeDispatcher.HYBRIDEP if backend == "hybridep" else MoeDispatcher.DEEPEP
    return MoeDispatcher.ALLGATHER if kind == "allgather" else MoeDispatcher.ALLTOALL


def _gradients(reader: OptionReader) -> GradientRecipe:
    """Narrow where asked for, and in fp16 without accumulation in fp32, as ``arguments.py`` has it."""
    wide = reader.has("--accumulate-allreduce-grads-in-fp32") or not reader.has("--fp16")
    narrow = reader.has("--grad-reduce-in-bf16") or not wide
    return GradientRecipe.NARROW if narrow else GradientRecipe.FP32


def _allocator(variables: Mapping[str, tuple[Field, ...]]) -> Allocator:
    """Growing segments where the script asks PyTorch for them."""
    asked = (field.text for name in ALLOCATOR_VARIABLES for field in variables.get(name, ()))
    growing = any("expandable_segments:True" in text for text in asked)
    return Allocator.EXPANDABLE if growing else Allocator.CACHING


def _left_out(reader: OptionReader) -> list[str]:
    """Options that nobody read although their name suggests that they change a step."""
    names = [
        name
        for name in reader.unread()
        if name not in FIXED and any(word in name for word in WEIGHTY)
    ]
    more = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    return [f"left out: {', '.join(names[:MAX_LISTED])}{more}"] if names else []
