"""What one host has, from ``nvidia-smi topo -m``: accelerators, their links, their nearest ports.

Cells say how two devices are joined, nearest first: NV# (that many NVLinks), PIX (one PCIe switch),
PXB (several), PHB (a host bridge), NODE (one NUMA node), SYS (across sockets).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Final

from placer.errors import InputError
from placer.importers.clusters.fabric import Fabric, FabricHost, Ports
from placer.importers.clusters.options import ClusterOptions
from placer.importers.problems import Problems
from placer.spec.source_text import SourceText

_GPU: Final = re.compile(r"GPU\d+")
_PORT: Final = re.compile(r"NIC\d+|mlx\d+_\d+|bnxt_re\d+|irdma\d+|rdmap\w+")
_NVLINK: Final = re.compile(r"NV\d+")
_LEGEND: Final = re.compile(r"\s*(NIC\d+):\s*(\S+)")
_HEADER: Final = re.compile(r"^\s*GPU0\s+(?:GPU1|NIC0|mlx|CPU)", re.MULTILINE)
DISTANCES: Final = ("PIX", "PXB", "PHB", "NODE", "SYS")
NEAR: Final = ("PIX", "PXB", "PHB")
MAX_DEVICES: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class HostMatrix:
    """One host: ``nearest`` has, per accelerator, the ports as near as any; () where all are far."""

    num_gpus: int
    ports: tuple[str, ...]
    nearest: tuple[tuple[str, ...], ...]

    @property
    def used_ports(self) -> tuple[str, ...]:
        """Ports nearest to some accelerator, in order of the accelerators."""
        return tuple(dict.fromkeys(port for ports in self.nearest for port in ports))


def is_matrix(text: str) -> bool:
    """Whether a text is such a matrix."""
    return _HEADER.search(text[:20_000]) is not None


def read_host(files: Sequence[SourceText], options: ClusterOptions) -> Fabric:
    """One host per file, as a cluster of its own.

    Raises
    ------
    InputError
        With everything wrong in the files.
    """
    names = [_host_name(file) for file in files]
    hosts = tuple(FabricHost(name=name, domain=name, line=1) for name in dict.fromkeys(names))
    fabric = Fabric(
        source=", ".join(file.name for file in files),
        kind="nvidia-smi topo -m",
        hosts=hosts,
        levels=("core",),
    )
    return with_host(fabric, files)


def _host_name(file: SourceText) -> str:
    return re.sub(r"[^A-Za-z0-9-]+", "-", PurePath(file.name).stem).strip("-") or "host"


def with_host(fabric: Fabric, files: Sequence[SourceText]) -> Fabric:
    """The fabric with what each of its hosts has; all files must say the same.

    Raises
    ------
    InputError
        With everything wrong in the files.
    """
    matrices = [parse_matrix(file) for file in files]
    first = matrices[0]
    for file, matrix in zip(files, matrices, strict=True):
        if len(matrix.used_ports) != len(first.used_ports) or matrix.num_gpus != first.num_gpus:
            problems = Problems(file.name)
            expected = (
                f"{first.num_gpus} GPUs and {len(first.used_ports)} ports, as {files[0].name}"
            )
            found = f"{matrix.num_gpus} and {len(matrix.used_ports)}"
            problems.add(1, "", expected, found, "Import unlike hosts one by one.")
            problems.raise_any()
    return replace(
        fabric,
        ports=_ports(fabric.ports, first),
        read=(*fabric.read, *_sentences(files[0], first)),
    )


def _ports(known: Ports, matrix: HostMatrix) -> Ports:
    """What the matrix says; what the fabric counted itself stays."""
    num_ports = len(matrix.used_ports)
    if not num_ports:
        return replace(known, gpus_per_host=matrix.num_gpus)
    rails = min(num_ports, matrix.num_gpus)
    return replace(
        known,
        gpus_per_host=matrix.num_gpus,
        nics_per_host=known.nics_per_host or num_ports,
        rails=known.rails or rails,
    )


def _sentences(file: SourceText, matrix: HostMatrix) -> Iterator[str]:
    name = PurePath(file.name).name
    ports = matrix.used_ports
    if not ports:
        yield f"{name}: {matrix.num_gpus} GPUs per host; no network port is near one."
        return
    near = [f"GPU{index} {'+'.join(ports)}" for index, ports in enumerate(matrix.nearest) if ports]
    yield (
        f"{name}: {matrix.num_gpus} GPUs and {len(ports)} network ports near them per host"
        f" ({', '.join(near)}); each is taken for a rail of its own."
    )


def parse_matrix(file: SourceText) -> HostMatrix:
    """Read one matrix.

    Raises
    ------
    InputError
        With everything wrong in the file.
    """
    problems = Problems(file.name)
    lines = file.text.splitlines()
    start, columns = _header(lines)
    gpus = [name for name in columns if _GPU.fullmatch(name)]
    if not gpus:
        problems.add(1, "", "a line that names GPU0, GPU1, ...", "none")
        raise InputError(problems.items)
    rows: dict[str, Mapping[str, str]] = {}
    for number, line in enumerate(lines[start:], start=start + 1):
        cells = line.split()
        if cells and _GPU.fullmatch(cells[0]) and cells[0] in gpus:
            rows[cells[0]] = _row(cells, columns, number, problems)
    for gpu in gpus:
        if gpu not in rows:
            problems.add(start, gpu, "a row for each GPU", "none")
    problems.raise_any()
    legend = {match[1]: match[2] for line in lines if (match := _LEGEND.match(line))}
    ports = [name for name in columns if _PORT.fullmatch(name)]
    named = {port: legend.get(port, port) for port in ports}
    return HostMatrix(
        num_gpus=len(gpus),
        ports=tuple(named.values()),
        nearest=tuple(_nearest(rows[gpu], named) for gpu in gpus),
    )


def _header(lines: Sequence[str]) -> tuple[int, tuple[str, ...]]:
    """The line after the header, and the devices it names, in order."""
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if words and words[0] == "GPU0" and words[1:2] != ["X"]:
            names = [word for word in words if _GPU.fullmatch(word) or _PORT.fullmatch(word)]
            return number, tuple(dict.fromkeys(names[:MAX_DEVICES]))
    return 0, ()


def _row(
    cells: Sequence[str], columns: Sequence[str], line: int, problems: Problems
) -> dict[str, str]:
    """Cells of one accelerator by device; unknown ones, and missing NVLinks, are noted."""
    own = cells[0]
    values = dict(zip(columns, cells[1:], strict=False))
    if len(values) < len(columns):
        problems.add(line, own, f"{len(columns)} cells", f"{len(values)}")
    for device, value in values.items():
        is_self = device == own
        if is_self != (value == "X") or not (
            is_self or value in DISTANCES or _NVLINK.fullmatch(value)
        ):
            expected = "X" if is_self else f"NV# or one of {', '.join(DISTANCES)}"
            problems.add(line, f"{own} {device}", expected, repr(value))
        elif _GPU.fullmatch(device) and not is_self and not _NVLINK.fullmatch(value):
            remedy = "Placer has no entry for GPUs that are joined by PCIe."
            problems.add(line, f"{own} {device}", "NVLink between the GPUs", value, remedy)
    return values


def _nearest(row: Mapping[str, str], ports: Mapping[str, str]) -> tuple[str, ...]:
    """The ports at the smallest distance, if that is not across the host."""
    for distance in NEAR:
        found = tuple(name for port, name in ports.items() if row.get(port) == distance)
        if found:
            return found
    return ()
