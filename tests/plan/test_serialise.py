"""Plan files: the same plan gives the same bytes, and a file gives the same plan."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from plan_samples import MOE_MODEL, plan_of

from placer.errors import InputError
from placer.plan.document import PlanDocument
from placer.plan.plan import PlanStatus
from placer.plan.serialise import load_plan, plan_from_json, plan_to_json
from placer.plan.strategy import Recompute, RecomputeGranularity, Schedule, Strategy

PLAN = plan_of(
    Strategy(
        tp=2,
        ep=8,
        pp=2,
        vpp=2,
        dp=8,
        num_microbatches=4,
        dp_shard=8,
        schedule=Schedule.INTERLEAVED,
        recompute=Recompute(granularity=RecomputeGranularity.SELECTIVE, modules=("core_attn",)),
    ),
    MOE_MODEL,
)
ESTIMATED = replace(PLAN, status=PlanStatus.ESTIMATED, bound=None, alternatives=())


@pytest.mark.parametrize("plan", [PLAN, ESTIMATED])
def test_a_plan_survives_its_file(plan: Any, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(plan_to_json(plan))
    again = load_plan(path)
    assert again == plan
    assert plan_to_json(again) == path.read_text()


def test_fields_of_the_contract() -> None:
    data = json.loads(plan_to_json(PLAN))
    assert data["schema"] == "placer.plan/v1"
    assert data["status"] == "optimal"
    assert data["run"]["global_batch_size"] == 32
    assert data["model"]["sha256"] == "0" * 64
    assert data["strategy"]["edp"] == 2
    assert data["strategy"]["launchable_by"] == ["megatron"]
    assert data["strategy"]["recompute"] == {
        "granularity": "selective",
        "method": None,
        "num_layers": None,
        "modules": ["core_attn"],
    }
    assert data["placement"]["axis_levels"][0] == {
        "axis": "tp",
        "levels": {"nvlink": 2},
        "groups": 16,
        "groups_crossing": {"nvlink": 0, "leaf": 0, "core": 0},
    }
    assert data["placement"]["layers_per_stage"] == [7, 6]
    assert sum(data["estimate"]["breakdown_s"].values()) == data["estimate"]["step_time_s"]
    assert data["estimate"]["memory_bytes_per_stage"] == [27e9, 27e9]


def test_estimated_documents_prove_nothing() -> None:
    data = json.loads(plan_to_json(ESTIMATED))
    assert "bound" not in data
    assert "alternatives" not in data


# Each row: what is done to the document, and what the message must name.
@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (("schema",), "placer.plan/v2", "schema"),
        (("strategy", "tp"), 0, "strategy.tp"),
        (("strategy", "tp"), 4, "tp * cp * dp = ep * etp * edp"),
        (("strategy", "dp_shard"), 4, "dp_shard * dp_replicate = dp"),
        (("strategy", "colour"), "red", "strategy.colour"),
        (("placement", "layers_per_stage"), [1, 12], "layers_per_stage"),
        (("placement", "cells", 0, "gpus"), [[0, -1]], "placement.cells[0].gpus[0][1]"),
        (("estimate", "mfu"), None, "estimate.mfu"),
        (("model", "hidden_size"), "wide", "model.hidden_size"),
        (("status",), "estimated", "bound and alternatives"),
    ],
)
def test_broken_documents_name_the_field(path: tuple[Any, ...], value: Any, named: str) -> None:
    data = json.loads(plan_to_json(PLAN))
    part = data
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    with pytest.raises(InputError) as raised:
        plan_from_json(json.dumps(data), "plan.json")
    assert named in str(raised.value)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "plan.json:1:1"),
        ("{", "plan.json:1:2"),
        ("[" * 100_000, "plan.json"),
        ("null", "placer.plan/v1"),
        ('{"a": NaN}', "placer.plan/v1"),
        ("x" * 10_000_000, "plan.json:1:1"),
    ],
)
def test_garbage_is_refused(text: str, named: str) -> None:
    with pytest.raises(InputError, match="expected") as raised:
        plan_from_json(text, "plan.json")
    assert named in str(raised.value)
    assert len(str(raised.value)) < 10_000


def test_unreadable_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a plan file: a file, got a directory"):
        load_plan(tmp_path)
    with pytest.raises(InputError, match="nothing at this path"):
        load_plan(tmp_path / "absent.json")
    binary = tmp_path / "binary.json"
    binary.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="UTF-8"):
        load_plan(binary)


def test_the_schema_describes_the_document() -> None:
    schema = PlanDocument.model_json_schema()
    assert set(json.loads(plan_to_json(PLAN))) <= set(schema["properties"])
