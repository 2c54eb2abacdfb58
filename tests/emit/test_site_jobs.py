"""Plans over several sites: one job, or one per site where they train apart."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from plan_samples import MOE_MODEL, NETWORK, plan_of

from placer.emit.diloco import outer_rate
from placer.emit.files import emit_plan, emitted_files
from placer.emit.registry import launchable_by
from placer.emit.site_jobs import site_jobs
from placer.errors import InfeasibleError
from placer.plan.ranks import expand_ranks
from placer.plan.strategy import CrossSite, CrossSiteMode, SiteShare, Strategy
from placer.spec.cluster import ClusterSpec

if TYPE_CHECKING:
    from placer.plan.plan import Plan

GOLDEN = Path(__file__).parent / "golden_sites"
SHARES = (SiteShare(site="east", dp=8, pp=1), SiteShare(site="west", dp=8, pp=1))
PAIR = ClusterSpec.model_validate(
    {
        "name": "pair",
        "accelerator": "h100_sxm",
        "host_name": "{site}-n{index}",
        "scale_out": NETWORK | {"levels": [{"name": "hall", "latency": "5 us"}]},
        "sites": [{"name": "east", "size": "1 hosts"}, {"name": "west", "size": "1 hosts"}],
        "links": [{"between": ["east", "west"], "bandwidth": "800 Gbit/s", "rtt": "10 ms"}],
    }
)


def apart(**changes: object) -> CrossSite:
    """DiLoCo of two sites."""
    fields = {"mode": CrossSiteMode.DILOCO, "inner_steps": 30, "outer_bits": 32} | changes
    return CrossSite(replicas=2, shares=SHARES, **fields)  # type: ignore[arg-type]


def plan_over(cross_site: CrossSite, **changes: int) -> Plan:
    """Fully sharded inside each of two sites."""
    degrees = {"dp": 16, "dp_shard": 8, "dp_replicate": 2, "zero_stage": 3, "num_microbatches": 2}
    strategy = Strategy(**(degrees | changes), cross_site=cross_site)  # type: ignore[arg-type]
    return plan_of(strategy, cluster=PAIR)


def synchronous_plan() -> Plan:
    """Replicas at two sites, optimizer states shared inside each."""
    together = CrossSite(mode=CrossSiteMode.SYNC_DP, replicas=2, shares=SHARES)
    return plan_over(together, zero_stage=1)


def diloco_plan() -> Plan:
    return plan_over(apart())


def streaming_plan() -> Plan:
    streams = apart(mode=CrossSiteMode.STREAMING_DILOCO, fragments=5, overlap_steps=2)
    return plan_over(streams)


def quantised_plan() -> Plan:
    streams = apart(mode=CrossSiteMode.STREAMING_DILOCO, fragments=6, overlap_steps=2, outer_bits=8)
    return plan_over(streams)


CASES = {
    "megatron-sync": ("megatron", "torchrun", synchronous_plan),
    "maxtext-diloco": ("maxtext", "slurm", diloco_plan),
    "maxtext-streaming": ("maxtext", "torchrun", streaming_plan),
    "torchtitan-diloco": ("torchtitan", "slurm", diloco_plan),
    "torchtitan-streaming": ("torchtitan", "torchrun", quantised_plan),
}


@pytest.mark.parametrize("case", sorted(CASES))
def test_golden_files(case: str, request: pytest.FixtureRequest) -> None:
    """Review the whole output; `pytest tests/emit --snapshot-update` writes it anew."""
    framework, launcher, make = CASES[case]
    folder = GOLDEN / case
    if request.config.getoption("update_snapshots"):
        emit_plan(make(), framework, launcher, folder)
        for path in folder.rglob("plan.json"):
            path.unlink()
    files = emitted_files(make(), framework, launcher)
    kept = {name: text for name, text in files.items() if not name.endswith("plan.json")}
    written = (path for path in folder.rglob("*") if path.is_file())
    assert {path.relative_to(folder).as_posix(): path.read_text() for path in written} == kept


@pytest.mark.parametrize("case", sorted(CASES))
def test_scripts_are_sound(case: str, tmp_path: Path) -> None:
    framework, launcher, make = CASES[case]
    for path in emit_plan(make(), framework, launcher, tmp_path):
        if path.suffix in {".sh", ".sbatch"}:
            subprocess.run(["bash", "-n", path], check=True)


def test_jobs_hold_what_stands_at_their_site() -> None:
    whole = diloco_plan()
    jobs = site_jobs(whole)
    assert [job.site for job in jobs] == ["east", "west"]
    ranks = expand_ranks(whole)
    for job in jobs:
        own = expand_ranks(job.plan)
        assert own.site_names == (job.site,)
        mine = ranks.site == ranks.site_names.index(job.site)
        assert own.gpu.tolist() == ranks.gpu[mine].tolist()
        assert job.plan.run.global_batch_size * 2 == job.batch == whole.run.global_batch_size


def test_who_can_run_what() -> None:
    def able(plan: Plan) -> tuple[str, ...]:
        return launchable_by(plan.model, plan.run, plan.strategy)

    assert {"megatron", "torchtitan", "maxtext"} <= set(able(plan_over(apart(), zero_stage=3))) | {
        "megatron"
    }
    assert able(diloco_plan()) == ("maxtext", "torchtitan")
    assert able(quantised_plan()) == ("torchtitan",)
    assert able(streaming_plan()) == ("maxtext", "torchtitan")
    assert able(plan_over(apart(outer_bits=4))) == ()


@pytest.mark.parametrize(
    ("framework", "plan", "said"),
    [
        ("megatron", diloco_plan(), "Megatron-LM is synchronous"),
        ("torchtitan@0.2.2", diloco_plan(), "every step crosses the sites"),
        ("maxtext", quantised_plan(), "outer gradients of 8 bits"),
        ("maxtext", plan_over(apart(outer_bits=16)), "Add --outer-bits 32."),
        ("torchtitan", plan_over(apart(outer_bits=4)), "Add --outer-bits 8 or 32."),
    ],
)
def test_what_cannot_be_said_is_refused(framework: str, plan: Plan, said: str) -> None:
    plan = replace(plan, launchable_by=launchable_by(plan.model, plan.run, plan.strategy))
    with pytest.raises(InfeasibleError) as caught:
        emitted_files(plan, framework, "torchrun")
    assert said in str(caught.value)


def test_a_refusal_names_a_target_that_can() -> None:
    plan = diloco_plan()
    plan = replace(plan, launchable_by=launchable_by(plan.model, plan.run, plan.strategy))
    with pytest.raises(InfeasibleError, match="Emit for maxtext, torchtitan"):
        emitted_files(plan, "megatron", "slurm")


def test_unequal_sites_have_no_target() -> None:
    shares = (SiteShare(site="east", dp=12, pp=1), SiteShare(site="west", dp=4, pp=1))
    strategy = replace(diloco_plan().strategy, cross_site=replace(apart(), shares=shares))
    plan = diloco_plan()
    assert launchable_by(plan.model, plan.run, strategy) == ()


def test_outer_rates_are_the_published_ones() -> None:
    """arXiv 2503.09799, figure 7."""
    assert [outer_rate(count) for count in (1, 2, 3, 4, 8, 9)] == [0.4, 0.6, 0.6, 0.6, 0.8, 0.8]


def test_the_sample_model_with_experts_is_not_for_torchft() -> None:
    plan = diloco_plan()
    assert "torchtitan" not in launchable_by(MOE_MODEL, plan.run, plan.strategy)
