"""``placer import``: other people's topology and job files as files of placer."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from placer.cli.console import say, write
from placer.cli.options import given
from placer.cli.output_file import write_file


class ImportFormat(StrEnum):
    """What placer reads: clusters first, then jobs."""

    SLURM = "slurm"
    TOPOGRAPH = "topograph"
    KUBERNETES = "kubernetes"
    IBNETDISCOVER = "ibnetdiscover"
    NVIDIA_SMI = "nvidia-smi"
    CSV = "csv"


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
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to a file.")
    ] = None,
) -> None:
    """Read other people's topology files as a cluster; what they leave out comes from options."""
    from placer.importers.clusters import ClusterFormat, ClusterOptions, import_cluster

    options = given(
        accelerator=accelerator,
        nic=nic,
        link=link,
        gpus_per_host=gpus_per_host,
        name=name,
        topology=topology,
        site_link=site_link,
    )
    text = import_cluster(ClusterFormat(format_name), files, ClusterOptions(**options))
    if output is None:
        write(text)
    else:
        write_file(output, text, "--output")
        say(f"{output} written; `placer show {output}` draws it")
