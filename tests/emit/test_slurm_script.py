"""The batch script run for real, with stand-ins for srun, torchrun and python."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from plan_samples import DAMAGED_LAB, plan_of

from placer.emit.files import emit_plan
from placer.plan.plan import Plan
from placer.plan.ranks import expand_ranks
from placer.plan.strategy import Strategy

SRUN = """#!/bin/bash
# Tasks in the order of the host file, local ids counted per host, as --distribution=arbitrary does.
while [[ "$1" == --* ]]; do
  [[ "$1" == --ntasks=* ]] && tasks="${1#*=}"
  shift
done
mapfile -t hosts < "$SLURM_HOSTFILE"
declare -A seen
for ((k = 0; k < tasks; k++)); do
  host="${hosts[k]}"
  local_id="${seen[$host]:-0}"
  seen[$host]=$((local_id + 1))
  SLURM_PROCID=$k SLURM_LOCALID=$local_id SLURMD_NODENAME=$host "$@" || exit
done
"""
TORCHRUN = """#!/bin/bash
echo "$SLURMD_NODENAME $MASTER_ADDR $*"
"""
PYTHON = """#!/bin/bash
echo "$SLURMD_NODENAME $RANK $LOCAL_RANK $WORLD_SIZE ${CUDA_VISIBLE_DEVICES:-all} $*"
"""


@pytest.fixture
def stand_ins(tmp_path: Path) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, text in {"srun": SRUN, "torchrun": TORCHRUN, "python": PYTHON}.items():
        path = folder / name
        path.write_text(text)
        path.chmod(0o755)
    return folder


def run_script(plan: Plan, folder: Path, stand_ins: Path, *args: str) -> list[list[str]]:
    """The words each task was started with."""
    emit_plan(plan, "megatron", "slurm", folder)
    environment = {
        "PATH": f"{stand_ins}:{os.environ['PATH']}",
        "SLURM_SUBMIT_DIR": str(folder),
        "MEGATRON_LM": "/opt/megatron lm",
    }
    done = subprocess.run(
        ["bash", folder / "job.sbatch", *args],
        check=True,
        capture_output=True,
        text=True,
        env=environment,
    )
    return [line.split() for line in done.stdout.splitlines()]


def test_each_host_starts_its_own_torchrun(tmp_path: Path, stand_ins: Path) -> None:
    plan = plan_of(Strategy(tp=8, pp=2, dp=2, num_microbatches=8, dp_shard=2))
    folder = tmp_path / "with space"
    tasks = run_script(plan, folder, stand_ins, "--lr", "1e-4")
    ranks = expand_ranks(plan)
    assert [words[0] for words in tasks] == list(ranks.node_names)
    for number, words in enumerate(tasks):
        assert words[1] == ranks.node_names[0]
        assert "--rdzv-backend=static" in words
        assert f"--node-rank={number}" in words
        assert "--nproc-per-node=8" in words
        assert "/opt/megatron lm/pretrain_gpt.py" in " ".join(words)
        assert words[-2:] == ["--lr", "1e-4"]


def test_each_rank_is_a_task_where_hosts_differ(tmp_path: Path, stand_ins: Path) -> None:
    """Rank, host and GPU of every task are those of the rank table."""
    plan = plan_of(Strategy(dp=16, dp_shard=16), cluster=DAMAGED_LAB)
    tasks = run_script(plan, tmp_path / "out", stand_ins)
    ranks = expand_ranks(plan)
    assert len(tasks) == 16
    for rank, (host, number, local, world, visible, *_) in enumerate(tasks):
        assert (int(number), int(world)) == (rank, 16)
        assert host == ranks.host_of_rank[rank]
        assert int(local) == ranks.local_rank[rank]
        assert int(visible.split(",")[int(local)]) == ranks.gpu_index[rank]


def test_outside_its_folder_the_script_says_so(tmp_path: Path, stand_ins: Path) -> None:
    plan = plan_of(Strategy(tp=8))
    emit_plan(plan, "megatron", "slurm", tmp_path / "out")
    done = subprocess.run(
        ["bash", tmp_path / "out" / "job.sbatch"],
        check=False,
        capture_output=True,
        text=True,
        env={"PATH": f"{stand_ins}:{os.environ['PATH']}", "SLURM_SUBMIT_DIR": str(tmp_path)},
    )
    assert done.returncode == 2
    assert "submit from its folder" in done.stderr
