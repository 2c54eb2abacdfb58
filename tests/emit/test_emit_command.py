"""``placer emit`` on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from plan_samples import plan_of
from typer.testing import CliRunner

from placer.cli.app import app
from placer.errors import InputError
from placer.plan.serialise import plan_to_json
from placer.plan.strategy import Strategy


def test_emit_lists_what_it_wrote(tmp_path: Path) -> None:
    path, folder = tmp_path / "plan.json", tmp_path / "out"
    path.write_text(plan_to_json(plan_of(Strategy(tp=8))))
    done = CliRunner().invoke(app, ["emit", str(path), "-o", str(folder)])
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == [str(entry) for entry in sorted(folder.iterdir())]


def test_emit_refuses_what_is_no_plan(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["emit", str(tmp_path), "-o", str(tmp_path / "out")])
    assert isinstance(done.exception, InputError)
    with pytest.raises(InputError, match="expected a plan file"):
        raise done.exception
