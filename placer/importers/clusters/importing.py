"""``placer import`` for clusters: files of one format, options, and a cluster file out of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from placer.errors import InputError, Problem
from placer.importers.clusters.assembly import Assembled, assemble, file_names
from placer.importers.clusters.csv_table import read_csv
from placer.importers.clusters.document import cluster_document
from placer.importers.clusters.fabric import Fabric
from placer.importers.clusters.ibnetdiscover import read_ibnetdiscover
from placer.importers.clusters.kubernetes import read_kubernetes
from placer.importers.clusters.nvidia_smi import is_matrix, read_host, with_host
from placer.importers.clusters.options import ClusterFormat, ClusterOptions, OptionReader, Parts
from placer.importers.clusters.slurm import read_slurm
from placer.importers.clusters.topograph import read_topograph
from placer.spec.cluster import ClusterSpec
from placer.spec.field_problems import field_problems
from placer.spec.nodes import Node, field_path
from placer.spec.source_text import MAX_BYTES, SourceText, read_text
from placer.units import format_size

MAX_IMPORT_BYTES: Final = 1 << 28
"""256 MiB: the nodes of 16,000 hosts as Kubernetes prints them."""

Reader = Callable[[Sequence[SourceText], ClusterOptions], Fabric]

READERS: Final[Mapping[ClusterFormat, Reader]] = {
    ClusterFormat.SLURM: read_slurm,
    ClusterFormat.TOPOGRAPH: read_topograph,
    ClusterFormat.KUBERNETES: read_kubernetes,
    ClusterFormat.IBNETDISCOVER: read_ibnetdiscover,
    ClusterFormat.NVIDIA_SMI: read_host,
    ClusterFormat.CSV: read_csv,
}


def import_cluster(
    format_name: ClusterFormat, paths: Sequence[Path], options: ClusterOptions
) -> str:
    """Read files of one format as the text of a cluster file.

    Parameters
    ----------
    format_name
        What wrote the files.
    paths
        The files; a matrix of ``nvidia-smi topo -m`` beside files of another format says what each
        host has.
    options
        What no file says.

    Raises
    ------
    InputError
        With everything wrong in the files and the options.
    """
    reader = OptionReader(options)
    parts = reader.parts()
    try:
        fabric = read_fabric(format_name, paths, options)
    except InputError as error:
        raise InputError([*reader.problems, *error.problems]) from None
    if parts is None:
        raise InputError(reader.problems)
    assembled = assemble(fabric, parts, reader)
    _validate(assembled, fabric)
    text = cluster_document(assembled, _heading(fabric, parts, options))
    _check_size(text, fabric)
    return text


def read_fabric(
    format_name: ClusterFormat, paths: Sequence[Path], options: ClusterOptions
) -> Fabric:
    """Read the files of one format.

    Raises
    ------
    InputError
        With everything wrong in the files.
    """
    files = [read_text(path, max_bytes=MAX_IMPORT_BYTES, colours=True) for path in paths]
    matrices = [file for file in files if is_matrix(file.text)]
    others = [file for file in files if not is_matrix(file.text)]
    if format_name is ClusterFormat.NVIDIA_SMI or not matrices or not others:
        return READERS[format_name](files, options)
    return with_host(READERS[format_name](others, options), matrices)


def _heading(fabric: Fabric, parts: Parts, options: ClusterOptions) -> tuple[str, ...]:
    typed = {
        "--accelerator": parts.accelerator.key,
        "--nic": options.nic,
        "--link": options.link,
        "--gpus-per-host": options.gpus_per_host,
        "--site-link": options.site_link,
    }
    said = ", ".join(f"{name} {value}" for name, value in typed.items() if value is not None)
    return (
        f"Written by placer import from {file_names(fabric.source)} ({fabric.kind}).",
        f"From options: {said}.",
    )


def _check_size(text: str, fabric: Fabric) -> None:
    """Names that follow no pattern make a file longer than placer reads.

    Raises
    ------
    InputError
        When the file would be.
    """
    if len(text.encode()) > MAX_BYTES:
        problem = Problem(
            source=fabric.source,
            expected=f"a cluster that {format_size(MAX_BYTES)} of text describe",
            found=format_size(len(text.encode())),
            remedy="Host and switch names that differ in a number alone are written as ranges.",
        )
        raise InputError([problem])


def _validate(assembled: Assembled, fabric: Fabric) -> None:
    """Check the whole as a cluster file.

    Raises
    ------
    InputError
        With what is wrong, under the names a cluster file has for it.
    """
    try:
        ClusterSpec.model_validate(assembled.fields)
    except ValidationError as error:
        raise InputError(
            Problem(
                source=fabric.source,
                field=field_path(problem.path),
                expected=problem.expected,
                found=problem.found,
                remedy=problem.remedy,
            )
            for problem in field_problems(error, ClusterSpec, Node(1, 1, assembled.fields))
        ) from None
