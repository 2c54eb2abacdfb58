"""What is asked, read and completed: model, cluster, run, framework rules, constants."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from placer.cost.constants import Constants, load_constants
from placer.cost.model import CostModel
from placer.cost.rates import peak_flops_per_s
from placer.emit.registry import rules_of
from placer.errors import InfeasibleError, InputError, Problem, shorten
from placer.importers.model_source import load_model
from placer.plan.plan import InputSources, SourceInfo
from placer.spec.accelerator import Accelerator, Architecture
from placer.spec.catalogue import CatalogueKind, resolve_input
from placer.spec.cluster import ClusterSpec
from placer.spec.model import ModelSpec
from placer.spec.run import Features, Optimizer, Precision, RunSpec
from placer.spec.yaml_source import parse_mapping, validate_mapping
from placer.topology.build import build_topology
from placer.topology.tree import GpuState, Topology
from placer.units import Dimension, format_count, parse_quantity
from placer.validate.calibration import apply, load_calibration

if TYPE_CHECKING:
    from placer.plan.legality import FrameworkRules

USUAL_SEQ_LEN: Final = 8192
USUAL_BATCH_TOKENS: Final = 1 << 24
"""Tokens per step of large runs (Llama 3, arXiv 2407.21783, table 4: 16M tokens)."""
USUAL_BATCH_GPUS: Final = 1024
"""From this many GPUs on the usual batch is taken, below in proportion."""
BATCH_ROUNDING: Final = 0.05
"""How far a batch given in tokens may be moved to a number of sequences that divides well."""

BLOCK_SCALED: Final = {
    Precision.MXFP8: (
        Architecture.BLACKWELL,
        Architecture.RUBIN,
        Architecture.CDNA4,
        Architecture.CDNA5,
    ),
    Precision.NVFP4: (Architecture.BLACKWELL, Architecture.RUBIN),
}
"""Generations whose matrix units apply a format's block scales (OCP MX v1.0; NVIDIA Blackwell)."""


def _read_count(text: object) -> float:
    return parse_quantity(text, Dimension.COUNT)


class RunOptions(BaseModel):
    """What a user says of the run; placer chooses what is None, and says what it took.

    A batch is given in sequences (``global_batch_size``) or in tokens, not both.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    global_batch_size: int | None = None
    global_batch_tokens: Annotated[float, BeforeValidator(_read_count)] | None = None
    seq_len: int | None = None
    precision: str = Precision.BF16.value
    framework: str = "megatron"
    optimizer: Optimizer = Optimizer.ADAM
    features: Features = Features()


@dataclass(frozen=True, kw_only=True)
class Question:
    """One question, complete: everything that plan and estimate work from."""

    model: ModelSpec
    cluster: ClusterSpec
    run: RunSpec
    sources: InputSources
    assumptions: tuple[str, ...]
    topology: Topology
    rules: FrameworkRules
    constants: Constants

    @cached_property
    def cost_model(self) -> CostModel:
        """What costs strategies and placements."""
        return CostModel(
            model=self.model, topology=self.topology, run=self.run, constants=self.constants
        )


def ask(
    model: str | Path | ModelSpec,
    cluster: str | Path | ClusterSpec,
    run: RunOptions | RunSpec,
    max_gpus: int | None = None,
    calibration: str | Path | None = None,
) -> Question:
    """Read names and files, complete the run, and check that the parts go together.

    Raises
    ------
    InputError
        For a name nobody knows, a file that does not hold, an impossible value, a precision the
        cluster's accelerators lack.
    InfeasibleError
        For a cluster of which nothing may be used.
    """
    model_spec, model_source = _model(model)
    cluster_spec, cluster_source = read_cluster(cluster)
    topology = build_topology(cluster_spec)
    _check_usable(topology)
    assumptions: tuple[str, ...] = ()
    if isinstance(run, RunOptions):
        num_gpus = min(topology.num_usable, max_gpus or topology.num_usable)
        run, assumptions = complete_run(run, model_spec, num_gpus)
    _check_precision(run.precision, topology)
    return Question(
        model=model_spec,
        cluster=cluster_spec,
        run=run,
        sources=InputSources(model=model_source, cluster=cluster_source, run=_given(run)),
        assumptions=assumptions,
        topology=topology,
        rules=rules_of(run.framework),
        constants=_constants(calibration),
    )


def _check_usable(topology: Topology) -> None:
    if topology.num_usable > 0:
        return
    states = {state: topology.num_in_state(state) for state in GpuState}
    listed = ", ".join(
        f"{count:,} {state.name.lower()}" for state, count in states.items() if count
    )
    raise InfeasibleError(
        f"No accelerator of {topology.name} may be used",
        binding=[f"of {topology.num_accelerators:,} accelerators: {listed}"],
        relaxation="Take one host out of unavailable, drained, excluded or spares.",
    )


def complete_run(
    options: RunOptions, model: ModelSpec, num_gpus: int
) -> tuple[RunSpec, tuple[str, ...]]:
    """The run with nothing left open, and one sentence for each thing placer chose."""
    assumptions: list[str] = []
    seq_len = options.seq_len
    if seq_len is None:
        seq_len = min(USUAL_SEQ_LEN, model.max_seq_len)
        assumptions.append(f"sequence length: {seq_len} tokens taken")
    batch = options.global_batch_size
    if batch is None:
        batch, sentence = _batch(options, max(seq_len, 1), num_gpus)
        assumptions += [sentence] if sentence else []
    elif options.global_batch_tokens is not None:
        problem = Problem(
            source="--global-batch-tokens",
            expected="--global-batch-size or --global-batch-tokens",
            found="both",
            remedy="Leave one of the two out.",
        )
        raise InputError((problem,))
    fields: dict[str, Any] = {
        "global_batch_size": batch,
        "seq_len": seq_len,
        "precision": options.precision,
        "framework": options.framework,
        "optimizer": options.optimizer,
        "features": options.features,
    }
    try:
        return RunSpec.model_validate(fields), tuple(assumptions)
    except ValidationError as error:
        raise InputError(_option_problems(error)) from error


def _batch(options: RunOptions, seq_len: int, num_gpus: int) -> tuple[int, str]:
    """Sequences per step where the user gave tokens or nothing, and what to say about it."""
    if options.global_batch_tokens is not None:
        wanted = options.global_batch_tokens / seq_len
        batch = even_batch(wanted)
        if batch == wanted:
            return batch, ""
        tokens = format_count(options.global_batch_tokens)
        return batch, (
            f"global batch: {batch} sequences of {seq_len} ({format_count(batch * seq_len)} tokens)"
            f" taken for {tokens} tokens, a number that divides well"
        )
    share = min(1.0, num_gpus / USUAL_BATCH_GPUS)
    batch = even_batch(USUAL_BATCH_TOKENS * share / seq_len)
    return batch, (
        f"global batch: {batch} sequences of {seq_len} ({format_count(batch * seq_len)} tokens)"
        " taken, 16M tokens from 1,024 GPUs on, in proportion below"
    )


def even_batch(sequences: float) -> int:
    """The number of sequences near ``sequences`` that the largest power of two divides.

    Taken as it is where it is whole; else the nearest within ``BATCH_ROUNDING``, at least 1.
    """
    if sequences.is_integer() and sequences >= 1:
        return int(sequences)
    low, high = sequences * (1 - BATCH_ROUNDING), sequences * (1 + BATCH_ROUNDING)
    for power in range(max(int(sequences), 1).bit_length(), -1, -1):
        nearest = round(sequences / (1 << power)) * (1 << power)
        if nearest >= 1 and low <= nearest <= high:
            return nearest
    return max(1, round(sequences))


_OPTIONS: Final = {
    "global_batch_size": "--global-batch-size",
    "seq_len": "--seq-len",
    "precision": "--precision",
    "framework": "--framework",
}
_EXPECTED: Final = {
    "global_batch_size": "1 to 2^30 sequences",
    "seq_len": "1 to 2^30 tokens",
    "precision": f"one of {', '.join(p.value for p in Precision)}",
    "framework": "a name such as megatron or megatron@0.17.1",
}


def _option_problems(error: ValidationError) -> list[Problem]:
    """What is wrong with each option."""
    details = [(str(d["loc"][0]), d["input"]) for d in error.errors(include_url=False)]
    return [
        Problem(
            source=_OPTIONS.get(field, field),
            expected=_EXPECTED.get(field, "another value"),
            found=shorten(repr(found)),
        )
        for field, found in details
    ]


def _check_precision(precision: Precision, topology: Topology) -> None:
    """Refuse a format that some accelerator has no matrix units for."""
    lacking = [a.name for a in topology.accelerators if not computes_in(a, precision)]
    if lacking:
        problem = Problem(
            source="--precision",
            expected=f"a format that {' and '.join(lacking)} computes in",
            found=precision.value,
            remedy=f"Use --precision {_common_formats(topology)}, or a cluster of newer accelerators.",
        )
        raise InputError((problem,))


def computes_in(accelerator: Accelerator, precision: Precision) -> bool:
    """Whether a part has matrix units for the format."""
    if accelerator.architecture not in BLOCK_SCALED.get(precision, tuple(Architecture)):
        return False
    try:
        return peak_flops_per_s(accelerator, precision) > 0.0
    except ValueError:
        return False


def _common_formats(topology: Topology) -> str:
    """The formats that every part of the cluster computes in."""
    parts = topology.accelerators
    able = [p.value for p in Precision if all(computes_in(part, p) for part in parts)]
    return " or ".join(able)


def _constants(calibration: str | Path | None) -> Constants:
    """The constants that travel with placer, calibrated where the user has measured."""
    constants = load_constants()
    if calibration is None:
        return constants
    return apply(constants, load_calibration(Path(calibration), constants))


def _model(model: str | Path | ModelSpec) -> tuple[ModelSpec, SourceInfo]:
    if isinstance(model, ModelSpec):
        return model, _given(model)
    return load_model(str(model))


def read_cluster(cluster: str | Path | ClusterSpec) -> tuple[ClusterSpec, SourceInfo]:
    """The cluster behind a name or a file, and where it came from."""
    if isinstance(cluster, ClusterSpec):
        return cluster, _given(cluster)
    file = resolve_input(str(cluster), CatalogueKind.CLUSTER)
    source = parse_mapping(file.path)  # its bytes are those of the hash, whatever comes after
    return validate_mapping(source, ClusterSpec), SourceInfo(name=file.name, sha256=source.sha256)


def _given(spec: BaseModel) -> SourceInfo:
    """The source of what came as an object or as options, not as a file."""
    text = spec.model_dump_json()
    return SourceInfo(name="options", sha256=hashlib.sha256(text.encode()).hexdigest())
