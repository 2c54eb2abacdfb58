"""``placer report``: where it writes, and what it says when it cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from plan_samples import DENSE_MODEL, LAB

import placer
from placer.api import Configuration, estimate
from placer.errors import InputError
from placer.spec.run import RunSpec


@pytest.fixture(scope="module")
def plan_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = RunSpec(global_batch_size=256, seq_len=4096)
    path = tmp_path_factory.mktemp("plan") / "plan.json"
    placer.save_plan(estimate(DENSE_MODEL, LAB, Configuration(tp=4, pp=2), run), path)
    return path


def run(*arguments: Any) -> None:
    """The command as the command line calls it, with errors as they are."""
    from placer.cli.app import app

    app([str(a) for a in arguments], standalone_mode=False)


def test_page_and_pictures_are_written(
    plan_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page, folder = tmp_path / "report.html", tmp_path / "new" / "pictures"
    run("report", plan_file, "-o", page, "--svg", folder)

    told = capsys.readouterr().out.split()
    assert told[0] == str(page)
    assert page.read_text(encoding="utf-8") == placer.report(placer.load_plan(plan_file)).html
    assert sorted(map(str, folder.iterdir())) == sorted(told[1:])
    assert {path.suffix for path in folder.iterdir()} == {".svg"}


def test_nowhere_to_write_is_an_error(plan_file: Path) -> None:
    with pytest.raises(InputError, match=r"Add -o report\.html, or --svg DIR\."):
        run("report", plan_file)


def test_a_folder_that_cannot_be_made_is_an_error(plan_file: Path, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("", encoding="utf-8")

    with pytest.raises(InputError, match="--svg: expected a folder that can be made"):
        run("report", plan_file, "--svg", taken)
    with pytest.raises(InputError, match="--output: expected a file that can be written"):
        run("report", plan_file, "-o", tmp_path)
