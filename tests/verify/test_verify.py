"""``placer verify`` without any framework: what it reads, compares and reports."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from plan_samples import MOE_MODEL, plan_of
from typer.testing import CliRunner

from placer.cli.app import app
from placer.emit.files import emit_plan
from placer.errors import InfeasibleError, InputError
from placer.plan.strategy import Strategy
from placer.verify.folder import read_folder
from placer.verify.groups import planned_groups
from placer.verify.request import Answer, installed_release, sampled_ranks
from placer.verify.verdict import Check, Outcome
from placer.verify.verifying import verdict_of, verify_folder

PLAN = plan_of(Strategy(tp=4, pp=2, dp=4, num_microbatches=4, dp_shard=4))
SPARSE = plan_of(
    Strategy(tp=2, etp=2, ep=4, dp=8, dp_shard=8, zero_stage=3),
    MOE_MODEL.model_copy(update={"mtp_layers": 0}),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    emit_plan(PLAN, "megatron", "slurm", tmp_path)
    return tmp_path


def test_what_is_not_installed_is_not_checked(folder: Path) -> None:
    verdict = verify_folder(folder, {"megatron": sys.executable})
    outcomes = {finding.check: finding.outcome for finding in verdict.findings}
    assert outcomes == {
        Check.PARSER: Outcome.NOT_CHECKED,
        Check.GROUPS: Outcome.NOT_CHECKED,
        Check.CROSSINGS: Outcome.PASSED,
        Check.FILES: Outcome.PASSED,
    }
    assert not verdict.failed
    assert "needed, not all of it installed in" in verdict.findings[0].detail
    assert not installed_release("primus", sys.executable)


def test_hosts_in_another_order_are_found(folder: Path) -> None:
    hosts = (folder / "hostfile").read_text().split()
    (folder / "hostfile").write_text("\n".join([hosts[0], "leaf3-n3", *hosts[2:]]) + "\n")
    crossings = verify_folder(folder, {}).findings[2]
    assert crossings.outcome is Outcome.FAILED
    assert "the plan says" in crossings.detail


def test_hosts_nobody_has_are_found(folder: Path) -> None:
    hosts = (folder / "hostfile").read_text().split()
    (folder / "hostfile").write_text("\n".join(["elsewhere", *hosts[1:]]) + "\n")
    assert "8 ranks on hosts" in verify_folder(folder, {}).findings[2].detail
    (folder / "hostfile").write_text("\n".join([hosts[1], *hosts[1:]]) + "\n")
    assert "accelerators" in verify_folder(folder, {}).findings[2].detail


def good_answer(path: Path) -> Answer:
    groups = {axis: found.tolist() for axis, found in planned_groups(read_folder(path)).items()}
    rank_3 = {"tp": [0, 1, 2, 3], "pp": [3, 19]}
    return Answer(refused=None, broken=None, groups=groups, sampled={"3": rank_3})


def test_groups_as_planned_pass(folder: Path) -> None:
    verdict = verdict_of(read_folder(folder), good_answer(folder))
    assert [finding.outcome for finding in verdict.findings] == [Outcome.PASSED] * 4


def test_groups_otherwise_than_planned_fail(folder: Path) -> None:
    answer = good_answer(folder)
    swapped = {**answer.groups, "tp": [[0, 1, 2, 4], [3, 5, 6, 7], *answer.groups["tp"][2:]]}
    findings = verdict_of(read_folder(folder), replace(answer, groups=swapped)).findings
    assert "tp: planned [0, 1, 2, 3], built [0, 1, 2, 4]" in findings[1].detail
    fewer = {**answer.groups, "tp": answer.groups["dp"][:2]}
    findings = verdict_of(read_folder(folder), replace(answer, groups=fewer)).findings
    assert "tp: planned 8 groups of 4, built 2 of 4" in findings[1].detail
    ragged = {**answer.groups, "tp": [[0], [1, 2]]}
    findings = verdict_of(read_folder(folder), replace(answer, groups=ragged)).findings
    assert "groups of different sizes" in findings[1].detail
    started = {"3": {"tp": [3, 4, 5, 6]}}
    findings = verdict_of(read_folder(folder), replace(answer, sampled=started)).findings
    assert "tp of rank 3" in findings[1].detail
    silent = replace(answer, groups={}, sampled={})
    findings = verdict_of(read_folder(folder), silent).findings
    assert "pp: the framework showed no groups" in findings[1].detail


def test_a_refusal_is_a_failure_of_the_parser_only(folder: Path) -> None:
    answer = Answer(refused="ValueError: no", broken=None)
    findings = verdict_of(read_folder(folder), answer).findings
    assert findings[0].outcome is Outcome.FAILED
    assert findings[1].outcome is Outcome.NOT_CHECKED


def test_planned_groups_are_in_the_framework_s_numbers(tmp_path: Path) -> None:
    """MaxText's expert axis is the fastest: its groups are consecutive ranks."""
    emit_plan(SPARSE, "maxtext", "slurm", tmp_path)
    groups = planned_groups(read_folder(tmp_path))
    assert groups["ep"][:2].tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert groups["tp"][:2].tolist() == [[0, 4], [1, 5]]


def test_edited_files_are_found(folder: Path) -> None:
    path = folder / "megatron_args.sh"
    path.write_text(path.read_text().replace("--swiglu", "--squared-relu"))
    files = verify_folder(folder, {}).findings[3]
    assert files.outcome is Outcome.FAILED
    assert "emitted '--swiglu', found '--squared-relu'" in files.detail


def test_sampled_ranks() -> None:
    assert sampled_ranks(8) == list(range(8))
    found = sampled_ranks(4096)
    assert (len(found), found[0], found[-1]) == (16, 0, 4095)


def test_what_is_no_emitted_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a folder placer emit wrote"):
        read_folder(tmp_path)
    emit_plan(PLAN, "megatron", "torchrun", tmp_path)
    (tmp_path / "nodes").write_text("gibberish\n")
    with pytest.raises(InputError, match="cannot be read"):
        read_folder(tmp_path)


def test_command_line(folder: Path) -> None:
    done = CliRunner().invoke(app, ["verify", str(folder), "--json"])
    assert done.exit_code == 0
    document = json.loads(done.stdout)
    assert document["schema"] == "placer.verify/v1"
    assert [finding["outcome"] for finding in document["findings"]][2] == "passed"
    done = CliRunner().invoke(app, ["verify", str(folder), "--python", "megatron"])
    assert isinstance(done.exception, InputError)
    (folder / "hostfile").write_text("elsewhere\n" * 4)
    done = CliRunner().invoke(app, ["verify", str(folder)])
    assert isinstance(done.exception, InfeasibleError)
    assert "crossings" in done.stdout
