"""Plans with work beside the step: room, traffic, staleness, refusals in numbers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from plan_samples import DENSE_MODEL
from site_samples import sites_cluster

from placer import api
from placer.errors import InfeasibleError, InputError
from placer.plan.plan import Plan
from placer.plan.serialise import load_plan, plan_to_json
from placer.report.text.page import render_plan
from placer.spec.side_work import SideWorkSpec
from placer.workload.params import count_params

CLUSTER = sites_cluster(4, 4, gbit_per_s=800.0)
RUN = api.RunOptions(global_batch_size=64, seq_len=2048)
ROLLOUTS = {
    "name": "rl",
    "gpus": 8,
    "weights_every_steps": 2,
    "staleness_limit": 100,
    "generation": "0 s",
    "tokens_per_s_per_gpu": 1e9,
}


def job(**works: list[dict[str, Any]]) -> SideWorkSpec:
    return SideWorkSpec.model_validate({"name": "job", **works})


def plan_with(spec: SideWorkSpec, *modes: str) -> Plan:
    sites = api.SiteRequest(modes=api.site_modes(modes or ("none",)))
    options = api.SearchOptions(gap=0.05, top=1)
    return api.plan(DENSE_MODEL, CLUSTER, RUN, options, sites, job=spec)


def test_work_stands_away_from_home_on_hosts_of_its_own() -> None:
    plan = plan_with(job(evaluation=[{"name": "e", "gpus": 12, "weights_every": "1 h"}]))
    assert plan.side_work is not None
    (work,) = plan.side_work.works
    assert (plan.side_work.home, work.site, work.source) == ("a", "b", "a")
    assert len(work.hosts) == 2
    used = {host for run in plan.placement.cells for host in run.hosts}
    assert not used & set(work.hosts)
    assert plan.placement.gpus_unusable == 16


def test_weights_and_tokens_are_charged_to_the_link() -> None:
    plan = plan_with(job(rollouts=[ROLLOUTS]))
    assert plan.side_work is not None
    (work,) = plan.side_work.works
    forth, back = plan.side_work.links
    weights = 2.0 * count_params(DENSE_MODEL).total  # bf16
    assert forth.side_bytes_per_s == pytest.approx(weights / (2 * plan.estimate.step_time_s))
    assert back.side_bytes_per_s == pytest.approx(64 * 2048 * 8.0 / plan.estimate.step_time_s)
    assert forth.works == back.works == ("rl",)
    assert work.broadcast_s == pytest.approx(weights / 90e9 + 0.005)


def test_a_site_that_trains_needs_no_weights() -> None:
    plan = plan_with(job(rollouts=[ROLLOUTS | {"at": "b"}]), "sync_dp")
    assert plan.side_work is not None
    assert plan.side_work.works[0].source == "b"
    assert plan.side_work.works[0].out_bytes_per_s == 0.0
    assert all(use.training_bytes_per_s > 0 for use in plan.side_work.links)


def test_stale_weights_are_refused_with_their_age() -> None:
    slow = ROLLOUTS | {"generation": "1000 s", "staleness_limit": 3}
    with pytest.raises(InfeasibleError, match=r"2 between broadcasts, \d+ on the way") as caught:
        plan_with(job(rollouts=[slow]))
    assert "limit 3" in str(caught.value)


def test_slow_generators_are_refused_with_what_would_do() -> None:
    with pytest.raises(
        InfeasibleError, match=r"rl: 8 accelerators make 8 tokens/s, training takes"
    ):
        plan_with(job(rollouts=[ROLLOUTS | {"tokens_per_s_per_gpu": 1}]))


def test_an_overloaded_link_is_refused_with_its_load() -> None:
    copies = {"name": "copies", "every": "0.01 s"}
    with pytest.raises(InfeasibleError, match=r"link a-b, a to b, carries 90 GB/s: training takes"):
        plan_with(job(checkpoints=[copies]))


def test_work_that_takes_everything_leaves_nothing_to_train_on() -> None:
    greedy = [{"name": name, "gpus": 32, "weights_every": "1 h", "at": name} for name in ("a", "b")]
    with pytest.raises(InfeasibleError, match="leaves no accelerator to train on"):
        plan_with(job(evaluation=greedy))


def test_unknown_sites_are_named() -> None:
    wrong = job(evaluation=[{"name": "e", "gpus": 8, "weights_every": "1 h", "at": "c"}])
    with pytest.raises(InputError, match="e: expected a site of sites: a, b, got 'c'"):
        plan_with(wrong)


def test_one_site_has_room_too() -> None:
    lone = sites_cluster(4)
    spec = job(evaluation=[{"name": "e", "gpus": 8, "weights_every": "1 h"}])
    plan = api.plan(DENSE_MODEL, lone, RUN, api.SearchOptions(gap=0.05, top=1), job=spec)
    assert plan.side_work is not None
    assert plan.side_work.links == ()
    assert plan.placement.gpus_available == 24


def test_side_work_goes_into_the_file_and_the_report(tmp_path: Path) -> None:
    plan = plan_with(job(rollouts=[ROLLOUTS], checkpoints=[{"name": "c", "every": "30 min"}]))
    path = tmp_path / "plan.json"
    path.write_text(plan_to_json(plan))
    assert load_plan(path) == plan
    assert json.loads(path.read_text())["side_work"]["job"] == "job"
    page = render_plan(replace(plan, alternatives=()))
    assert "Beside the step (job; training's home is a)" in page
    assert "100 steps" not in page
    assert max(len(line) for line in page.splitlines()) <= 100
