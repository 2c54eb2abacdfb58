"""A DeepSpeed configuration as a job; what its file leaves to Python is said in the notes."""

from __future__ import annotations

from typing import Any, Final

from placer.importers.jobs.job import Job, JobDegrees, JobRun
from placer.importers.problems import Problems
from placer.spec.field_problems import show_value
from placer.spec.run import (
    Allocator,
    Features,
    GradientRecipe,
    MoeDispatcher,
    Optimizer,
    Precision,
)
from placer.spec.source_text import SourceText
from placer.spec.yaml_source import SourceMapping, mapping_of

AUTO: Final = "auto"
"""What Hugging Face's Trainer fills in: the file does not say."""

HARMLESS: Final = frozenset(
    {
        "activation_checkpointing",
        "aio",
        "autotuning",
        "checkpoint",
        "comms_logger",
        "csv_monitor",
        "dump_state",
        "elasticity",
        "flops_profiler",
        "gradient_clipping",
        "memory_breakdown",
        "monitor_config",
        "prescale_gradients",
        "gradient_predivide_factor",
        "scheduler",
        "sparse_gradients",
        "steps_per_print",
        "tensorboard",
        "torch_autocast",
        "wall_clock_breakdown",
        "wandb",
        "zero_allow_untested_optimizer",
        "zero_force_ds_cpu_optimizer",
    }
)
READ: Final = frozenset(
    {
        "bf16",
        "bfloat16",
        "communication_data_type",
        "compile",
        "data_types",
        "expert_parallel",
        "fp16",
        "gradient_accumulation_steps",
        "optimizer",
        "pipeline",
        "sequence_parallel_size",
        "tensor_parallel",
        "train_batch_size",
        "train_micro_batch_size_per_gpu",
        "zero_optimization",
    }
)
_OPTIMIZERS: Final = {
    "muon": Optimizer.MUON,
    "sgd": Optimizer.SGD,
    "adafactor": Optimizer.ADAFACTOR,
}


class _Reader:
    """Values at dotted paths; problems with their lines."""

    def __init__(self, source: SourceMapping, problems: Problems) -> None:
        self.source = source
        self.problems = problems

    def value(self, path: str) -> Any:
        """What stands at a path; None where nothing does, or ``auto``."""
        value: Any = self.source.data
        for part in path.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return None if value == AUTO else value

    def count(self, path: str, *, minimum: int = 1) -> int | None:
        """A whole number; None where the file does not say."""
        value = self.value(path)
        if value is None:
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
            self.report(path, f"a whole number >= {minimum}", show_value(value))
            return None
        return int(value)

    def flag(self, path: str, *, default: bool = False) -> bool:
        """A switch."""
        value = self.value(path)
        if value is None or isinstance(value, bool):
            return default if value is None else value
        self.report(path, "true or false", show_value(value))
        return default

    def text(self, path: str) -> str:
        """A word; empty where the file does not say."""
        value = self.value(path)
        return value if isinstance(value, str) else ""

    def report(self, path: str, expected: str, found: str, remedy: str = "") -> None:
        """Note a problem at a path."""
        line, _ = self.source.locate(path.split("."))
        self.problems.add(line, path, expected, found, remedy)


def read_deepspeed(file: SourceText) -> Job:
    """Read a DeepSpeed JSON.

    Raises
    ------
    InputError
        With everything wrong in the file.
    """
    source = mapping_of(file)
    problems = Problems(file.name)
    problems.items += source.problems
    reader = _Reader(source, problems)
    _refuse_offload(reader)
    stage = reader.count("zero_optimization.stage", minimum=0) or 0
    if stage > 3:
        reader.report("zero_optimization.stage", "0 to 3", f"{stage}")
    degrees = JobDegrees(
        tp=reader.count("tensor_parallel.autotp_size") or 1,
        cp=reader.count("sequence_parallel_size") or 1,
        ep=reader.count("expert_parallel.autoep_size") or 1,
        etp=1,
        pp=reader.count("pipeline.stages") or 1,
        micro_batch_size=reader.count("train_micro_batch_size_per_gpu") or 1,
        zero_stage=min(stage, 3),
    )
    run, num_gpus = _run(reader, degrees, stage)
    problems.raise_any()
    return Job(
        source=file.name,
        kind="DeepSpeed configuration",
        degrees=degrees,
        run=run,
        num_gpus=num_gpus,
        notes=tuple(_notes(reader)),
    )


def _refuse_offload(reader: _Reader) -> None:
    for part in ("offload_optimizer", "offload_param"):
        path = f"zero_optimization.{part}.device"
        device = reader.text(path)
        if device not in {"", "none"}:
            remedy = "State in host memory is not costed."
            reader.report(path, "none", repr(device), remedy)


def _run(reader: _Reader, degrees: JobDegrees, stage: int) -> tuple[JobRun, int | None]:
    """The run, and how many GPUs the batch implies: batch / (micro-batch * accumulation)."""
    batch = reader.count("train_batch_size")
    steps = reader.count("gradient_accumulation_steps")
    micro = reader.count("train_micro_batch_size_per_gpu")
    num_gpus = None
    if batch is not None and steps is not None and micro is not None:
        if batch % (micro * steps):
            expected = "a multiple of micro-batch size times accumulation steps"
            found = f"{batch} % ({micro} * {steps}) = {batch % (micro * steps)}"
            reader.report("train_batch_size", expected, found)
        replicas = batch // (micro * steps)
        num_gpus = replicas * degrees.tp * degrees.cp * degrees.pp
    together = None if micro is None else micro * (steps or 1)
    half = reader.flag("fp16.enabled")
    name = reader.text("optimizer.type").lower()
    run = JobRun(
        framework="deepspeed",
        global_batch_size=batch,
        sequences_per_replica=None if batch is not None else together,
        precision=Precision.BF16,
        optimizer=_OPTIMIZERS.get(name, Optimizer.ADAM),
        features=Features(
            dp_overlap=reader.flag("zero_optimization.overlap_comm", default=stage == 3),
            compile=reader.flag("compile.deepcompile"),
            gradients=_gradients(reader, stage, half=half),
            moe_dispatcher=_dispatcher(reader),
            tp_comm_overlap=reader.flag("tensor_parallel.tp_overlap_comm"),
            allocator=Allocator.CACHING,
        ),
    )
    return run, num_gpus


def _gradients(reader: _Reader, stage: int, *, half: bool) -> GradientRecipe:
    """In the training format; bf16 below ZeRO-2 sums in fp32 besides (BF16_Optimizer)."""
    summed = reader.text("data_types.grad_accum_dtype")
    sent = reader.text("communication_data_type")
    if sent == "fp32":
        return GradientRecipe.FP32
    wide = summed == "fp32" or (not summed and not half and stage < 2)
    return GradientRecipe.ACCUMULATED if wide else GradientRecipe.NARROW


def _dispatcher(reader: _Reader) -> MoeDispatcher:
    deepep = reader.text("expert_parallel.comm_backend") == "deepep"
    return MoeDispatcher.DEEPEP if deepep else MoeDispatcher.ALLTOALL


def _notes(reader: _Reader) -> list[str]:
    notes = ["recompute: none taken, a DeepSpeed file does not say whether the model uses it"]
    named = {"bf16", "bfloat16"} & set(reader.source.data)
    if not any(reader.flag(f"{name}.enabled", default=True) for name in named):
        asked = "fp16, which runs at the same rate" if reader.flag("fp16.enabled") else "fp32"
        notes.append(f"precision: bf16 taken for {asked}")
    if reader.value("sequence_parallel_size") not in {None, 1}:
        notes.append(
            "sequence parallelism: Ulysses is costed as context parallelism of that degree"
        )
    if reader.value("zero_optimization.zero_hpz_partition_size") not in {None, 1}:
        notes.append("left out: zero_hpz_partition_size")
    unknown = sorted(set(reader.source.data) - READ - HARMLESS)
    if unknown:
        notes.append(f"left out: {', '.join(unknown[:8])}")
    return notes
