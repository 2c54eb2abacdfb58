"""Measured matrix products: a CSV with m, n, k, precision and a rate or a time."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from placer.errors import InputError, Problem
from placer.spec.run import Precision
from placer.spec.source_text import SourceText, read_text
from placer.validate.cells import Row, RowError
from placer.validate.software import precision_of

SHAPE: Final = ("m", "n", "k")
TFLOPS: Final = "tflops"
TIMES: Final = {"time_us": 1e-6, "time_ms": 1e-3, "time_s": 1.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredGemm:
    """One product (m x k) @ (k x n) and its seconds."""

    m: int
    n: int
    k: int
    precision: Precision
    time_s: float


def read_gemm_table(path: Path) -> tuple[MeasuredGemm, ...]:
    """Read a table of products.

    Raises
    ------
    InputError
        When a column or cell is missing or malformed, with its line.
    """
    source = read_text(path)
    reader = csv.DictReader(source.text.splitlines(), strict=True, restval="")
    try:
        return _products(source, reader)
    except csv.Error as error:
        raise _problem(source, reader.line_num, "comma-separated values", str(error)) from error


def _products(source: SourceText, reader: csv.DictReader[str]) -> tuple[MeasuredGemm, ...]:
    header = [name.strip() for name in reader.fieldnames or ()]
    missing = [name for name in SHAPE if name not in header]
    if not {TFLOPS, *TIMES} & set(header):
        missing.append(f"{TFLOPS} or {' or '.join(TIMES)}")
    if missing:
        raise _problem(source, 1, f"the columns {', '.join(missing)}", ", ".join(header))
    reader.fieldnames = header
    found = []
    for cells in reader:
        text = {name: cell for name, cell in cells.items() if isinstance(cell, str)}
        try:
            found.append(_gemm(Row(line=reader.line_num, cells=text)))
        except RowError as error:
            field, _, rest = str(error).partition(": expected ")
            expected, _, value = rest.rpartition(", got ")
            raise _problem(source, reader.line_num, f"{field} to be {expected}", value) from error
    if not found:
        raise _problem(source, 1, "at least one product", "none")
    return tuple(found)


def _gemm(row: Row) -> MeasuredGemm:
    m, n, k = (row.count(name) for name in SHAPE)
    return MeasuredGemm(m=m, n=n, k=k, precision=precision_of(row), time_s=_time_s(row, m, n, k))


def _time_s(row: Row, m: int, n: int, k: int) -> float:
    for name, unit_s in TIMES.items():
        time = row.positive(name)
        if time is not None:
            return time * unit_s
    rate = row.positive(TFLOPS)
    if rate is None:
        raise RowError(f"{TFLOPS}: expected a rate or a time, got nothing")
    return 2.0 * m * n * k / (rate * 1e12)


def _problem(source: SourceText, line: int, expected: str, found: str) -> InputError:
    problem = Problem(
        source=source.name,
        line=line,
        expected=expected,
        found=found or "an empty file",
        remedy="Columns: m, n, k, precision (bf16 when absent), tflops or time_us.",
    )
    return InputError([problem])
