"""Random questions as ``soak.py`` asks by the thousand, and those it once found no good answer to."""

from __future__ import annotations

import random
from typing import Any

import pytest
from adversarial.answers import answered
from adversarial.questions import RandomQuestion, random_question

from placer import api
from placer.errors import InfeasibleError
from placer.spec.cluster import ClusterSpec

ANSWERS = {"optimal", "feasible", "infeasible", "input", "time limit"}


@pytest.mark.parametrize("seed", range(6))
def test_random_questions(seed: int) -> None:
    assert answered(random_question(random.Random(seed))) in ANSWERS


def two_levels(part: str, leaf: dict[str, Any], pod: str) -> ClusterSpec:
    levels = [
        {"name": "leaf", "latency": "3 us"} | leaf,
        {"name": "pod", "size": pod, "latency": "4 us"},
    ]
    network = {
        "link": "roce",
        "nic": "200 Gbit/s",
        "rails": 8,
        "routing": "hashed",
        "levels": levels,
    }
    return ClusterSpec.model_validate({"name": "found", "accelerator": part, "scale_out": network})


def test_the_solver_does_not_call_a_known_placement_infeasible() -> None:
    """Presolve of CP-SAT 9.15.6755 did, and the search ended as a defect."""
    leaf = {"size": "2 domains", "oversubscription": 4.0}
    question = RandomQuestion(
        model="qwen3-30b-a3b",
        cluster=two_levels("a100_80g_sxm", leaf, "4 leaf"),
        run={"global_batch_size": 2048, "seq_len": 1000},
        options={"seed": 50},
    )
    assert answered(question) == "optimal"


def test_a_question_over_sites_without_an_answer_says_why() -> None:
    """Where no strategy was even looked at, the refusal had no reason."""
    levels = [
        {"name": "leaf", "size": "2 domains", "latency": "3 us"},
        {"name": "pod", "size": "3 leaf", "latency": "4 us"},
        {"name": "core", "latency": "6 us"},
    ]
    cluster = ClusterSpec.model_validate(
        {
            "name": "found",
            "accelerator": "h100_sxm",
            "scale_out": {"link": "roce", "nic": "400 Gbit/s", "rails": 8, "levels": levels},
            "sites": [{"name": "east", "size": "3 pod"}, {"name": "west", "size": "1 pod"}],
            "links": [
                {"between": ["east", "west"], "bandwidth": "3200 Gbit/s", "distance": "80 km"}
            ],
        }
    )
    run = {"global_batch_size": 7, "framework": "maxtext"}
    with pytest.raises(InfeasibleError, match="7 sequences is no multiple of micro_batch_size 4"):
        api.plan(
            "qwen3-30b-a3b",
            cluster,
            api.RunOptions.model_validate(run),
            api.SearchOptions(fix={"micro_batch_size": 4}),
        )


def test_a_cluster_of_which_nothing_may_be_used() -> None:
    """It was a defect of the search and a division by zero of the comparison."""
    level = {"name": "leaf", "latency": "3 us"}
    cluster = ClusterSpec.model_validate(
        {
            "name": "found",
            "accelerator": "h100_sxm",
            "hosts": ["n[1-2]"],
            "scale_out": {"link": "infiniband", "nic": "400 Gbit/s", "levels": [level]},
            "drained": ["n[1-2]"],
        }
    )
    with pytest.raises(InfeasibleError, match="of 16 accelerators: 16 drained"):
        api.plan("llama-3.1-8b", cluster)
    with pytest.raises(InfeasibleError, match="of 16 accelerators: 16 drained"):
        api.estimate("llama-3.1-8b", cluster, api.Configuration())
    found = api.compare("llama-3.1-8b", ["lab-8x-h100", cluster])
    assert "16 drained" in str(found)


@pytest.mark.slow
def test_bounds_hold_on_irregular_pods() -> None:
    """Cells 33, 33, 33, 29 counted as the variant whose widest chunk is 41, which costs more."""
    run = {"global_batch_size": 4096}
    options = {"gap": 0.0, "seed": 51}
    question = RandomQuestion(
        model="gpt-oss-120b", cluster="irregular-h100-16k", run=run, options=options
    )
    assert answered(question) in ANSWERS


@pytest.mark.slow
def test_three_generations() -> None:
    parts = ("h800_sxm", "b200_sxm", "mi300x")
    levels = [
        {"name": "leaf", "size": "1 domain", "latency": "3 us"},
        {"name": "pod", "size": "2 leaf", "latency": "4 us"},
        {"name": "core", "latency": "6 us"},
    ]
    cluster = ClusterSpec.model_validate(
        {
            "name": "found",
            "accelerator": "h200_sxm",
            "scale_out": {"link": "roce", "nic": "400 Gbit/s", "rails": 8, "levels": levels},
            "pods": [{"name": f"p{i}", "accelerator": part} for i, part in enumerate(parts)],
        }
    )
    run = {"framework": "maxtext", "global_batch_size": 1024, "seq_len": 2048}
    options = {"top": 5, "seed": 68}
    question = RandomQuestion(model="gpt-oss-120b", cluster=cluster, run=run, options=options)
    assert answered(question) in ANSWERS
