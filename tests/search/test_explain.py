"""An impossible question is answered with what binds and what would help."""

from __future__ import annotations

from pathlib import Path

import pytest
from search_samples import cost_model, dense_model, flat_topology

from placer.cost.model import CostModel
from placer.emit.megatron.rules import megatron_rules
from placer.errors import InfeasibleError
from placer.search.candidates import Costing
from placer.search.explain import (
    Question,
    frugal_strategies,
    infeasible,
    least_memory_bytes,
)
from placer.search.find import find
from placer.search.options import SearchOptions
from placer.spec.model import ModelSpec
from placer.spec.yaml_source import load_document

MODELS = Path(__file__).parents[2] / "models"


def refused(question: CostModel, **options: object) -> InfeasibleError:
    with pytest.raises(InfeasibleError) as caught:
        find(question, rules=megatron_rules(), options=SearchOptions(**options))  # type: ignore[arg-type]
    return caught.value


def test_405b_on_eight_gpus_names_the_memory_and_the_gpus_it_needs() -> None:
    model = load_document(MODELS / "llama-3.1-405b.yaml", ModelSpec)
    error = refused(cost_model(model, flat_topology(1), batch=128, seq_len=8192))
    assert error.exit_code == 3
    memory = next(line for line in error.binding if line.startswith("memory: at least"))
    assert "GiB needed per GPU" in memory
    assert "available" in memory
    assert "At least" in error.relaxation
    needed = int(error.relaxation.split()[2].replace(",", ""))
    assert needed % 8 == 0
    enough = cost_model(model, flat_topology(needed // 8), batch=128, seq_len=8192)
    short = cost_model(model, flat_topology(needed // 8 - 1), batch=128, seq_len=8192)
    assert find(enough, rules=megatron_rules(), options=SearchOptions()).best.estimate.fits
    refused(short)


def test_least_memory_is_the_least() -> None:
    """With exactly that much a strategy fits, with a little less none."""
    question = Question(
        costing=Costing(cost_model(dense_model(12, hidden_size=8192), flat_topology(1))),
        rules=megatron_rules(),
        options=SearchOptions(),
    )
    batch = frugal_strategies(question, 8)
    needed = least_memory_bytes(question.costing, batch)
    from placer.search.explain import _costs, _fits

    costs = _costs(question.costing, batch)
    assert _fits(question.costing, batch, costs, float(needed.min()) * 1.0001).any()
    assert not _fits(question.costing, batch, costs, float(needed.min()) * 0.9999).any()


def test_a_restriction_that_binds_is_named() -> None:
    error = refused(cost_model(dense_model(8), flat_topology(1)), fix={"tp": 3, "cp": 1})
    assert error.relaxation == (
        "Without the restriction on tp a strategy fits: leave it out. tp=1 fits, too."
    )
    assert any("heads_over_tp" in line for line in error.binding)


def test_every_strategy_is_accounted_for() -> None:
    error = refused(cost_model(dense_model(8), flat_topology(1)), fix={"tp": 3})
    counted = next(line for line in error.binding if line.startswith("of "))
    total = int(counted.split()[1].replace(",", ""))
    counts = [
        int(part.rsplit(" ", 1)[1].replace(",", ""))
        for part in counted.split(": ", 1)[1].split(", ")
    ]
    assert sum(counts) == total


def test_no_candidate_at_all_is_explained_too() -> None:
    """A batch that no fixed dp divides leaves nothing to look at."""
    error = refused(cost_model(dense_model(8), flat_topology(1), batch=7), fix={"dp": 2})
    assert "No plan" in error.message
    assert error.binding == ("the global batch of 7 sequences is no multiple of dp 2",)
    assert error.relaxation.endswith("leave it out. dp=1 fits, too.")


def test_degrees_beyond_the_cluster_are_named_with_what_fits() -> None:
    error = refused(cost_model(dense_model(8), flat_topology(1)), fix={"tp": 16})
    assert error.binding == ("tp 16 needs 16 GPUs, 8 may be used",)
    assert error.relaxation.endswith("leave it out. tp=8 fits, too.")


def test_more_chunks_than_units_are_named() -> None:
    error = refused(cost_model(dense_model(8), flat_topology(1)), fix={"pp": 4, "vpp": 8})
    (line,) = error.binding
    assert line == (
        "pp 4 x vpp 8 makes 32 pipeline chunks, the model's layers, embedding and loss fill 10 at"
        " most"
    )


def test_explanation_survives_a_cluster_without_room() -> None:
    costing = Costing(cost_model(dense_model(8), flat_topology(1)))
    question = Question(costing=costing, rules=megatron_rules(), options=SearchOptions())
    error = infeasible(question, {"too_few_places_for_cells": 3}, [])
    assert "3" in error.binding[0]
    assert error.relaxation
