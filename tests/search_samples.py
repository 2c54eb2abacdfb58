"""Small questions and instances that tests of the search vary."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from placer.cost.constants import load_constants
from placer.cost.model import CostModel
from placer.search.candidates import Costing
from placer.search.instance import (
    Assignment,
    Hops,
    Instance,
    StageOptions,
    problems_of,
    step_s,
    traffic_variants,
)
from placer.spec.cluster import ClusterSpec
from placer.spec.model import ModelSpec
from placer.spec.run import RunSpec
from placer.topology.build import build_topology
from placer.topology.tree import Topology


def dense_model(layers: int = 8, **changes: object) -> ModelSpec:
    """A dense model of about a billion parameters."""
    fields: dict[str, object] = {
        "name": "small-dense",
        "num_layers": layers,
        "hidden_size": 2048,
        "vocab_size": 32768,
        "max_seq_len": 8192,
        "attention": {"num_heads": 16, "head_dim": 128},
        "mlp": {"ffn_hidden_size": 8192},
    }
    return ModelSpec.model_validate({**fields, **changes})


def moe_model(layers: int = 9, first_dense: int = 2, **changes: object) -> ModelSpec:
    """A MoE model with leading dense layers and one MTP module."""
    moe = {
        "num_experts": 16,
        "top_k": 4,
        "ffn_hidden_size": 1024,
        "first_dense_layers": first_dense,
    }
    return dense_model(layers, **{"name": "small-moe", "moe": moe, "mtp_layers": 1, **changes})


def podded_topology(
    pod_sizes: tuple[int, ...] = (2, 2), *, oversubscription: float = 4.0, **changes: object
) -> Topology:
    """Pods of so many 8-GPU hosts each, with narrow uplinks between them."""
    fields: dict[str, object] = {
        "name": "podded",
        "accelerator": "h100_sxm",
        "scale_up": {"size": 8},
        "scale_out": {
            "link": "infiniband",
            "nic": "400 Gbit/s",
            "levels": [
                {"name": "pod", "latency": "4 us", "oversubscription": oversubscription},
                {"name": "core", "latency": "6 us"},
            ],
        },
        "pods": [{"size": f"{hosts} hosts"} for hosts in pod_sizes],
    }
    return build_topology(ClusterSpec.model_validate({**fields, **changes}))


def mixed_topology(hopper: int = 2, ampere: int = 2, *, oversubscription: float = 2.0) -> Topology:
    """A pod of H100 hosts and one of A100 hosts on slower ports; 1:1 uplinks make them one pod."""
    slower = {"accelerator": "a100_80g_sxm", "nic": "200 Gbit/s"}
    pods = [
        {"name": "hopper", "size": f"{hopper} hosts"},
        {"name": "ampere", "size": f"{ampere} hosts", **slower},
    ]
    return podded_topology(oversubscription=oversubscription, pods=pods)


def flat_topology(hosts: int = 4, **changes: object) -> Topology:
    """So many 8-GPU hosts on one flat fabric."""
    fields: dict[str, object] = {
        "name": "flat",
        "accelerator": "h100_sxm",
        "scale_up": {"size": 8},
        "scale_out": {
            "link": "infiniband",
            "nic": "400 Gbit/s",
            "levels": [{"name": "fabric", "size": f"{hosts} hosts", "latency": "4 us"}],
        },
    }
    return build_topology(ClusterSpec.model_validate({**fields, **changes}))


def cost_model(
    model: ModelSpec, topology: Topology, *, batch: int = 64, seq_len: int = 4096
) -> CostModel:
    """The cost model of one question."""
    run = RunSpec(global_batch_size=batch, seq_len=seq_len)
    return CostModel(model=model, topology=topology, run=run, constants=load_constants())


def costing(
    model: ModelSpec, topology: Topology, *, batch: int = 64, seq_len: int = 4096
) -> Costing:
    """The same, as the search sees it."""
    return Costing(cost_model(model, topology, batch=batch, seq_len=seq_len))


def instance(
    *,
    pp: int = 3,
    num_body: int = 7,
    num_lead: int = 0,
    vpp: int = 1,
    cells: int = 2,
    pods: tuple[int, ...] = (9,),
    seed: int = 0,
    memory_limit_bytes: float = 1e12,
    generations: tuple[int, ...] = (),
    part_pod: tuple[int, ...] = (),
) -> Instance:
    """A made-up instance: random costs, every option of every stage that the rules allow.

    ``generations`` of the parts, ranked, 0 unless given; the second is twice to thrice as slow.
    """
    random = np.random.default_rng(seed)
    body, lead = random.uniform(0.5, 1.5), random.uniform(0.3, 2.0, num_lead)
    ranks = np.array(generations or [0] * len(pods), dtype=np.int64)
    in_pod = np.array(part_pod or range(len(pods)), dtype=np.int64)
    largest = int(np.bincount(in_pod, weights=np.array(pods)).max())
    variants = traffic_variants(cells, min(largest, cells * pp), int(in_pod.max()) + 1)
    rate = np.sort(random.uniform(0.2, 3.0, len(variants)))
    first, last = random.uniform(0.0, 1.0), random.uniform(0.0, 2.0)
    hops = np.sort(random.uniform(0.0, 0.4, (3, 1)), axis=0) * np.full(pp, float(pp > 1))
    kinds = tuple(tuple(range(rank + 1)) for rank in range(int(ranks.max()) + 1))
    slower = 1.0 + np.arange(len(kinds)) * random.uniform(1.0, 2.0)
    num_units = num_body + num_lead
    tables = []
    for stage in range(pp):
        rows = [
            (units, held, start)
            for start in range(num_lead + 1)
            for units in range(num_units + 1)
            for held in [min(num_lead - start, -(-units // vpp))]
            if stage > 0 or start == 0
        ]
        units, held, start = (
            np.array(column, dtype=np.int64) for column in zip(*rows, strict=True)
        )
        reached = np.concatenate([[0.0], np.cumsum(lead)])
        time = reached[start + held] - reached[start] + (units - held) * body
        time = time + (first if stage == 0 else 0.0) + (last if stage == pp - 1 else 0.0)
        traffic = units[:, None] * rate[None, :] + 0.1
        optimizer = np.asarray(0.05 * units + 0.01 * stage, dtype=np.float64)
        memory = np.asarray(units * 10.0 + (pp - stage) * 5.0, dtype=np.float64)
        tables.append(
            StageOptions(
                units=np.tile(units, len(kinds)),
                lead=np.tile(held, len(kinds)),
                lead_start=np.tile(start, len(kinds)),
                kind=np.repeat(np.arange(len(kinds)), len(units)),
                time_s=np.concatenate([time * times for times in slower]),
                traffic_s=np.concatenate([traffic * times for times in slower]),
                optimizer_s=np.tile(optimizer, len(kinds)),
                memory_bytes=np.tile(memory, len(kinds)),
                limit_bytes=np.full(len(kinds) * len(units), memory_limit_bytes),
            )
        )
    return Instance(
        vpp=vpp,
        num_microbatches=int(random.integers(1, 6)),
        num_units=num_units,
        num_lead=num_lead,
        cells_per_stage=cells,
        options=tuple(tables),
        variants=variants,
        window=float(random.choice([0.0, 0.5, 2.5])),
        drag=float(random.choice([0.0, 0.1])),
        fixed_s=0.2,
        hops=Hops(steady_s=hops * slower[:, None, None], fill_s=0.5 * hops * slower[:, None, None]),
        kinds=kinds,
        part_cells=np.array(pods, dtype=np.int64),
        part_pod=in_pod,
        part_generation=ranks,
    )


def assignments(question: Instance) -> Iterator[Assignment]:
    """Every feasible assignment of a tiny instance, by plain enumeration."""
    for cells in _cell_grids(question):
        for options in itertools.product(*(range(len(t)) for t in question.options)):
            assignment = Assignment(options=options, cells=cells)
            if not problems_of(question, assignment):
                yield assignment


def fastest_s(question: Instance) -> float:
    """The best step time of a tiny instance, infinite when nothing is feasible."""
    return min((step_s(question, found) for found in assignments(question)), default=np.inf)


def _cell_grids(question: Instance) -> Iterator[np.ndarray]:
    columns = [
        split
        for split in itertools.product(
            range(question.cells_per_stage + 1), repeat=question.num_parts
        )
        if sum(split) == question.cells_per_stage
    ]
    for grid in itertools.product(columns, repeat=question.pp):
        cells = np.array(grid, dtype=np.int64).T
        if (cells.sum(axis=1) <= question.part_cells).all():
            yield cells


def only(question: Instance, **changes: object) -> Instance:
    """The same instance with some fields changed."""
    return replace(question, **changes)  # type: ignore[arg-type]
