"""The questions people come with, on the catalogue's clusters: each answer is proven and checks out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from placer.api import RunOptions, SearchOptions, plan
from placer.check.validator import check_plan
from placer.emit.registry import rules_of
from placer.plan.plan import Plan, PlanStatus
from placer.plan.ranks import expand_ranks

CONFIGS = Path(__file__).parents[1] / "data" / "huggingface" / "v4"

# Each row: model, cluster, sequences per step, tokens per sequence.
CATALOGUE = [
    ("llama-3.1-405b", "dgx-h100-superpod-16k", 2048, 8192),
    ("deepseek-v3", "deepseek-h800-2k", 15360, 4096),
    ("deepseek-v3", "gb200-superpod-576", 15360, 4096),
    ("gpt3-175b", "selene-a100-3k", 1536, 2048),
    ("mixtral-8x22b", "mi300x-1k", 1024, 4096),
    ("llama-3.1-8b", "lab-8x-h100", 128, 8192),
]
IRREGULAR = [
    ("llama-3.1-70b", "h100-degraded-1k", 1024, 8192),
    ("deepseek-v3", "gb200-superpod-576-degraded", 15360, 4096),
    ("llama-3.1-405b", "irregular-h100-16k", 2048, 8192),
]
HUGGING_FACE = [
    (str(CONFIGS / f"{name}.json"), "dgx-h100-superpod-1k", 1024, 4096)
    for name in ("glm-4.5", "qwen2.5-72b", "gemma-3-27b")
]


def answer(model: str, cluster: str, batch: int, seq_len: int) -> Plan:
    run = RunOptions(global_batch_size=batch, seq_len=seq_len)
    return plan(model, cluster, run)


@pytest.mark.slow
@pytest.mark.parametrize("question", [*CATALOGUE, *IRREGULAR, *HUGGING_FACE])
def test_answers_are_proven_and_check_out(question: tuple[str, str, int, int]) -> None:
    found = answer(*question)
    assert found.status is PlanStatus.OPTIMAL
    assert found.bound is not None
    assert found.bound.gap <= 0.005
    assert found.estimate.fits
    assert check_plan(found, rules=rules_of(found.run.framework)) == ()
    ranks = expand_ranks(found)
    assert len(ranks.gpu) == found.strategy.num_gpus == found.placement.gpus_used
    assert len(np.unique(ranks.gpu)) == len(ranks.gpu)
    places = set(zip(ranks.host_of_rank, ranks.local_rank.tolist(), strict=True))
    assert len(places) == len(ranks.gpu)


@pytest.mark.slow
def test_a_dense_model_keeps_tensor_groups_inside_a_node() -> None:
    """TP over a 400G fabric, a classic hole of cost models, stays out without being forbidden."""
    found = answer("llama-3.1-405b", "dgx-h100-superpod-1k", 512, 8192)
    spread = next(a for a in found.placement.axis_levels if a.axis == "tp")
    assert not any(spread.groups_crossing.values())


@pytest.mark.slow
def test_expert_groups_stay_inside_a_rack_when_they_fit_one() -> None:
    """Expert groups of 64, as its owners run, are chosen or cannot be told from what is."""
    found = answer("deepseek-v3", "gb200-superpod-576", 15360, 4096)
    spread = next(a for a in found.placement.axis_levels if a.axis == "ep")
    assert not any(spread.groups_crossing.values())
    alike = [a.strategy for a in found.alternatives if not a.distinguishable]
    assert max(strategy.ep for strategy in (found.strategy, *alike)) > 8


@pytest.mark.slow
def test_more_accelerators_never_train_slower() -> None:
    times = []
    for pods in (4, 8, 16):
        options = SearchOptions(max_gpus=1024 * pods, min_gpu_share=0.5)
        run = RunOptions(global_batch_size=2048, seq_len=8192)
        times.append(
            plan("llama-3.1-405b", "dgx-h100-superpod-16k", run, options).estimate.step_time_s
        )
    assert np.all(np.diff(times) < 0.0)
