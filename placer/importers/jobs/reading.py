"""Which kind of job file one is, and the job in it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path, PurePath
from typing import Final

from placer.errors import InputError, Problem
from placer.importers.jobs.deepspeed import read_deepspeed
from placer.importers.jobs.job import Job
from placer.importers.jobs.megatron import is_megatron, read_megatron
from placer.importers.jobs.torchtitan import is_torchtitan, read_toml, read_torchtitan_options
from placer.spec.source_text import SourceText, read_text


class JobFormat(StrEnum):
    """Files of jobs that placer reads."""

    MEGATRON = "megatron"
    TORCHTITAN = "torchtitan"
    DEEPSPEED = "deepspeed"


SUFFIXES: Final = {".toml": JobFormat.TORCHTITAN, ".json": JobFormat.DEEPSPEED}


def read_job(path: Path, kind: JobFormat | None = None, *, with_model: bool = True) -> Job:
    """Read a job from a launch script, a TOML file or a DeepSpeed JSON.

    Parameters
    ----------
    path
        The file.
    kind
        What it is; told by its suffix and content when None.
    with_model
        Whether the architecture it may state is wanted.

    Raises
    ------
    InputError
        With everything wrong in the file.
    """
    file = read_text(path)
    kind = kind or job_format(file)
    if kind is JobFormat.DEEPSPEED:
        return read_deepspeed(file)
    if kind is JobFormat.MEGATRON:
        return read_megatron(file, with_model=with_model)
    if PurePath(file.name).suffix.lower() == ".toml":
        return read_toml(file)
    return read_torchtitan_options(file)


def job_format(file: SourceText) -> JobFormat:
    """What a file is, by its suffix, else by the options in it.

    Raises
    ------
    InputError
        When it is none of them.
    """
    suffix = PurePath(file.name).suffix.lower()
    if suffix in SUFFIXES:
        return SUFFIXES[suffix]
    if is_megatron(file):
        return JobFormat.MEGATRON
    if is_torchtitan(file):
        return JobFormat.TORCHTITAN
    problem = Problem(
        source=file.name,
        expected="a launch script of Megatron-LM or torchtitan",
        found="no option of either",
        remedy="Give the file that holds --tensor-model-parallel-size or --parallelism options.",
    )
    raise InputError([problem])
