"""Plan files are written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from plan_samples import plan_of

from placer.errors import InputError
from placer.plan.saving import save_plan
from placer.plan.serialise import load_plan
from placer.plan.strategy import Strategy

PLAN = plan_of(Strategy(tp=4, dp=4, num_microbatches=4, dp_shard=4))


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text("old")
    save_plan(PLAN, path)
    assert load_plan(path) == PLAN
    assert list(tmp_path.iterdir()) == [path]


def test_a_pipe_or_device_is_written_to_not_replaced() -> None:
    # Found by reasoning, not by loss: as root, renaming onto /dev/null would replace the device.
    save_plan(PLAN, "/dev/null")
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize("name", ["missing/plan.json", ".", ""])
def test_a_place_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="expected a file to write to"):
        save_plan(PLAN, tmp_path / name)
    assert list(tmp_path.iterdir()) == []
