"""Ask Hugging Face Accelerate about an emitted configuration file."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from answering import Request, answer_all, fake_world, groups_of_mesh, judging

AXES = {
    "tp": ["tp"],
    "cp": ["cp"],
    "dp": ["dp_replicate", "dp_shard"],
    "dp_cp": ["dp_replicate", "dp_shard", "cp"],
}


def check(request: Request) -> dict[str, Any]:
    """Its loader, its checks of sizes, its device mesh."""
    import torch.distributed as dist

    with judging():
        sizes = _parallelism(request)
    world = request["world"]
    with fake_world(0, world):
        mesh = sizes.build_device_mesh("cpu")
        names = list(mesh.mesh_dim_names) if mesh is not None else []
        array = mesh.mesh.numpy() if mesh is not None else range(world)
    groups = {axis: groups_of_mesh(array, names, members) for axis, members in AXES.items()}
    sampled = {}
    for rank in request["sample"]:
        with fake_world(rank, world):
            mesh = sizes.build_device_mesh("cpu")
            found = {}
            for axis, members in AXES.items():
                if mesh is not None and any(name in names for name in members):
                    found[axis] = sorted(dist.get_process_group_ranks(mesh[axis].get_group()))
            sampled[rank] = found
    return {"groups": groups, "sampled": sampled}


def _parallelism(request: Request) -> Any:
    from accelerate.commands.config.config_args import load_config_from_file
    from accelerate.utils import DistributedType, ParallelismConfig

    config = load_config_from_file(str(Path(request["folder"]) / "accelerate.yaml"))
    prefix = "parallelism_config_"
    given = config.parallelism_config or {}
    sizes = ParallelismConfig(**{key.removeprefix(prefix): value for key, value in given.items()})
    fsdp = config.distributed_type == DistributedType.FSDP
    accelerator = SimpleNamespace(
        multi_device=config.num_processes > 1,
        num_processes=request["world"],
        is_fsdp2=fsdp and (config.fsdp_config or {}).get("fsdp_version") == 2,
        distributed_type=config.distributed_type,
        is_main_process=True,
    )
    sizes._validate_accelerator(accelerator)  # noqa: SLF001 (its own check, before it has GPUs)
    if config.num_processes != request["world"]:
        raise ValueError(f"num_processes {config.num_processes}, {request['world']} ranks")
    return sizes


if __name__ == "__main__":
    answer_all(check)
