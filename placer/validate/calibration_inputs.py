"""The files a calibration is made from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from placer.cost.constants import load_constants
from placer.errors import InputError, Problem
from placer.spec.catalogue import CatalogueKind, resolve_input
from placer.spec.cluster import ClusterSpec
from placer.spec.yaml_source import load_document
from placer.topology.build import build_topology
from placer.validate.calibrate import Calibrated, Measurements, calibrate
from placer.validate.calibration import Derates
from placer.validate.gemm_table import read_gemm_table
from placer.validate.measured_run import MeasuredRun, SkippedRun, interpret
from placer.validate.nccl_output import read_nccl_output
from placer.validate.table import read_rows

if TYPE_CHECKING:
    from placer.topology.tree import Topology


def calibrate_files(
    *,
    cluster: str | None,
    nccl: tuple[Path, ...],
    gemm: Path | None,
    runs: Path | None,
    clock: float,
    straggler: float,
) -> Calibrated:
    """Read what a user measured and fit placer's own constants to it.

    Raises
    ------
    InputError
        When a file is malformed, a step cannot be costed, or there is nothing to fit to.
    """
    measured = Measurements(
        topology=None if cluster is None else _topology(cluster),
        collectives=tuple(read_nccl_output(path) for path in nccl),
        gemms=() if gemm is None else read_gemm_table(gemm),
        runs=() if runs is None else _read_steps(runs),
    )
    return calibrate(measured, load_constants(), _derates(clock, straggler))


def _topology(reference: str) -> Topology:
    file = resolve_input(reference, CatalogueKind.CLUSTER)
    return build_topology(load_document(file.path, ClusterSpec))


def _read_steps(path: Path) -> tuple[MeasuredRun, ...]:
    """Every row; one that cannot be costed is an error here, for the user has few."""
    rows = read_rows(path)
    found = interpret(rows, every_row=True)
    problems = list(_problems(path, [row.line for row in rows], found))
    if not rows:
        problems = [Problem(source=str(path), expected="at least one measured step", found="none")]
    if problems:
        raise InputError(problems)
    return tuple(run for run in found if isinstance(run, MeasuredRun))


def _problems(
    path: Path, lines: list[int], found: list[MeasuredRun | SkippedRun]
) -> Iterator[Problem]:
    for line, run in zip(lines, found, strict=True):
        if isinstance(run, SkippedRun):
            yield Problem(
                source=str(path), line=line, expected="a step to calibrate with", found=run.reason
            )


def _derates(clock: float, straggler: float) -> Derates:
    try:
        return Derates(clock=clock, straggler=straggler)
    except ValidationError as error:
        raise InputError(
            Problem(
                source=f"--{problem['loc'][0]}",
                expected=problem["msg"],
                found=str(problem["input"]),
            )
            for problem in error.errors()
        ) from error
