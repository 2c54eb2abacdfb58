"""``placer import``: other people's topology and job files as files of placer."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from placer.cli.console import say, write
from placer.cli.options import given
from placer.cli.output_file import write_file
from placer.errors import InputError, Problem


class ImportFormat(StrEnum):
    """What placer reads: clusters first, then jobs."""

    SLURM = "slurm"
    TOPOGRAPH = "topograph"
    KUBERNETES = "kubernetes"
    IBNETDISCOVER = "ibnetdiscover"
    NVIDIA_SMI = "nvidia-smi"
    CSV = "csv"
    MEGATRON = "megatron"
    TORCHTITAN = "torchtitan"
    DEEPSPEED = "deepspeed"


JOBS = (ImportFormat.MEGATRON, ImportFormat.TORCHTITAN, ImportFormat.DEEPSPEED)


def _option(name: str, metavar: str, text: str) -> Any:
    return typer.Option(name, metavar=metavar, help=text, show_default=False)


def import_(
    format_name: Annotated[
        ImportFormat, typer.Argument(metavar="FORMAT", help=f"One of {', '.join(ImportFormat)}.")
    ],
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE", help="The files.", show_default=False)
    ],
    *,
    accelerator: Annotated[
        str | None, _option("--accelerator", "NAME", "Accelerator of the hosts, such as h100_sxm.")
    ] = None,
    nic: Annotated[
        str | None, _option("--nic", "RATE", 'Rate of one network port, such as "400 Gbit/s".')
    ] = None,
    link: Annotated[
        str | None, _option("--link", "NAME", "infiniband (if not given), roce or efa.")
    ] = None,
    gpus_per_host: Annotated[
        int | None, _option("--gpus-per-host", "N", "The accelerator's usual number if not given.")
    ] = None,
    name: Annotated[
        str | None, _option("--name", "NAME", "Name of the cluster; the file's if not given.")
    ] = None,
    topology: Annotated[
        str | None, _option("--topology", "NAME", "Which one of a Slurm topology.yaml.")
    ] = None,
    site_link: Annotated[
        str | None,
        _option("--site-link", "RATE,LENGTH", 'Between any two sites: "400 Gbit/s, 80 km".'),
    ] = None,
    gpus: Annotated[
        int | None, _option("--gpus", "N", "GPUs of a job whose file does not say.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to a file.")
    ] = None,
) -> None:
    """Read other people's files: a topology as a cluster, a launch script as a configuration.

    What a topology leaves out (accelerator, network rate) comes from options.
    """
    options = given(
        accelerator=accelerator,
        nic=nic,
        link=link,
        gpus_per_host=gpus_per_host,
        name=name,
        topology=topology,
        site_link=site_link,
    )
    if format_name in JOBS:
        _refuse(options, f"{format_name} describes a job, not a cluster.")
        text, next_step = _job(format_name, files, gpus), "placer estimate CLUSTER --config"
    else:
        _refuse(given(gpus=gpus), f"{format_name} describes a cluster, not a job.")
        text, next_step = _cluster(format_name, files, options), "placer show"
    if output is None:
        write(text)
    else:
        write_file(output, text, "--output")
        say(f"{output} written; next: {next_step} {output}")


def _cluster(format_name: ImportFormat, files: list[Path], options: dict[str, Any]) -> str:
    from placer.importers.clusters import ClusterFormat, ClusterOptions, import_cluster

    return import_cluster(ClusterFormat(format_name), files, ClusterOptions(**options))


def _job(format_name: ImportFormat, files: list[Path], gpus: int | None) -> str:
    from placer import api
    from placer.importers.jobs import JobFormat

    if len(files) > 1:
        found = f"{len(files)} files"
        raise InputError([Problem(source=str(files[1]), expected="one job file", found=found)])
    job = api.read_job(files[0], kind=JobFormat(format_name), num_gpus=gpus)
    return api.job_document(job, files[0].name)


def _refuse(options: dict[str, Any], remedy: str) -> None:
    """Options that say nothing of the files at hand.

    Raises
    ------
    InputError
        For each of them.
    """
    problems = [
        Problem(
            source=f"--{name.replace('_', '-')}",
            expected="only options that concern the file",
            found=str(value),
            remedy=remedy,
        )
        for name, value in options.items()
    ]
    if problems:
        raise InputError(problems)
