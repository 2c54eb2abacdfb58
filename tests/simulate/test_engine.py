from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from scene_samples import operation, pipeline, scene_of, with_replicas

from placer.plan.strategy import Schedule
from placer.simulate.collectives import Duration
from placer.simulate.engine import simulate_step
from placer.simulate.ops import Pass
from placer.simulate.passes import PassTime
from placer.simulate.sharing import SharedLinks


@pytest.mark.parametrize(
    ("pp", "vpp", "microbatches"),
    [(1, 1, 3), (4, 1, 8), (4, 1, 2), (4, 2, 8), (4, 3, 12), (8, 4, 16), (4, 2, 7), (16, 4, 24)],
)
def test_balanced_pipelines_have_the_known_bubble(pp: int, vpp: int, microbatches: int) -> None:
    """M (F + B) + (pp - 1) (F + B) / vpp (arXiv 2104.04473, section 2.2)."""
    outcome = simulate_step(scene_of(pipeline(pp, microbatches, vpp=vpp)))
    assert outcome.step_time_s == pytest.approx(3.0 * microbatches + 3.0 * (pp - 1) / vpp)


@pytest.mark.parametrize("microbatches", [1, 2, 5, 8])
def test_too_few_microbatches_leave_chunks_waiting_for_the_last_stage(microbatches: int) -> None:
    """Each of the first vpp - 1 rounds takes pp slots, however few micro-batches there are."""
    pp, vpp = 8, 3
    outcome = simulate_step(scene_of(pipeline(pp, microbatches, vpp=vpp)))
    rounds = 3.0 * pp * (vpp - 1) / vpp
    assert outcome.step_time_s == pytest.approx(rounds + 3.0 * (microbatches + pp - 1) / vpp)


def test_zero_bubble_keeps_a_third_of_it() -> None:
    """(pp - 1) (F + I - W) with F = I = W (Qi et al., arXiv 2401.10241, section 2.3)."""
    outcome = simulate_step(scene_of(pipeline(4, 12, schedule=Schedule.ZERO_BUBBLE)))
    assert outcome.step_time_s == pytest.approx(3.0 * 12 + 3.0)


@pytest.mark.parametrize("pp", [2, 4, 8])
def test_dual_pipe_has_the_published_bubble(pp: int) -> None:
    """(pp / 2 - 1) (F&B + B - 3 W) (DeepSeek-V3, arXiv 2412.19437, table 2)."""
    outcome = simulate_step(scene_of(pipeline(pp, 20, schedule=Schedule.DUAL_PIPE)))
    assert outcome.step_time_s == pytest.approx(3.0 * 20 + (pp / 2 - 1) * (3.0 + 2.0 - 3.0))


@pytest.mark.parametrize(("pp", "hops"), [(2, 1), (4, 2), (8, 2)])
def test_1f1b_waits_for_both_neighbours(pp: int, hops: int) -> None:
    """A stage exchanges with the next after a forward pass, with the previous after a backward."""
    hop_s = 0.05
    steps = [simulate_step(scene_of(pipeline(pp, m), hop_s=hop_s)).step_time_s for m in (32, 64)]
    assert (steps[1] - steps[0]) / 32 == pytest.approx(3.0 + hops * hop_s)


def test_one_long_hop_costs_1f1b_one_hop_per_microbatch() -> None:
    """The two stages at its ends wait for it once each, at the same time."""
    times = []
    for microbatches in (32, 64):
        scene = scene_of(pipeline(4, microbatches))
        hops = {
            (lane, a, b): replace(job, duration=Duration(lead_s=0.1 * (a + b == 3), transfer_s=0.0))
            for (lane, a, b), job in scene.hops.items()
        }
        times.append(simulate_step(replace(scene, hops=hops)).step_time_s)
    assert (times[1] - times[0]) / 32 == pytest.approx(3.0 + 0.1)


def test_interleaving_hides_hops_in_the_steady_state() -> None:
    pp, vpp, hop_s = 4, 2, 0.05
    strategies = [pipeline(pp, m, vpp=vpp) for m in (32, 64)]
    steps = [simulate_step(scene_of(s, hop_s=hop_s)).step_time_s for s in strategies]
    assert (steps[1] - steps[0]) / 32 == pytest.approx(3.0)


def test_a_prefetched_transfer_holds_its_receiver() -> None:
    """Each of the pp - 1 neighbours' chunks, both ways, costs ``hold`` of the transfer."""
    pp, vpp, hop_s = 2, 2, 0.05
    scenes = [scene_of(pipeline(pp, m, vpp=vpp), hop_s=hop_s) for m in (32, 64)]
    steps = [simulate_step(replace(s, hold=0.2)).step_time_s for s in scenes]
    fewer_than_all = 0.2 * hop_s * (2 * vpp - 1)
    assert 3.0 < (steps[1] - steps[0]) / 32 <= 3.0 + fewer_than_all + 1e-9


def test_chunks_of_unequal_length_cost_more_than_their_sum() -> None:
    """Every stage has 4 layers, but in chunks of 1, 2, 1: the drain goes at the pace of the 2."""
    sizes = (1.0, 2.0, 1.0)
    pp, vpp, microbatches = 8, 3, 8
    scene = scene_of(
        pipeline(pp, microbatches, vpp=vpp),
        forward_s=3.0,
        backward_s=6.0,
        size=lambda j: sizes[j // pp],
    )
    busy = microbatches * 12.0
    assert simulate_step(scene).step_time_s == pytest.approx(busy + (pp - 1) * 3.0 * 2.0)


@pytest.mark.parametrize(
    ("gather_s", "scatter_s", "expected"),
    [
        (0.0, 0.0, 12.0),  # 4 micro-batches of 1 + 2
        (0.5, 0.0, 12.5),  # nothing can run before the weights are there
        (0.0, 0.5, 12.5),  # nor beside the last backward pass of the only bucket
        (0.5, 0.5, 13.0),
    ],
)
def test_one_bucket_cannot_hide(gather_s: float, scatter_s: float, expected: float) -> None:
    scene = with_replicas(scene_of(pipeline(1, 4)), gather_s=gather_s, scatter_s=scatter_s)
    assert simulate_step(scene).step_time_s == pytest.approx(expected)


def two_buckets(scatter_s: float, *, drag: float, overlaps: bool = True) -> float:
    """A step of one stage in two halves, whose gradients leave one after the other."""
    scene = with_replicas(
        scene_of(pipeline(1, 4)), gather_s=0.0, scatter_s=scatter_s, overlaps=overlaps, drag=drag
    )
    (part,) = scene.parts[0, 0, 0]
    half = replace(part, passes={kind: time * 0.5 for kind, time in part.passes.items()})
    return simulate_step(replace(scene, parts={(0, 0, 0): (half, half)})).step_time_s


def test_a_scatter_runs_beside_the_rest_of_the_backward_pass_at_half_speed() -> None:
    """The first half's 0.4 s take 0.8 s of the second half's 1 s; the second's 0.4 s are seen."""
    assert two_buckets(0.4, drag=0.0) == pytest.approx(12.4)


def test_what_does_not_fit_is_seen_in_full() -> None:
    """Of 0.8 s, 0.5 are moved beside the second half, 0.3 after it, then the second's 0.8."""
    assert two_buckets(0.8, drag=0.0) == pytest.approx(12.0 + 0.3 + 0.8)


def test_computation_beside_a_collective_is_slower() -> None:
    """0.4 s of collective hidden cost 0.2 of themselves, however long they last."""
    assert two_buckets(0.4, drag=0.2) == pytest.approx(12.4 + 0.2 * 0.4)


def test_without_overlap_everything_is_seen() -> None:
    assert two_buckets(0.4, drag=0.2, overlaps=False) == pytest.approx(12.8)


def test_exchanges_that_share_a_link_slow_each_other_down() -> None:
    """Two stages exchange at the same time over one uplink: each gets half."""
    scene = scene_of(pipeline(2, 8))
    moving = PassTime(compute=1.0, ep=1.0, ep_moving_s=1.0)
    parts = {
        key: tuple(replace(p, passes=dict.fromkeys(Pass, moving)) for p in held)
        for key, held in scene.parts.items()
    }
    hops = {key: replace(job, operation=job.operation + 2) for key, job in scene.hops.items()}
    shared = [operation({0: 1.0}), operation({0: 1.0}), operation({1: 1.0}), operation({2: 1.0})]
    phases: dict[tuple[int, int], tuple[tuple[str, int], ...]] = {
        (0, stage): (("ep", stage),) for stage in (0, 1)
    }
    meeting = replace(
        scene, parts=parts, hops=hops, phases=phases, shared=SharedLinks(shared, 1000)
    )
    alone = replace(meeting, phases={(0, 0): (), (0, 1): ()})
    slow, fast = simulate_step(meeting), simulate_step(alone)
    assert fast.step_time_s == pytest.approx(2.0 * 2 * (8 + 1))
    assert slow.step_time_s > 1.2 * fast.step_time_s
    assert slow.waiting[0, 0].stretched_s["ep"] > 0.0


def test_a_slow_stage_sets_the_pace() -> None:
    scene = scene_of(pipeline(4, 32))
    slow_s = simulate_step(scene, lambda stage: 1.5 if stage == 2 else 1.0).step_time_s
    fill_and_drain_s = 2 * (1.0 + 2.0)
    assert 32 * 4.5 + fill_and_drain_s <= slow_s <= 32 * 4.5 + 3 * 3.0


def test_messages_of_one_way_queue() -> None:
    """Three chunks' activations leave at once; the link carries one at a time."""
    scene = scene_of(pipeline(2, 2, vpp=3), forward_s=0.3, backward_s=0.6, hop_s=2.0)
    outcome = simulate_step(scene)
    ways: dict[int, list[tuple[float, float]]] = {}
    for passage in outcome.passages:
        ways.setdefault(passage.operation, []).append((passage.start_s, passage.end_s))
    for times in ways.values():
        ordered = sorted(times)
        assert all(b[0] >= a[1] - 1e-9 for a, b in pairwise(ordered))
