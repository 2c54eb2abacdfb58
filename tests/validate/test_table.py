from __future__ import annotations

from pathlib import Path

import pytest
from validate_samples import DENSE, rows_of, table_text

from placer.errors import InputError
from placer.validate.datasets import DATASETS, find_table
from placer.validate.table import read_rows


def refused(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_rows(path)
    return str(caught.value)


def saved(folder: Path, text: str) -> Path:
    path = folder / "runs.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_rows_keep_their_line_and_every_column() -> None:
    first, second = rows_of(DENSE | {"extra": "kept"}, DENSE)
    assert (first.line, second.line) == (2, 3)
    assert first.text("extra") == "kept"
    assert second.text("extra") == ""
    assert second.text("no such column") == ""


def test_cells_may_hold_commas_and_line_breaks(tmp_path: Path) -> None:
    text = table_text(DENSE | {"note": "a, b\nc"}, DENSE | {"note": "d"})
    first, second = read_rows(saved(tmp_path, text))
    assert first.text("note") == "a, b\nc"
    assert second.text("note") == "d"


def test_header_only_is_no_rows(tmp_path: Path) -> None:
    assert read_rows(saved(tmp_path, ",".join(DENSE) + "\n")) == ()


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("", "runs.csv:1: ", "an empty file"),  # nothing at all
        ("a,b\n1,2\n", "runs.csv:1: ", "a header with the columns id, gpus"),  # another table
        (  # a column nothing can be assumed for
            ",".join(name for name in DENSE if name != "vocab"),
            "runs.csv:1: ",
            "columns vocab",
        ),
        (  # no time at all
            ",".join(name for name in DENSE if not name.startswith("step_time")),
            "runs.csv:1: ",
            "step_time_s or step_time_derived_s",
        ),
        (",".join([*DENSE, "tp"]), "runs.csv:1: ", "tp more than once"),
        (
            table_text(DENSE) + "x,1\n",
            "runs.csv:3: ",
            f"{len(DENSE)} cells, as the header has, got 2",
        ),
        (table_text(DENSE) + '"x', "runs.csv:3: ", "comma-separated values"),  # quote never closed
    ],
)
def test_malformed_files_are_refused_with_file_and_line(
    tmp_path: Path, text: str, where: str, what: str
) -> None:
    message = refused(saved(tmp_path, text))
    assert where in message
    assert what in message


def test_missing_and_binary_files_are_refused(tmp_path: Path) -> None:
    assert "nothing at this path" in refused(tmp_path / "none.csv")
    path = tmp_path / "runs.csv"
    path.write_bytes(b"id,gpus\xff\n")
    assert "runs.csv:1: expected text in UTF-8" in refused(path)


def test_tables_are_found_by_name_or_path(tmp_path: Path) -> None:
    assert find_table("measured_runs") == DATASETS["measured_runs"]
    assert find_table("mine.csv") == Path("mine.csv")
    with pytest.raises(InputError, match="Did you mean measured_runs"):
        find_table("measured_run")


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_shipped_tables_are_read(name: str) -> None:
    assert len(read_rows(DATASETS[name])) > 100
