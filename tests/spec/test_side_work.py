"""Files of work beside the step: what is wrong is named with its line."""

from pathlib import Path

import pytest

from placer.errors import InputError
from placer.spec.side_work import SideWorkSpec, WorkKind
from placer.spec.yaml_source import load_document

GOOD = """\
name: beside-405b
checkpoints: [{name: copies, every: 30 min}]
evaluation: [{name: evals, gpus: 64, weights_every: 1 h}]
rollouts:
  - name: rl
    gpus: 512
    weights_every_steps: 2
    staleness_limit: 6
    generation: 20 s
    tokens_per_s_per_gpu: 2500
standby: [{name: spare, gpus: 32}]
"""


def read(text: str, folder: Path) -> SideWorkSpec:
    path = folder / "job.yaml"
    path.write_text(text)
    return load_document(path, SideWorkSpec)


def test_kinds_come_in_order(tmp_path: Path) -> None:
    works = read(GOOD, tmp_path).works
    assert [work.name for _, work in works] == ["copies", "evals", "rl", "spare"]
    assert works[0][0] is WorkKind.CHECKPOINTS


@pytest.mark.parametrize(
    ("before", "after", "line", "expected"),
    [
        ("30 min", "30", 2, "a time with its unit"),
        ("30 min", "0 s", 2, "> 0"),
        ("gpus: 64", "gpus: 0", 3, ">= 1"),
        ("gpus: 64", "gpu: 64", 3, "a known field"),
        ("weights_every_steps: 2", "weights_every_steps: 2.5", 7, "integer"),
        ("name: rl", "name: evals", 1, "names that differ"),
    ],
)
def test_mistakes_are_named(
    before: str, after: str, line: int, expected: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as caught:
        read(GOOD.replace(before, after), tmp_path)
    assert any(p.line == line and expected in p.expected for p in caught.value.problems), (
        caught.value.problems
    )


def test_an_empty_job_is_no_job(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected work under checkpoints"):
        read("name: nothing\n", tmp_path)
