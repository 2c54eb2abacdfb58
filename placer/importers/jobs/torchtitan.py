"""torchtitan's two dialects as jobs: the TOML file of 0.2, the options of 0.3."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from placer.errors import InputError, Problem
from placer.importers.jobs.job import Job, JobDegrees, JobRun
from placer.importers.jobs.launch import find_launch
from placer.importers.jobs.options import options_of
from placer.importers.problems import Problems
from placer.plan.strategy import RecomputeGranularity
from placer.spec.field_problems import show_value
from placer.spec.run import Features, GradientRecipe, MoeDispatcher, Optimizer, Precision
from placer.spec.source_text import SourceText
from placer.spec.suggest import did_you_mean

TOML_RELEASE: Final = "0.2.2"
CLI_RELEASE: Final = "0.3.0"
MODELS: Final[Mapping[tuple[str, str], str]] = {
    ("llama3", "8b"): "llama-3.1-8b",
    ("llama3", "70b"): "llama-3.1-70b",
    ("llama3", "405b"): "llama-3.1-405b",
    ("llama4", "17bx128e"): "llama-4-maverick",
    ("deepseek_v3", "671b"): "deepseek-v3",
    ("qwen3", "30b-a3b"): "qwen3-30b-a3b",
    ("qwen3", "235b-a22b"): "qwen3-235b-a22b",
    ("gpt_oss", "120b"): "gpt-oss-120b",
}
"""Names of torchtitan's models and flavors, and of the same models in our catalogue."""

LOOPED: Final = ("Interleaved1F1B", "LoopedBFS")
MAX_DOTS: Final = 1000
SINGLE: Final = ("1F1B", "GPipe")
SELECTIVE_MODULES: Final = ("core_attn", "layernorm", "mlp")
"""What recomputing all but matrix products and attention comes to once layers are compiled."""

_SECTION: Final = re.compile(r"\s*\[([\w.]+)\]")
_KEY: Final = re.compile(r"\s*([\w-]+)\s*=")
_INTEGER: Final = re.compile(r"-?\d{1,12}")
_MODES: Final = ("none", "selective", "full", "memory_budget", "memory-budget")
_MODULE_LAYER: Final = re.compile(r"layers\.(\d{1,5})")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Setting:
    value: Any
    line: int


class _Settings:
    """Values by ``section.key`` with their lines; problems are collected."""

    def __init__(self, values: Mapping[str, _Setting], problems: Problems) -> None:
        self.values = values
        self.problems = problems

    def count(self, name: str, default: int, *, minimum: int = 1) -> int:
        """A whole number."""
        setting = self.values.get(name)
        if setting is None:
            return default
        value = setting.value
        if isinstance(value, str) and _INTEGER.fullmatch(value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
            expected = f"a whole number >= {minimum}"
            self.problems.add(setting.line, name, expected, show_value(setting.value))
            return default
        return value

    def flag(self, name: str) -> bool:
        """Whether a switch is on; on a command line it stands alone."""
        setting = self.values.get(name)
        return setting is not None and setting.value in {True, "", "true", "True"}

    def word(self, name: str, choices: tuple[str, ...], default: str) -> str:
        """One of some words."""
        setting = self.values.get(name)
        if setting is None:
            return default
        if setting.value in choices:
            return str(setting.value)
        remedy = did_you_mean(str(setting.value), choices)
        expected = f"one of {', '.join(choices)}"
        self.problems.add(setting.line, name, expected, show_value(setting.value), remedy)
        return default

    def text(self, name: str) -> str:
        """A word as it is; empty where it is not given."""
        setting = self.values.get(name)
        return setting.value if setting is not None and isinstance(setting.value, str) else ""

    def line(self, name: str) -> int | None:
        """Where a setting stands."""
        setting = self.values.get(name)
        return None if setting is None else setting.line


def is_torchtitan(file: SourceText) -> bool:
    """Whether a text mentions options of torchtitan's command line."""
    return "--parallelism." in file.text or "torchtitan" in file.text


def read_toml(file: SourceText) -> Job:
    """Read a TOML file of 0.2.

    Raises
    ------
    InputError
        With everything wrong in the file.
    """
    _check_keys(file)
    try:
        document = tomllib.loads(file.text)
    except (ValueError, RecursionError) as error:
        raise _no_toml(file, error) from error
    lines = _lines(file.text)
    values = {
        name: _Setting(value=value, line=lines.get(name, 1))
        for name, value in _leaves(document).items()
    }
    settings = _Settings(values, Problems(file.name))
    flavor = settings.text("model.flavor").lower()
    return _job(file, settings, release=TOML_RELEASE, named=(settings.text("model.name"), flavor))


def _check_keys(file: SourceText) -> None:
    """Refuse keys of thousands of parts, which take the parser the square of their number.

    Raises
    ------
    InputError
        For the first line with so many dots.
    """
    for number, line in enumerate(file.text.splitlines(), start=1):
        if line.count(".") > MAX_DOTS:
            found = f"{line.count('.')} dots"
            problem = Problem(
                source=file.name, line=number, expected=f"at most {MAX_DOTS} in a line", found=found
            )
            raise InputError([problem])


def _no_toml(file: SourceText, error: Exception) -> InputError:
    match = re.search(r"line (\d+)", str(error))
    line = int(match[1]) if match else None
    found = str(error).partition(" (at")[0]
    if not isinstance(error, tomllib.TOMLDecodeError):
        deep = isinstance(error, RecursionError)
        found = "thousands of nested levels" if deep else "a number of thousands of digits"
    return InputError([Problem(source=file.name, line=line, expected="valid TOML", found=found)])


def _leaves(document: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    leaves: dict[str, Any] = {}
    for key, value in document.items():
        if isinstance(value, dict) and prefix.count(".") < 4:
            leaves |= _leaves(value, f"{prefix}{key}.")
        else:
            leaves[f"{prefix}{key}"] = value
    return leaves


def _lines(text: str) -> dict[str, int]:
    """Where each ``section.key`` stands, as far as sections and keys begin their lines."""
    lines: dict[str, int] = {}
    section = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if match := _SECTION.match(line):
            section = f"{match[1]}."
        elif match := _KEY.match(line):
            lines.setdefault(f"{section}{match[1]}", number)
    return lines


def read_torchtitan_options(file: SourceText) -> Job:
    """Read a launch script with the options of 0.3.

    Raises
    ------
    InputError
        With everything wrong in the file.
    """
    problems = Problems(file.name)
    names = [f"--parallelism.{axis}-parallel-degree" for axis in ("tensor", "context", "pipeline")]
    names += ["--parallelism.data-parallel-shard-degree", "--training.local-batch-size"]
    names += ["--training.seq-len", "--module", "--config"]
    launch = find_launch(file, names)
    if launch is None:
        remedy = "Give the script that starts torchtitan, or a file with its options."
        problems.add(None, "", "a command with torchtitan's options", "none", remedy)
        problems.raise_any()
    assert launch is not None
    values: dict[str, _Setting] = {}
    for name, option in options_of(launch.fields).items():
        known = [field.text for field in option.values[:1] if field.is_known]
        value = known[0] if known else "" if not option.values else None
        values[name[2:].replace("-", "_")] = _Setting(value=value, line=option.line)
    for field in launch.fields:
        command, colon, mode = field.text.partition(":")
        if command.replace("_", "-") == "activation-checkpoint" and colon:
            values["activation_checkpoint.mode"] = _Setting(value=mode, line=field.line)
    settings = _Settings(values, problems)
    module = settings.text("module").rpartition(".")[2]
    flavor = settings.text("config").lower().removeprefix(f"{module}_")
    named = (module, flavor)
    job = _job(file, settings, release=CLI_RELEASE, named=named, num_gpus=launch.num_gpus)
    return replace(job, notes=(*launch.notes, *job.notes))


def _job(
    file: SourceText,
    settings: _Settings,
    *,
    release: str,
    named: tuple[str, str],
    num_gpus: int | None = None,
) -> Job:
    found: list[str] = []
    model = MODELS.get(named) or MODELS.get((named[0], named[1].partition("_")[0]))
    degrees = _degrees(settings, model, found)
    shard = settings.count("parallelism.data_parallel_shard_degree", -1, minimum=-1)
    if num_gpus is None and shard > 0:
        num_gpus = shard * degrees.dp_replicate * degrees.cp * degrees.tp * degrees.pp
    num_found = len(found)
    precision = _precision(settings)
    selective = degrees.recompute is RecomputeGranularity.SELECTIVE
    if selective:
        modules = ", ".join(SELECTIVE_MODULES)
        found.append(f"recompute: by operator is costed as that of {modules}; no rules checked")
    if precision is not Precision.BF16:
        found.append(f"precision: {precision} by converters; no rules checked")
    batch = settings.count("training.global_batch_size", -1, minimum=-1)
    run = JobRun(
        framework="any" if len(found) > num_found else f"torchtitan@{release}",
        global_batch_size=batch if batch > 0 else None,
        sequences_per_replica=settings.count("training.local_batch_size", 8),
        seq_len=settings.count("training.seq_len", 2048),
        precision=precision,
        optimizer=Optimizer.ADAM,
        features=_features(settings),
    )
    settings.problems.raise_any()
    return Job(
        source=file.name,
        kind=f"torchtitan {release} settings",
        degrees=degrees,
        run=run,
        model=model,
        num_gpus=num_gpus,
        notes=tuple(found),
    )


def _degrees(settings: _Settings, model: str | None, notes: list[str]) -> JobDegrees:
    tp = settings.count("parallelism.tensor_parallel_degree", 1)
    pp = settings.count("parallelism.pipeline_parallel_degree", 1)
    ep = settings.count("parallelism.expert_parallel_degree", 1)
    sizes, vpp = _pipeline(settings, pp, model, notes)
    micro_batch = settings.count("training.local_batch_size", 8)
    if pp > 1:
        micro_batch = settings.count("parallelism.pipeline_parallel_microbatch_size", 1)
    mode = settings.word("activation_checkpoint.mode", _MODES, "selective").replace("-", "_")
    if mode == "memory_budget":
        line = settings.line("activation_checkpoint.mode")
        expected = "none, selective or full"
        settings.problems.add(line, "activation_checkpoint.mode", expected, mode)
        mode = "none"
    granularity = RecomputeGranularity(mode)
    selective = granularity is RecomputeGranularity.SELECTIVE
    return JobDegrees(
        tp=tp,
        cp=settings.count("parallelism.context_parallel_degree", 1),
        ep=ep,
        etp=settings.count("parallelism.expert_tensor_parallel_degree", 1) if ep > 1 else None,
        pp=pp,
        vpp=vpp,
        dp_replicate=settings.count("parallelism.data_parallel_replicate_degree", 1),
        micro_batch_size=micro_batch,
        zero_stage=_zero_stage(settings, pp),
        recompute=granularity,
        recompute_modules=SELECTIVE_MODULES if selective else (),
        layers_per_chunk=sizes,
    )


def _zero_stage(settings: _Settings, pp: int) -> int:
    """FSDP2 by its resharding; a pipeline exchanges once per step; one shard alone is DDP."""
    if settings.count("parallelism.data_parallel_shard_degree", -1, minimum=-1) == 1:
        return 0
    choices = ("default", "always", "never")
    policy = settings.word("parallelism.fsdp_reshard_after_forward", choices, "default")
    if pp > 1 and policy != "always":
        return 1
    return 2 if policy == "never" else 3


def _pipeline(
    settings: _Settings, pp: int, model: str | None, notes: list[str]
) -> tuple[tuple[int, ...], int]:
    """Layers per chunk where modules are listed, and chunks per stage."""
    if pp == 1:
        return (), 1
    name = "parallelism.pipeline_parallel_schedule"
    looped = settings.word(name, (*SINGLE, *LOOPED), "1F1B") in LOOPED
    parts = settings.values.get("parallelism.module_fqns_per_model_part")
    if parts is not None and isinstance(parts.value, list):
        return _listed(parts, pp, settings.problems)
    per_stage = settings.count("parallelism.pipeline_parallel_layers_per_stage", 0)
    if not per_stage:
        return (), 2 if looped else 1
    if model is None:
        notes.append(f"layers per stage: {per_stage} left out, the model is not known")
        return (), 2 if looped else 1
    from placer.importers.model_source import load_model

    first = settings.count("parallelism.pipeline_parallel_first_stage_less_layers", 1, minimum=0)
    last = settings.count("parallelism.pipeline_parallel_last_stage_less_layers", 1, minimum=0)
    virtual = -(-(load_model(model)[0].num_layers + first + last) // per_stage)
    if virtual % pp:
        field = "parallelism.pipeline_parallel_layers_per_stage"
        found = f"{per_stage}, which makes {virtual} stages"
        settings.problems.add(settings.line(field), field, f"a multiple of {pp} stages", found)
    return (), max(virtual // pp, 1)


def _listed(parts: _Setting, pp: int, problems: Problems) -> tuple[tuple[int, ...], int]:
    """Layers per chunk of a list of module names."""
    counted = tuple(
        sum(isinstance(module, str) and bool(_MODULE_LAYER.fullmatch(module)) for module in part)
        for part in parts.value
        if isinstance(part, list)
    )
    if not counted or len(counted) % pp:
        name = "parallelism.module_fqns_per_model_part"
        problems.add(parts.line, name, f"a multiple of pp {pp} parts", f"{len(counted)}")
        return (), 1
    return counted, len(counted) // pp


def _precision(settings: _Settings) -> Precision:
    """By the converters of the linear layers."""
    setting = settings.values.get("model.converters")
    stated = setting.value if setting is not None else []
    names = " ".join(map(str, stated)) if isinstance(stated, list) else str(stated)
    if "mx" in names:
        return Precision.MXFP8
    return Precision.FP8 if "float8" in names else Precision.BF16


def _features(settings: _Settings) -> Features:
    backend = settings.text("parallelism.expert_parallel_comm_backend")
    asynchronous = settings.flag("parallelism.enable_async_tensor_parallel")
    asynchronous = asynchronous or settings.flag("compile.enable_async_tensor_parallel")
    compiled = settings.flag("compile.enable")
    reduced = settings.text("training.mixed_precision_reduce") or "float32"
    return Features(
        moe_dispatcher=MoeDispatcher.DEEPEP if backend == "deepep" else MoeDispatcher.ALLTOALL,
        tp_comm_overlap=asynchronous and compiled,
        compile=compiled,
        gradients=GradientRecipe.FP32 if reduced == "float32" else GradientRecipe.NARROW,
    )
