"""Sweeps end to end on one host: what is solved, what is kept, what survives."""

from __future__ import annotations

import itertools
import json
import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from placer.api.executors import Executor, InThisProcess, Processes
from placer.api.question import RunOptions
from placer.api.solving import LayoutTask, solve_layout
from placer.api.sweeping import sweep
from placer.compare.sweep.axes import parse_axes
from placer.compare.sweep.effects import effects, grids
from placer.compare.sweep.result import Price, Sweep
from placer.compare.sweep.solved import SolvedLayout
from placer.compare.sweep.store import Store
from placer.errors import InputError
from placer.report.sweep.document import sweep_json
from placer.report.sweep.page import sweep_page
from placer.report.sweep.terminal import render_sweep

RUN = RunOptions(global_batch_size=64, seq_len=2048)
MODEL, TEMPLATE = "llama-3.1-8b", "lab-8x-h100"
BANDWIDTHS = "scale_up.bandwidth=100 GB/s,450 GB/s"


@dataclass
class Counting:
    """Solves here, and remembers how often."""

    asked: list[str] = field(default_factory=list)

    def solved(self, tasks: Sequence[LayoutTask]) -> Iterator[SolvedLayout]:
        for task in tasks:
            self.asked.append(task.key)
            yield solve_layout(task)


@dataclass
class Stopped:
    """Solves one layout; then the user has enough."""

    def solved(self, tasks: Sequence[LayoutTask]) -> Iterator[SolvedLayout]:
        yield solve_layout(tasks[0])
        raise KeyboardInterrupt


def swept(
    *vary: str,
    executor: Executor | None = None,
    store: Store | None = None,
    sensitivity: bool = False,
) -> Sweep:
    return sweep(
        MODEL,
        TEMPLATE,
        parse_axes(vary),
        RUN,
        executor=executor,
        store=store,
        sensitivity=sensitivity,
    )


def test_equal_questions_are_asked_once() -> None:
    # the name of the level and the description change nothing the search can see
    counting = Counting()
    found = swept(BANDWIDTHS, "scale_up.name=fast,quick", "description=a,b", executor=counting)
    assert len(found.rows) == 8
    assert len(counting.asked) == found.num_questions == 2
    speeds = [row.tokens_per_s for row in found.rows]
    assert speeds[:4] == [speeds[0]] * 4
    assert speeds[4:] == [speeds[4]] * 4


def test_more_bandwidth_is_never_slower() -> None:
    found = swept("scale_up.bandwidth=50 GB/s,100 GB/s,200 GB/s,400 GB/s,800 GB/s")
    speeds = [row.tokens_per_s or 0.0 for row in found.rows]
    assert all(b >= a * (1.0 - found.gap) for a, b in itertools.pairwise(speeds))


def test_a_stopped_sweep_goes_on_where_it_was(tmp_path: Path) -> None:
    store = Store(folder=tmp_path)
    first = swept(BANDWIDTHS, executor=Stopped(), store=store)
    assert first.num_open == 1
    assert "stopped with 1 open" in render_sweep(first, colour=False, width=100)
    counting = Counting()
    second = swept(BANDWIDTHS, executor=counting, store=store)
    assert len(counting.asked) == 1
    assert sweep_json(second) == sweep_json(swept(BANDWIDTHS))


def test_a_damaged_answer_is_asked_again(tmp_path: Path) -> None:
    store = Store(folder=tmp_path)
    swept(BANDWIDTHS, store=store)
    for path in tmp_path.rglob("*.json"):
        path.write_text('{"key": "')
    counting = Counting()
    swept(BANDWIDTHS, executor=counting, store=store)
    assert len(counting.asked) == 2


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="--store: expected a folder to write to"):
        swept(BANDWIDTHS, store=Store(folder=tmp_path / "file"))


def test_layouts_that_are_no_cluster_or_hold_no_plan_say_why() -> None:
    found = swept("accelerator=h100_sxm,h100_sxmm", executor=InThisProcess())
    assert [row.plan is None for row in found.rows] == [False, True]
    assert "h100_sxmm" in (found.rows[1].refusal or "")
    text = render_sweep(found, colour=False, width=100)
    assert "why there is no plan" in text
    assert all(len(line) <= 100 for line in text.splitlines())


def test_a_field_nobody_knows_is_an_error() -> None:
    with pytest.raises(InputError, match=r"lab-8x-h100.yaml with scale_upp.size=8: scale_upp"):
        swept("scale_upp.size=8,4")


def test_effects_compare_layouts_that_differ_in_one_field() -> None:
    found = swept(BANDWIDTHS, "accelerator=h100_sxm,h200_sxm")
    by_value = {(e.axis.key, e.value): e for e in effects(found)}
    assert by_value["accelerator", "h100_sxm"].mean == 1.0
    faster = by_value["scale_up.bandwidth", "450 GB/s"]
    assert faster.num_pairs == 2
    assert faster.mean is not None
    assert faster.mean > 1.0
    (grid,) = grids(found)
    assert grid.cells[1][1] == found.rows[3].tokens_per_s_per_gpu


def test_a_tenth_more_never_costs() -> None:
    found = swept("scale_up.bandwidth=100 GB/s", sensitivity=True)
    gains = {gain.resource: gain.gain for gain in found.gains}
    assert gains["matrix units"] > 0.01
    assert all(0.0 <= gain <= 0.101 for gain in gains.values())


@pytest.mark.slow
def test_processes_give_the_same_bytes_and_survive_the_loss_of_one() -> None:
    class Losing(Processes):
        """Kills one of its workers once the first answer is there."""

        def solved(self, tasks: Sequence[LayoutTask]) -> Iterator[SolvedLayout]:
            killed = False
            for answer in Processes.solved(self, tasks):
                yield answer
                if not killed:
                    killed = True
                    os.kill(_a_child(), signal.SIGKILL)

    vary = "scale_up.bandwidth=" + ",".join(f"{rate} GB/s" for rate in range(50, 450, 50))
    alone = sweep_json(swept(vary))
    assert sweep_json(swept(vary, executor=Processes(num_workers=2))) == alone
    assert sweep_json(swept(vary, executor=Losing(num_workers=2))) == alone


def test_the_page_holds_a_map_and_what_a_tenth_more_buys() -> None:
    found = swept(BANDWIDTHS, "accelerator=h100_sxm,h200_sxm,nothing", sensitivity=True)
    html = sweep_page(found)
    assert html == sweep_page(found)
    assert html.count("<svg") == 4  # the map and the bars, each for wide and narrow pages
    assert "What a tenth more buys" in html
    assert "Without a plan" in html


@pytest.mark.slow
def test_a_template_with_a_fabric_is_weighed_by_power_and_optics(tmp_path: Path) -> None:
    template = tmp_path / "any.yaml"
    template.write_text(
        "name: any\naccelerator: h100_sxm\nscale_up: {size: 8}\n"
        "fabric: {link: infiniband, gpus: 128, tiers: 2, nic: 400 Gbit/s, rails: 8, ports: 16}\n"
    )
    axes = parse_axes(["scale_up.size=8,16", "fabric.oversubscription=1,4"])
    found = sweep("llama-3.1-8b", template, axes, RUN)
    assert [front.price for front in found.fronts()] == [Price.POWER, Price.MODULES]
    even, narrow = found.rows[:2]
    assert even.footprint is not None
    assert narrow.footprint is not None
    assert narrow.footprint.num_switches < even.footprint.num_switches
    assert narrow.footprint.num_modules < even.footprint.num_modules
    assert sweep_page(found).count("fastest for their") == 2


def test_a_value_without_any_plan_makes_no_map() -> None:
    found = swept(BANDWIDTHS, "accelerator=h100_sxm,nothing")
    assert grids(found) == ()


def test_the_json_names_its_schema_and_every_layout() -> None:
    data = json.loads(sweep_json(swept(BANDWIDTHS)))
    assert data["schema"] == "placer.sweep/v1"
    assert [row["values"] for row in data["rows"]] == [
        {"scale_up.bandwidth": "100 GB/s"},
        {"scale_up.bandwidth": "450 GB/s"},
    ]
    assert data["rows"][data["best"]]["plan"]["strategy"]["dp"] >= 1


def _a_child() -> int:
    """A worker process of this one."""
    children = Path("/proc/self/task").glob("*/children")
    pids = [int(pid) for path in children for pid in path.read_text().split()]
    commands = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids}
    return next(pid for pid, command in sorted(commands.items()) if b"spawn_main" in command)
