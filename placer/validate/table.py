"""A file of measured runs as rows: any CSV with the columns below, others are kept but not read."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Final

from placer.errors import InputError, Problem, shorten
from placer.spec.source_text import SourceText, read_text
from placer.spec.suggest import did_you_mean
from placer.validate.cells import Row

SHAPE_COLUMNS: Final = ("n_layers", "hidden", "heads", "vocab", "seq_len")
RUN_COLUMNS: Final = ("id", "gpus", "accelerator", "global_batch", "micro_batch")
TIME_COLUMNS: Final = ("step_time_s", "step_time_derived_s")
COMPLETE: Final = "complete"


def read_rows(path: Path) -> tuple[Row, ...]:
    """Read a table of measured runs.

    Raises
    ------
    InputError
        When the file cannot be read, is no CSV, lacks a column nothing can be assumed for, or has
        a row whose cells do not match the header.
    """
    source = read_text(path)
    return parse_rows(source)


def parse_rows(source: SourceText) -> tuple[Row, ...]:
    """Rows of a CSV text; blank lines do not count.

    Raises
    ------
    InputError
        As ``read_rows``.
    """
    reader = csv.reader(source.text.splitlines(keepends=True), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        _check_header(source, header)
        return tuple(_row(source, reader.line_num, header, cells) for cells in reader if cells)
    except csv.Error as error:
        raise _problem(source, reader.line_num, "comma-separated values", str(error)) from error


def _check_header(source: SourceText, header: list[str]) -> None:
    wanted = [name for name in (*RUN_COLUMNS, *SHAPE_COLUMNS) if name not in header]
    if not any(name in header for name in TIME_COLUMNS):
        wanted.append(" or ".join(TIME_COLUMNS))
    if wanted:
        found = shorten(", ".join(header)) or "an empty file"
        remedy = did_you_mean(wanted[0], header) if header else ""
        expected = f"a header with the columns {', '.join(wanted)}"
        raise _problem(source, 1, expected, found, remedy)
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if twice:
        raise _problem(source, 1, "each column once", f"{', '.join(twice)} more than once")


def _row(source: SourceText, line: int, header: list[str], cells: list[str]) -> Row:
    if len(cells) != len(header):
        remedy = "Quote cells that hold commas or line breaks."
        expected = f"{len(header)} cells, as the header has"
        raise _problem(source, line, expected, f"{len(cells)}", remedy)
    return Row(line=line, cells=dict(zip(header, cells, strict=True)))


def _problem(
    source: SourceText, line: int, expected: str, found: str, remedy: str = ""
) -> InputError:
    problem = Problem(source=source.name, line=line, expected=expected, found=found, remedy=remedy)
    return InputError([problem])
