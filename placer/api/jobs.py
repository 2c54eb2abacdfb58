"""A job somebody runs today, from the file it is launched with, ready to be estimated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from placer.api.configuration import Configuration, ConfigurationFile
from placer.api.options import made, read_configuration
from placer.api.question import RunOptions
from placer.errors import InputError, Problem
from placer.importers.jobs import JobFormat
from placer.importers.jobs import read_job as read_foreign_job
from placer.importers.model_source import load_model
from placer.importers.yaml_text import comment, flow, wrapped
from placer.spec.catalogue import CatalogueKind, resolve_input
from placer.spec.yaml_source import load_document

if TYPE_CHECKING:
    from placer.importers.jobs import Job
    from placer.spec.model import ModelSpec
    from placer.spec.run import Features

OWN_SUFFIXES: Final = (".yaml", ".yml")
_NOT_CONFIGURED: Final = frozenset({"dp_replicate"})


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFile:
    """What a file and the options beside it ask for.

    ``model`` is None where neither states one; ``notes`` say what was left out and taken for
    granted.
    """

    configuration: Configuration
    run: RunOptions
    model: ModelSpec | str | None = None
    notes: tuple[str, ...] = ()


def read_job(
    path: Path | None,
    degrees: Mapping[str, Any] = {},
    run: Mapping[str, Any] = {},
    *,
    model: str | ModelSpec | None = None,
    kind: JobFormat | None = None,
    num_gpus: int | None = None,
) -> JobFile:
    """Read a configuration of our own, a launch script, a TOML file or a DeepSpeed JSON.

    Parameters
    ----------
    path
        The file; None for options alone.
    degrees, run
        What was typed; it counts before the file.
    model
        What was named as the model; it counts before the file's own, with which it must agree.
    kind
        What a foreign file is; told by suffix and content when None.
    num_gpus
        GPUs of the job; the file's own number when None.

    Raises
    ------
    InputError
        With everything wrong in the file, or for an impossible value.
    """
    if path is None or (kind is None and path.suffix.lower() in OWN_SUFFIXES):
        configuration, options = read_configuration(path, degrees, run)
        if model is None and path is not None:
            model = _model_in(path)
        return JobFile(configuration=configuration, run=options, model=model)
    job = read_foreign_job(path, kind, with_model=model is None)
    if model is not None:
        _check_shape(job, model)
    notes = [f"{path.name}: {note}" for note in job.notes]
    settings = _degrees(job, degrees)
    _set_replicas(job, settings, num_gpus, notes)
    stated = _run(job, settings, run)
    return JobFile(
        configuration=made(Configuration, settings),
        run=made(RunOptions, stated),
        model=job.model if model is None else model,
        notes=tuple(notes),
    )


def _model_in(path: Path) -> ModelSpec | str | None:
    """The model that a configuration of our own states; a name must be one.

    Raises
    ------
    InputError
        For a name nobody knows, under the file's own name.
    """
    model = load_document(path, ConfigurationFile).model
    if not isinstance(model, str):
        return model
    try:
        resolve_input(model, CatalogueKind.MODEL)
    except InputError as error:
        raise InputError(
            replace(problem, source=str(path), field="model") for problem in error.problems
        ) from error
    return model


def _check_shape(job: Job, named: str | ModelSpec) -> None:
    """A script for one model says nothing of another.

    Raises
    ------
    InputError
        When the file states other layers or another hidden size than the model has.
    """
    model = load_model(named)[0] if isinstance(named, str) else named
    own = (model.num_layers, model.hidden_size)
    names = ("layers", "hidden size")
    problems = [
        Problem(
            source=job.source,
            field=name,
            expected=f"those of {model.name}, {there}",
            found=f"{here}",
            remedy="Name another MODEL, or none for the file's own.",
        )
        for name, here, there in zip(names, job.shape, own, strict=True)
        if here not in {None, there}
    ]
    if problems:
        raise InputError(problems)


def _degrees(job: Job, typed: Mapping[str, Any]) -> dict[str, Any]:
    """The file's degrees, the typed ones before them."""
    stated = {f.name: getattr(job.degrees, f.name) for f in fields(job.degrees)}
    settings = {
        name: value
        for name, value in stated.items()
        if value not in {None, ()} and name not in _NOT_CONFIGURED
    }
    return settings | dict(typed)


def _set_replicas(
    job: Job, settings: dict[str, Any], typed_gpus: int | None, notes: list[str]
) -> None:
    """Replicas by the number of GPUs, and those that share sharded state.

    A file's own number of GPUs counts where it goes with the file's degrees: examples often say one
    node and mean to be changed.
    """
    name = Path(job.source).name
    block = settings["tp"] * settings["cp"] * settings["pp"]
    if "dp" not in settings and typed_gpus is not None:
        settings["dp"] = max(1, typed_gpus // block)
    elif "dp" not in settings and job.num_gpus is not None:
        if _go_together(job, settings):
            settings["dp"] = job.num_gpus // block
            notes.append(f"{name}: {job.num_gpus} GPUs, as it says")
        else:
            notes.append(f"{name}: its {job.num_gpus} GPUs do not go with its degrees, left out")
    replicate = job.degrees.dp_replicate
    if replicate > 1 and "dp" in settings:
        settings["dp_shard"] = max(1, settings["dp"] // replicate)
    elif replicate > 1:
        notes.append(f"{name}: {replicate} copies of sharded state left out, GPUs are not known")


def _go_together(job: Job, settings: Mapping[str, Any]) -> bool:
    """Whether the file's GPUs are whole replicas that tile its experts and its batch."""
    stage = settings["tp"] * settings["cp"]
    block = stage * settings["pp"]
    assert job.num_gpus is not None
    dp, rest = divmod(job.num_gpus, block)
    experts = settings["ep"] * settings.get("etp", settings["tp"] if settings["ep"] > 1 else 1)
    batch = job.run.global_batch_size
    tiled = batch is None or (dp > 0 and batch % (dp * settings["micro_batch_size"]) == 0)
    return rest == 0 and tiled and bool((stage * dp) % experts == 0)


def _run(job: Job, settings: Mapping[str, Any], typed: Mapping[str, Any]) -> dict[str, Any]:
    """The file's run under the typed one."""
    stated: dict[str, Any] = {
        "global_batch_size": job.run.global_batch_size,
        "seq_len": job.run.seq_len,
        "precision": job.run.precision.value if job.run.precision else None,
        "framework": job.run.framework,
        "optimizer": job.run.optimizer,
        "features": job.run.features,
    }
    stated = {name: value for name, value in stated.items() if value is not None}
    batch = {"global_batch_size", "global_batch_tokens"}
    if batch & typed.keys():
        stated.pop("global_batch_size", None)
    elif "global_batch_size" not in stated and job.run.sequences_per_replica is not None:
        stated["global_batch_size"] = job.run.sequences_per_replica * _replicas(job, settings)
    if "features" in typed and job.run.features is not None:
        stated["features"] = _merged(job.run.features, typed["features"])
    return stated | {name: value for name, value in typed.items() if name != "features"}


def _replicas(job: Job, settings: Mapping[str, Any]) -> int:
    """Replicas, where the batch follows from them.

    Raises
    ------
    InputError
        When nobody says how many.
    """
    if "dp" in settings:
        return int(settings["dp"])
    problem = Problem(
        source=job.source,
        field="global batch",
        expected="the sequences of one step, or the number of GPUs it follows from",
        found="neither",
        remedy="Add --gpus N, or --global-batch-size N.",
    )
    raise InputError([problem])


def _merged(stated: Features, typed: Features) -> Features:
    """The file's features with the typed ones put over them."""
    changes = {name: getattr(typed, name) for name in typed.model_fields_set}
    return stated.model_copy(update=changes)


def job_document(job: JobFile, source: str) -> str:
    """A job as a configuration file of our own, for ``placer estimate --config``."""
    lines = [comment(f"Written by placer import from {source}.")]
    lines += [comment(line) for note in job.notes for line in wrapped(note)]
    settings = job.configuration.model_dump(mode="json", exclude_unset=True)
    lines += [f"{name}: {flow(value)}" for name, value in settings.items()]
    run = job.run.model_dump(mode="json", exclude_unset=True)
    features = run.pop("features", {})
    lines += ["run:", *(f"  {name}: {flow(value)}" for name, value in run.items())]
    lines += ["  features:", *(f"    {name}: {flow(value)}" for name, value in features.items())]
    if isinstance(job.model, str):
        lines.append(f"model: {flow(job.model)}")
    elif job.model is not None:
        model = job.model.model_dump(mode="json", exclude_defaults=True)
        lines += ["model:", *(f"  {name}: {flow(value)}" for name, value in model.items())]
    return "\n".join([*lines, ""])
