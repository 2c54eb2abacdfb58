from __future__ import annotations

import json
import math
from dataclasses import asdict

import pytest
from simulation_samples import narrow_cluster

from placer import api
from placer.plan.plan import Plan
from placer.plan.strategy import Schedule
from placer.simulate.ops import Pass
from placer.simulate.simulation import simulate_plan
from placer.simulate.trace import chrome_trace


def plan_of(**configuration: object) -> Plan:
    """Llama 3.1 70B in 64 sequences of 4,096 tokens on 512 H100, pods narrowed 2:1."""
    settings = {"tp": 8, "pp": 4, "dp": 8} | configuration
    options = api.RunOptions(global_batch_size=64, seq_len=4096, framework="any")
    parsed = api.Configuration.model_validate(settings)
    return api.estimate("llama-3.1-70b", narrow_cluster(2.0), parsed, options)


def test_components_sum_to_the_step() -> None:
    simulation = simulate_plan(plan_of(vpp=4))
    breakdown = asdict(simulation.breakdown)
    assert math.fsum(breakdown.values()) == pytest.approx(simulation.step_time_s)
    assert all(seconds >= 0.0 for seconds in breakdown.values())
    differences = math.fsum(asdict(simulation.difference).values())
    estimate_s = simulation.plan.estimate.step_time_s
    assert differences == pytest.approx(simulation.step_time_s - estimate_s)


def test_equal_plans_give_equal_events() -> None:
    plan = plan_of(vpp=2)
    first, second = simulate_plan(plan), simulate_plan(plan)
    assert first.outcome == second.outcome
    assert chrome_trace(first) == chrome_trace(second)


@pytest.mark.parametrize(
    ("configuration", "in_flight"),
    [
        ({}, (4.0, 3.0, 2.0, 1.0)),  # min(M, pp - stage)
        ({"vpp": 4}, (19 / 4, 17 / 4, 15 / 4, 13 / 4)),  # 2 (pp - s - 1) + (v - 1) pp + 1 chunks
        ({"pp": 2, "dp": 16}, (2.0, 1.0)),
        ({"schedule": Schedule.ZERO_BUBBLE}, (4.0, 4.0, 4.0, 4.0)),
    ],
)
def test_activations_in_flight_are_what_the_schedule_says(
    configuration: dict[str, object], in_flight: tuple[float, ...]
) -> None:
    simulation = simulate_plan(plan_of(**configuration))
    found = [stage.peak_microbatches for stage in simulation.stages]
    assert found == pytest.approx(in_flight, rel=1e-9)


def test_memory_at_the_peak_is_what_the_estimate_reserves() -> None:
    plan = plan_of(vpp=4)
    for use, memory in zip(simulate_plan(plan).stages, plan.estimate.memory, strict=True):
        assert use.peak_activation_bytes == pytest.approx(memory.activations_bytes, rel=1e-6)


def test_links_carry_what_the_groups_exchange() -> None:
    """Data parallel: 8 replicas gather 2 and scatter 4 bytes of 1/8 of a stage's tp shard each."""
    plan = plan_of(pp=1, dp=8)
    links = {link.kind: link for link in simulate_plan(plan).links}
    model = 70.55e9 / 8
    sent = 64 * model * (2 + 4) * 7 / 8
    assert links["NIC"].carried_bytes == pytest.approx(2 * sent, rel=0.01)
    assert links["NIC"].links == 2 * 64
    assert 0.0 < links["NIC"].mean_utilisation <= links["NIC"].peak_utilisation < 1.0


@pytest.mark.parametrize("schedule", [Schedule.ZERO_BUBBLE, Schedule.DUAL_PIPE])
def test_other_schedules_idle_less(schedule: Schedule) -> None:
    usual = simulate_plan(plan_of(dp=4))
    other = simulate_plan(plan_of(dp=4, schedule=schedule))
    assert other.breakdown.bubble < usual.breakdown.bubble
    assert other.step_time_s < usual.step_time_s


def test_without_overlap_replicas_cost_more() -> None:
    plan = plan_of(pp=1, dp=64)
    features = plan.run.features.model_copy(update={"dp_overlap": False})
    run = plan.run.model_copy(update={"features": features})
    alone = api.estimate(plan.model, plan.cluster, api.Configuration(tp=8, dp=64), run)
    assert simulate_plan(alone).breakdown.dp > simulate_plan(plan).breakdown.dp


def test_a_trace_has_a_lane_per_stage_and_the_links() -> None:
    simulation = simulate_plan(plan_of(vpp=2))
    document = json.loads(chrome_trace(simulation))
    events = [e for e in document["traceEvents"] if e["ph"] == "X"]
    threads = {
        (e["pid"], e["args"]["name"]) for e in document["traceEvents"] if e["name"] == "thread_name"
    }
    assert {(0, f"stage {s}") for s in range(4)} <= threads
    passes = [e for e in events if e["name"][0] in {p.value for p in Pass} and e["pid"] == 0]
    assert len(passes) == 2 * 8 * 2 * 4
    assert [e["ts"] for e in events] == sorted(e["ts"] for e in events)
    end_us = max(e["ts"] + e["dur"] for e in events)
    assert end_us == pytest.approx(simulation.step_time_s * 1e6, rel=1e-6)
    held = [e["args"]["bytes"] for e in document["traceEvents"] if e["ph"] == "C"]
    peaks = [stage.peak_activation_bytes for stage in simulation.stages]
    assert max(held) == pytest.approx(max(peaks))
    by_thread: dict[tuple[int, int], float] = {}
    for event in passes:
        thread = (event["pid"], event["tid"])
        assert event["ts"] >= by_thread.get(thread, 0.0) - 1e-2
        by_thread[thread] = event["ts"] + event["dur"]


def test_jitter_gives_percentiles() -> None:
    variation = api.Variation(jitter=0.02, samples=4)
    simulation = api.simulate(plan_of(), variation)
    steps = [p.step_time_s for p in simulation.percentiles]
    assert steps == sorted(steps)
    assert steps[0] > simulation.step_time_s
