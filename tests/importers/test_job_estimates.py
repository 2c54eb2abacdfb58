"""From a team's launch file to what it costs and what changing it would give."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import pytest
from import_samples import JOBS, mutated

from placer import api
from placer.cli.app import main
from placer.errors import InputError
from placer.importers.jobs import read_job
from placer.plan.plan import PlanStatus
from placer.spec.run import Features, MoeDispatcher

CLUSTER = "dgx-h100-superpod-1k"


def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of the command line."""
    monkeypatch.setattr(sys, "argv", ["placer", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    captured = capsys.readouterr()
    return int(caught.value.code or 0), captured.out, captured.err


@pytest.mark.parametrize(
    ("name", "model", "gpus"),
    [
        ("gpt3-175b.sh", None, None),
        ("llama3-8b-fp8.sh", None, None),
        ("mixtral-8x7b.sh", None, None),
        ("deepseek-v3-fsdp.sbatch", "deepseek-v3", None),
        ("torchtitan-llama3-405b.toml", None, 512),
        ("torchtitan-deepseek-v3-671b.toml", None, 256),
        ("torchtitan-llama3-8b.sh", None, None),
        ("torchtitan-pipeline.toml", None, None),
        ("deepspeed-zero3.json", "llama-3.1-8b", 64),
        ("deepspeed-bf16.json", "llama-3.1-8b", None),
    ],
)
def test_public_jobs_are_costed(name: str, model: str | None, gpus: int | None) -> None:
    job = api.read_job(JOBS / name, model=model, num_gpus=gpus)
    assert job.model is not None
    plan = api.estimate(job.model, CLUSTER, job.configuration, job.run, notes=job.notes)
    assert plan.status is PlanStatus.ESTIMATED
    assert 0.05 < plan.estimate.mfu < 0.8
    assert set(job.notes) <= set(plan.provenance.assumptions)


def test_a_batch_that_depends_on_the_gpus_needs_them() -> None:
    with pytest.raises(InputError) as caught:
        api.read_job(JOBS / "torchtitan-llama3-405b.toml")
    assert caught.value.problems[0].remedy == "Add --gpus N, or --global-batch-size N."
    job = api.read_job(JOBS / "torchtitan-llama3-405b.toml", run={"global_batch_size": 64})
    assert job.run.global_batch_size == 64


def test_what_is_typed_counts_before_the_file() -> None:
    features = Features(moe_dispatcher=MoeDispatcher.DEEPEP)
    job = api.read_job(
        JOBS / "mixtral-8x7b.sh", {"ep": 4, "dp": 16}, {"seq_len": 8192, "features": features}
    )
    assert (job.configuration.ep, job.configuration.dp, job.configuration.pp) == (4, 16, 4)
    assert job.run.seq_len == 8192
    assert job.run.features.moe_dispatcher is MoeDispatcher.DEEPEP
    assert not job.run.features.dropout  # the file's own


def test_gpus_that_do_not_go_with_the_degrees_are_left_out(tmp_path: Path) -> None:
    text = (JOBS / "gpt3-175b.sh").read_text().replace("NUM_NODES=16", "NUM_NODES=1")
    (tmp_path / "mine.sh").write_text(text)
    job = api.read_job(tmp_path / "mine.sh")
    assert job.configuration.dp is None
    assert "mine.sh: its 8 GPUs do not go with its degrees, left out" in job.notes
    assert api.read_job(tmp_path / "mine.sh", num_gpus=256).configuration.dp == 2


def test_a_script_of_another_model_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        api.read_job(JOBS / "gpt3-175b.sh", model="llama-3.1-70b")
    assert [(p.field, p.found) for p in caught.value.problems] == [
        ("layers", "96"),
        ("hidden size", "12288"),
    ]


def test_the_command_line_grades(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script = str(JOBS / "gpt3-175b.sh")
    code, out, _ = run(monkeypatch, capsys, "estimate", CLUSTER, "--config", script)
    assert code == 0
    assert "tp8 cp1 pp16" in out
    assert "What changing it would give\n  One step, " in out
    assert "add --compare" in out


def test_the_best_plan_beside_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script = str(JOBS / "llama3-8b-fp8.sh")
    code, out, err = run(
        monkeypatch, capsys, "estimate", CLUSTER, "--config", script, "--compare", "--json"
    )
    assert code == 0
    assert json.loads(out)["status"] == "estimated"
    assert "The best plan, proven, takes" in err or "Nothing better is proven" in err


def test_grades_follow_the_search() -> None:
    job = api.read_job(JOBS / "llama3-8b-fp8.sh")
    assert job.model is not None
    plan = api.estimate(job.model, CLUSTER, job.configuration, job.run)
    grade = api.grade(plan, search=True)
    assert grade.best is not None
    assert grade.best.strategy.num_gpus <= plan.strategy.num_gpus
    assert grade.best.run == plan.run
    best_s = grade.best.estimate.step_time_s
    assert best_s <= plan.estimate.step_time_s * 1.005 or not plan.estimate.fits


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("estimate",), "MODEL: expected a model, got nothing"),
        (("estimate", CLUSTER), "MODEL: expected a model, got nothing"),
        (("estimate", CLUSTER, "--config", str(JOBS / "deepspeed-bf16.json")), "states none"),
        (("import", "megatron", "a.sh", "b.sh"), "b.sh: expected one job file, got 2 files"),
        (("import", "deepspeed", "a.json", "--nic", "1 GB/s"), "--nic: expected only options"),
        (("import", "slurm", "a.conf", "--gpus", "8"), "--gpus: expected only options"),
        (("import", "maxtext", "a.yml"), "'maxtext' is not one of"),
    ],
)
def test_wrong_calls(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    text: str,
) -> None:
    code, out, err = run(monkeypatch, capsys, *arguments)
    assert (code, out) == (2, "")
    assert text in " ".join(err.split())


def test_imported_jobs_are_configuration_files(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    target = tmp_path / "job.yaml"
    script = str(JOBS / "mixtral-8x7b.sh")
    code, out, err = run(monkeypatch, capsys, "import", "megatron", script, "-o", str(target))
    assert (code, out) == (0, "")
    assert "next: placer estimate CLUSTER --config" in " ".join(err.split())
    _, first, _ = run(monkeypatch, capsys, "estimate", CLUSTER, "--config", script, "--json")
    code, again, _ = run(
        monkeypatch, capsys, "estimate", CLUSTER, "--config", str(target), "--json"
    )
    assert code == 0
    assert json.loads(again)["estimate"] == json.loads(first)["estimate"]


@pytest.mark.parametrize("count", [100, pytest.param(2000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", sorted(p.name for p in JOBS.iterdir() if p.suffix != ".md"))
def test_damaged_jobs_are_read_or_refused(tmp_path: Path, name: str, count: int) -> None:
    """Seeded mutations of each sample: a job or an InputError, nothing else."""
    text = (JOBS / name).read_text()
    source = random.Random(name)
    path = tmp_path / name
    read = 0
    for _ in range(count):
        path.write_text(mutated(text, source))
        try:
            read_job(path)
            read += 1
        except InputError:
            continue
    assert 0 < read < count
