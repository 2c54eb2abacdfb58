"""Ask torchtitan about emitted settings, in the dialect of its release."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from answering import Request, answer_all, bash_array, fake_world, groups_of_mesh, judging

AXES = {"tp": "tp", "cp": "cp", "pp": "pp", "dp": "batch", "dp_cp": "loss", "ep": "ep"}


def check(request: Request) -> dict[str, Any]:
    """Its parser, its parallel dimensions, its meshes, its pipeline schedule."""
    import torch.distributed as dist

    world = request["world"]
    with judging():
        config = _parsed(request)
        dims = _dimensions(config, world)
        _check_pipeline(config)
    with fake_world(0, world), judging():
        dims.build_mesh()
        groups = _all_groups(dims)
    sampled = {}
    for rank in request["sample"]:
        with fake_world(rank, world):
            dims = _dimensions(config, world)
            dims.build_mesh()
            sampled[rank] = {
                axis: sorted(dist.get_process_group_ranks(mesh.get_group()))
                for axis, name in AXES.items()
                if (mesh := dims.get_optional_mesh(name)) is not None
            }
    return {"groups": groups, "sampled": sampled}


def _parsed(request: Request) -> Any:
    from torchtitan.config.manager import ConfigManager

    folder = request["folder"]
    toml = Path(folder) / "torchtitan.toml"
    if toml.exists():
        from torchtitan.config import ConfigManager as TomlManager

        return TomlManager().parse_args(["--job.config_file", str(toml)])
    model = "deepseek_v3" if request["experts"] else "llama3"
    os.environ["TORCHTITAN_MODULE"] = model
    os.environ["TORCHTITAN_CONFIG"] = f"{model}_debugmodel"
    words = bash_array(folder, "torchtitan_args.sh", "TORCHTITAN_ARGS")
    words += bash_array(folder, "torchtitan_args.sh", "TORCHTITAN_RECOMPUTE")
    sys.modules.pop("placer_torchtitan", None)
    sys.path.insert(0, folder)
    try:
        return ConfigManager().parse_args(words)
    finally:
        sys.path.remove(folder)


def _dimensions(config: Any, world: int) -> Any:
    from torchtitan.distributed.parallel_dims import ParallelDims

    if hasattr(ParallelDims, "from_config"):
        return ParallelDims.from_config(config.parallelism, world)
    given = config.parallelism
    return ParallelDims(
        dp_replicate=given.data_parallel_replicate_degree,
        dp_shard=given.data_parallel_shard_degree,
        cp=given.context_parallel_degree,
        tp=given.tensor_parallel_degree,
        pp=given.pipeline_parallel_degree,
        ep=given.expert_parallel_degree,
        etp=given.expert_tensor_parallel_degree,
        world_size=world,
    )


def _check_pipeline(config: Any) -> None:
    """The schedule itself, over stages that only know their numbers."""
    from types import SimpleNamespace

    from torch.distributed.pipelining.schedules import PipelineScheduleMulti, get_schedule_class

    given = config.parallelism
    degree, size = given.pipeline_parallel_degree, given.pipeline_parallel_microbatch_size
    if degree == 1:
        return
    chunks = given.module_fqns_per_model_part
    kind = get_schedule_class(given.pipeline_parallel_schedule)
    if config.training.local_batch_size % size:
        raise ValueError(f"batch {config.training.local_batch_size} in micro-batches of {size}")
    stages = [
        SimpleNamespace(
            group_size=degree,
            group_rank=0,
            num_stages=len(chunks),
            stage_index=index,
            stage_index_to_group_rank={i: i % degree for i in range(len(chunks))},
            group=None,
            has_backward=True,
            is_first=index == 0,
            is_last=False,
        )
        for index in range(0, len(chunks), degree)
    ]
    multiple = issubclass(kind, PipelineScheduleMulti)
    if multiple != (len(stages) > 1):
        raise ValueError(f"{kind.__name__} with {len(stages)} chunks per stage")
    if len(chunks) % degree:
        raise ValueError(f"{len(chunks)} chunks over {degree} stages")
    count = config.training.local_batch_size // size
    kind(stages if multiple else stages[0], n_microbatches=count, loss_fn=None)


def _all_groups(dims: Any) -> dict[str, list[list[int]]]:
    meshes = dims._global_meshes  # noqa: SLF001 (the only place that has all ranks at once)
    dense, sparse = meshes["dataloading"], meshes["sparse"]
    names, array = list(dense.mesh_dim_names), dense.mesh.numpy()
    members = {
        "tp": ["tp"],
        "cp": ["cp"],
        "pp": ["pp"],
        "dp": ["batch"],
        "dp_cp": ["batch", "cp"],
    }
    groups = {axis: groups_of_mesh(array, names, inside) for axis, inside in members.items()}
    if dims.ep > 1:
        names, array = list(sparse.mesh_dim_names), sparse.mesh.numpy()
        groups["ep"] = groups_of_mesh(array, names, ["ep"])
        groups["etp"] = groups_of_mesh(array, names, ["etp"])
        groups["edp"] = groups_of_mesh(array, names, ["dp_replicate", "efsdp"])
    return groups


if __name__ == "__main__":
    answer_all(check)
