"""What a launch file says of a job: degrees, run, model, and what it leaves open."""

from __future__ import annotations

from dataclasses import dataclass

from placer.plan.strategy import RecomputeGranularity
from placer.spec.model import ModelSpec
from placer.spec.run import Features, Optimizer, Precision


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDegrees:
    """Parallel degrees; None is what the file leaves to the framework and the number of GPUs.

    ``dp_replicate`` counts copies of the sharded state. ``layers_per_chunk`` is the pipeline's
    split in model order, empty for an even one.
    """

    tp: int = 1
    cp: int = 1
    ep: int = 1
    etp: int | None = None
    pp: int = 1
    vpp: int = 1
    dp_replicate: int = 1
    micro_batch_size: int = 1
    zero_stage: int | None = None
    sequence_parallel: bool | None = None
    recompute: RecomputeGranularity = RecomputeGranularity.NONE
    recompute_modules: tuple[str, ...] = ()
    layers_per_chunk: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRun:
    """The run; ``sequences_per_replica`` stands in for the batch where the file gives no other."""

    framework: str
    global_batch_size: int | None = None
    sequences_per_replica: int | None = None
    seq_len: int | None = None
    precision: Precision | None = None
    optimizer: Optimizer | None = None
    features: Features | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job.

    ``model`` is the architecture the file states, or a name of the catalogue; None where it states
    neither, or nobody asked. ``shape`` has the layers and the hidden size the file states, None
    for each it does not. ``num_gpus`` is None where the file does not say. ``notes`` are sentences
    about what was left out or taken for granted.
    """

    source: str
    kind: str
    degrees: JobDegrees
    run: JobRun
    model: ModelSpec | str | None = None
    shape: tuple[int | None, int | None] = (None, None)
    num_gpus: int | None = None
    notes: tuple[str, ...] = ()
