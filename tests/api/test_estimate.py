"""A configuration somebody already has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from plan_samples import DENSE_MODEL, LAB, MOE_MODEL

from placer.api import Configuration, RunOptions, estimate, explain, read_configuration
from placer.check.validator import check_plan
from placer.errors import InfeasibleError, InputError
from placer.plan.plan import Plan, PlanStatus
from placer.plan.serialise import plan_from_json, plan_to_json
from placer.plan.strategy import RecomputeGranularity, Schedule
from placer.spec.model import ModelSpec
from placer.spec.run import CudaGraph, Features, RunSpec

RUN = RunSpec(global_batch_size=64, seq_len=4096)


def estimated(model: ModelSpec = DENSE_MODEL, **settings: Any) -> Plan:
    return estimate(model, LAB, Configuration(**settings), RUN)


def test_what_is_left_out_follows() -> None:
    plan = estimated(tp=4, pp=2, vpp=2)
    assert (plan.strategy.dp, plan.strategy.dp_shard, plan.strategy.num_microbatches) == (16, 16, 4)
    assert plan.strategy.schedule is Schedule.INTERLEAVED
    assert plan.strategy.sequence_parallel
    assert plan.strategy.zero_stage == 1
    assert plan.provenance.assumptions == ("dp: 16 taken, 128 of 128 GPUs",)
    assert plan.status is PlanStatus.ESTIMATED
    assert plan.bound is None


def test_experts_are_split_as_megatron_does() -> None:
    plan = estimated(MOE_MODEL, tp=2, ep=4, pp=1)
    assert plan.strategy.etp == 2
    assert "etp: 2 taken, as tp" in plan.provenance.assumptions


def test_an_estimate_survives_its_file_and_its_check() -> None:
    plan = estimated(tp=4, pp=2)
    again = plan_from_json(plan_to_json(plan), "plan.json")
    assert again == plan
    assert check_plan(again) == ()
    assert sum(
        getattr(plan.estimate.breakdown, name) for name in plan.estimate.breakdown.__slots__
    ) == pytest.approx(plan.estimate.step_time_s, rel=1e-12)


def test_the_same_bytes_every_time() -> None:
    assert plan_to_json(estimated(tp=4, pp=2)) == plan_to_json(estimated(tp=4, pp=2))


def test_stated_layers_are_kept() -> None:
    plan = estimated(tp=4, pp=2, layers_per_chunk=(10, 6))
    assert plan.placement.pipeline_layout.layers_per_stage == (10, 6)


def test_full_recompute_costs_time_and_saves_memory() -> None:
    none = estimated(tp=4, pp=2)
    full = estimated(tp=4, pp=2, recompute=RecomputeGranularity.FULL)
    assert full.estimate.breakdown.recompute > 0.0 == none.estimate.breakdown.recompute
    assert full.estimate.memory[0].total_bytes < none.estimate.memory[0].total_bytes


def test_what_does_not_fit_is_said_not_refused() -> None:
    big = ModelSpec.model_validate(DENSE_MODEL.model_dump() | {"num_layers": 200})
    plan = estimate(big, LAB, Configuration(dp=1), RunSpec(global_batch_size=1, seq_len=8192))
    assert not plan.estimate.fits


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"tp": 3}, "heads_over_tp: expected each GPU of a tensor-parallel group"),
        ({"tp": 3}, "got num_attention_heads 16 % tp 3 = 1. Choose a tp that divides the heads."),
        ({"dp": 3}, "global_batch_size: expected a multiple of dp * micro_batch_size"),
        ({"dp": 3}, "Use --global-batch-size 63"),
        ({"pp": 64, "dp": 1}, "chunk_holds_something"),
        ({"ep": 2, "dp": 4}, "experts_need_moe"),
        ({"dp": 4, "dp_shard": 3}, "shard_divides_dp"),
        ({"pp": 2, "dp": 4, "layers_per_chunk": (16,)}, "2 counts (pp * vpp) that sum to 16"),
        ({"pp": 2, "dp": 4, "layers_per_chunk": (9, 8)}, "got 2 that sum to 17"),
        ({"pp": 2, "dp": 4, "layers_per_chunk": (17, -1)}, "layers_per_chunk"),
    ],
)
def test_what_cannot_run_is_refused_with_its_arithmetic(
    settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError) as caught:
        estimated(**settings)
    assert words in str(caught.value)


def test_more_gpus_than_there_are() -> None:
    with pytest.raises(InfeasibleError, match="256 GPUs > 128 usable"):
        estimated(tp=8, dp=32)


def test_max_gpus_bounds_the_replicas() -> None:
    plan = estimate(DENSE_MODEL, LAB, Configuration(tp=8), RUN, max_gpus=32)
    assert plan.strategy.num_gpus == 32


def test_a_file_behind_the_options(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "tp: 4\npp: 2\nrecompute: full\nrun: {seq_len: 2048, global_batch_tokens: 1Mi}\n"
    )
    configuration, run = read_configuration(path, {"tp": 8}, {"precision": "fp8"})
    assert configuration == Configuration(tp=8, pp=2, recompute=RecomputeGranularity.FULL)
    assert run == RunOptions(seq_len=2048, global_batch_tokens=float(1 << 20), precision="fp8")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tp: 4\ntpp: 2\n", "mine.yaml:2:1: tpp: expected a known field, got 'tpp'. Did you mean"),
        ("tp: 0\n", "mine.yaml:1:5: tp"),
        ("run:\n  global_batch_tokens: 16 GB\n", "mine.yaml:2:24"),
        ("recompute: some\n", "mine.yaml:1:12: recompute"),
    ],
)
def test_a_file_that_is_wrong(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_configuration(path, {}, {})
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("degrees", "words"),
    [
        ({"tp": 0}, "--tp: expected a whole number >= 1, got 0"),
        ({"micro_batch_size": -1}, "--micro-batch-size"),
        ({"zero_stage": 4}, "--zero-stage: expected 0 to 3, got 4"),
        ({"recompute": "some"}, "--recompute: expected none, selective or full, got 'some'"),
    ],
)
def test_options_that_are_wrong(degrees: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as caught:
        read_configuration(None, degrees, {})
    assert words in str(caught.value)


def test_a_calibration_replaces_constants_and_is_recorded(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    name = "links.nvlink4.ring"
    path.write_text(
        f"schema: placer.calibration/v1\nconstants:\n  {name}: {{value: 0.4, source: our node}}\n"
    )
    configuration = Configuration(tp=8, pp=2)
    run = RUN.model_copy(update={"features": Features(cuda_graph=CudaGraph.FULL)})  # no host floor
    shipped = estimate(DENSE_MODEL, LAB, configuration, run)
    measured = estimate(DENSE_MODEL, LAB, configuration, run, calibration=path)
    assert measured.estimate.step_time_s > shipped.estimate.step_time_s
    record = next(c for c in measured.provenance.constants if c.name == name)
    assert (record.value, record.kind) == (0.4, "fitted")
    again = explain(plan_from_json(plan_to_json(measured), "plan.json"))
    assert again.neighbours[0].change == "tp 4"
    four = estimate(DENSE_MODEL, LAB, Configuration(tp=4, pp=2), run, calibration=path)
    assert again.neighbours[0].estimate == four.estimate


def test_a_plan_that_fails_its_check_does_not_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    from placer.cost.model import CostModel
    from placer.errors import InternalError

    honest = CostModel.estimate

    def wrong(self: CostModel, *arguments: Any) -> Any:
        found = honest(self, *arguments)
        return replace(found, step_time_s=2 * found.step_time_s)

    monkeypatch.setattr(CostModel, "estimate", wrong)
    with pytest.raises(InternalError, match="breakdown_s sums to"):
        estimated(tp=4, pp=2)
