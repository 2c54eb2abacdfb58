"""Real frameworks on what is emitted: they accept it, build the planned groups, and refuse the rest.

Off by default; `pytest -m frameworks` builds each framework's environment where it is not there yet.
"""

from __future__ import annotations

from pathlib import Path

import framework_samples as samples
import framework_spoiled
import pytest
from framework_environments import NotBuiltError, environment_python
from framework_samples import Sample, Spoiled

from placer.emit.files import RANK_TABLE_FILE, emit_plan
from placer.emit.manifest import MANIFEST_FILE, PLAN_FILE, manifest_json
from placer.emit.rank_table import rank_table_json
from placer.emit.registry import launcher_named, split_release, target_named
from placer.plan.legality import violations
from placer.plan.ranks import expand_ranks, reordered
from placer.plan.serialise import plan_to_json
from placer.verify.folder import EmittedFolder, read_folder
from placer.verify.request import Answer, ask
from placer.verify.verdict import Check, Outcome
from placer.verify.verifying import verdict_of

pytestmark = pytest.mark.frameworks

LAUNCHERS = ("slurm", "torchrun", "openmpi", "jobset", "ray")
PLANS: dict[str, tuple[str, list[Sample]]] = {
    "accelerate": ("accelerate-1.15.0", samples.ACCELERATE),
    "deepspeed": ("deepspeed-0.19.8", samples.DEEPSPEED),
    "maxtext": ("maxtext-0.2.5", samples.MAXTEXT),
    "megatron@0.17.1": ("megatron-0.17.1", samples.MEGATRON),
    "megatron@0.18.0": ("megatron-0.18.0", samples.MEGATRON),
    "megatron@0.19.2": ("megatron-0.19.2", samples.MEGATRON),
    "megatron-bridge@0.19.2": ("megatron-bridge-0.6.2", samples.MEGATRON),
    "primus@0.19.2": ("megatron-0.19.2", samples.MEGATRON),
    "torchtitan@0.2.2": ("torchtitan-0.2.2", samples.TITAN_TOML),
    "torchtitan@0.3.0": ("torchtitan-0.3.0", samples.TITAN),
}


@pytest.mark.parametrize("framework", sorted(PLANS))
def test_plans_are_accepted_and_run_as_planned(framework: str, tmp_path: Path) -> None:
    environment, wanted = PLANS[framework]
    python = _python(environment)
    assert len(wanted) >= 20
    folders = []
    for number, sample in enumerate(wanted):
        emit_plan(sample.plan(), framework, LAUNCHERS[number % 5], tmp_path / str(number))
        folders.append(read_folder(tmp_path / str(number)))
    name = split_release(framework)[0]
    answers = ask(name, python, folders)
    wrong = []
    for sample, folder, answer in zip(wanted, folders, answers, strict=True):
        findings = verdict_of(folder, answer).findings
        wrong += [(sample.strategy, f) for f in findings if f.outcome is not Outcome.PASSED]
    assert not wrong


@pytest.mark.parametrize("framework", sorted(PLANS))
def test_spoiled_configurations_are_refused(framework: str, tmp_path: Path) -> None:
    wanted = framework_spoiled.ALL[framework]
    python = _python(PLANS[framework][0])
    assert len(wanted) >= 10
    folders = [
        _spoiled_folder(case, framework, tmp_path / str(number))
        for number, case in enumerate(wanted)
    ]
    name = split_release(framework)[0]
    answers = ask(name, python, folders)
    wrong = []
    for case, folder, answer in zip(wanted, folders, answers, strict=True):
        refused = _framework_refuses(folder, answer)
        if not verdict_of(folder, answer).failed or refused != case.refused:
            wrong.append((case.edits, case.changes, refused, answer.refused))
    assert not wrong


def _python(environment: str) -> str:
    """The environment's interpreter; a framework that nobody could ask has not passed."""
    try:
        return environment_python(environment)
    except NotBuiltError as error:
        pytest.fail(f"NOT CHECKED: {error}", pytrace=False)


def _framework_refuses(folder: EmittedFolder, answer: Answer) -> bool:
    """By its parser or checks, or by building other groups than the plan has."""
    assert answer.broken is None, answer.broken
    if answer.refused is not None:
        return True
    findings = verdict_of(folder, answer).findings
    return any(f.check is Check.GROUPS and f.outcome is Outcome.FAILED for f in findings)


def _spoiled_folder(case: Spoiled, framework: str, path: Path) -> EmittedFolder:
    """Emit against the rules, or emit and edit."""
    name, release = split_release(framework)
    target, launcher = target_named(name), launcher_named("torchrun")
    plan = case.base.plan(**case.changes)
    broken = violations(target.rules(release), plan.model, plan.run, plan.strategy)
    assert bool(broken) == bool(case.changes), case
    planned = expand_ranks(plan)
    ranks = reordered(planned, target.order(plan, planned))
    written = target.files(plan, ranks, release)
    files = {**written.files, **launcher.files(plan, ranks, written)}
    version = target.rules(release).release
    files[MANIFEST_FILE] = manifest_json(name, version, "torchrun", written.environment)
    files[PLAN_FILE] = plan_to_json(plan)
    files[RANK_TABLE_FILE] = rank_table_json(ranks)
    for file, old, new in case.edits:
        assert old in files[file], (case, files[file])
        files[file] = files[file].replace(old, new, 1)
    path.mkdir()
    for file, text in files.items():
        (path / file).write_text(text)
    return read_folder(path)
