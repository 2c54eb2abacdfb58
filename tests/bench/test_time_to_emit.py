"""Wall and CPU seconds to write 16,384 ranks for each launcher: ``pytest -m bench -s tests/bench``."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

LAUNCHERS = ("jobset", "openmpi", "ray", "slurm", "torchrun")


@pytest.mark.bench
def test_print_seconds_to_emit(tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    asked = ["plan", "llama-3.1-405b", "dgx-h100-superpod-16k", "-o", str(plan), "--json"]
    subprocess.run([sys.executable, "-m", "placer", *asked], check=True, capture_output=True)
    for launcher in LAUNCHERS:
        told = ["--framework", "megatron", "--launcher", launcher, "-o", str(tmp_path / launcher)]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        began_s = time.perf_counter()
        command = [sys.executable, "-m", "placer", "emit", str(plan), *told]
        subprocess.run(command, check=True, capture_output=True)
        wall_s = time.perf_counter() - began_s
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(f"emit 16,384 ranks for {launcher:9} {wall_s:5.2f} s wall {cpu_s:5.2f} s CPU")
        assert (tmp_path / launcher / "rank_table.json").is_file()
