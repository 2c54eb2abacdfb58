"""Ask DeepSpeed about an emitted configuration."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from answering import Groups, Request, answer_all, fake_world, judging


def check(request: Request) -> dict[str, Any]:
    """Its configuration class under the right number of ranks, its own group builders."""
    world = request["world"]
    with fake_world(0, world), judging():
        _initialise()
        config = _configuration(request)
        _check_experts(config, request)
        groups = _all_groups(config, request)
    sampled = {}
    for rank in request["sample"]:
        with fake_world(rank, world):
            _initialise()
            sampled[rank] = _groups_of_rank(config, request)
    # Replicas of a sequence reduce over all its ranks at once: Ulysses has no group of dp alone.
    absent = ["dp"] if request["strategy"]["cp"] > 1 else []
    return {"groups": groups, "sampled": sampled, "absent": absent}


def _initialise() -> None:
    import deepspeed

    os.environ["LOCAL_RANK"] = "0"
    deepspeed.comm.comm.cdb = None
    deepspeed.init_distributed(dist_backend="fake", dist_init_required=False)


def _configuration(request: Request) -> Any:
    from deepspeed.runtime.config import DeepSpeedConfig

    dp = request["strategy"]["dp"]
    sharing = SimpleNamespace(get_data_parallel_world_size=lambda: dp)
    config = DeepSpeedConfig(str(Path(request["folder"]) / "deepspeed.json"), mpu=sharing)
    stage = config.zero_optimization_stage
    if request["strategy"]["pp"] > 1 and stage > 1:
        raise AssertionError("ZeRO-2 and ZeRO-3 are incompatible with pipeline parallelism")
    return config


def _sizes(config: Any, request: Request) -> tuple[int, int, int]:
    """Tensor, sequence and expert parallel sizes as the configuration has them."""
    tp = config.tensor_parallel_config.autotp_size or 1
    cp = max(1, request["strategy"]["cp"])
    experts = config.expert_parallel_config
    return tp, cp, experts.autoep_size if experts is not None and experts.enabled else 1


def _check_experts(config: Any, request: Request) -> None:
    from deepspeed.module_inject.auto_ep_config import validate_autoep_config

    tp, cp, ep = _sizes(config, request)
    if ep > 1:
        validate_autoep_config(
            config.expert_parallel_config,
            request["world"],
            request["strategy"]["pp"],
            tp,
            cp,
            zero_stage=config.zero_optimization_stage,
        )
    if cp > 1 and request["world"] % cp:
        raise ValueError(f"world {request['world']} over sequence_parallel_size {cp}")


def _pipeline(request: Request) -> Any:
    path = Path(request["folder"]) / "placer_deepspeed.py"
    spec = importlib.util.spec_from_file_location("placer_deepspeed", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _folding(config: Any, request: Request) -> Any:
    from deepspeed.module_inject.auto_ep_folding import build_folding_spec

    tp, _, ep = _sizes(config, request)
    return build_folding_spec(
        world_size=request["world"],
        pp_size=1,
        tp_size=tp,
        ep_size=ep,
        mp_mode="tp" if tp > 1 else "sp",
    )


def _all_groups(config: Any, request: Request) -> Groups:
    """Every group, where DeepSpeed has a pure rank generator."""
    from deepspeed.module_inject.auto_ep_folding import expected_folding_group_tables

    if request["strategy"]["pp"] > 1:
        topology = _pipeline(request).topology()
        named = {"tp": "model", "dp": "data", "pp": "pipe"}
        lists = {axis: topology.get_axis_comm_lists(name) for axis, name in named.items()}
        lists["dp_cp"] = lists["dp"]
        return {axis: groups for axis, groups in lists.items() if groups}
    _, cp, ep = _sizes(config, request)
    tables = expected_folding_group_tables(_folding(config, request))
    groups = {"tp": tables.tp_groups}
    if cp == 1:
        groups["dp"] = groups["dp_cp"] = tables.dense_dp_groups
    if ep > 1:
        groups |= {"ep": tables.ep_groups, "edp": tables.edp_groups}
    return {axis: [list(group) for group in found] for axis, found in groups.items()}


def _groups_of_rank(config: Any, request: Request) -> dict[str, list[int]]:
    import torch.distributed as dist

    if request["strategy"]["pp"] > 1:
        return _pipeline_groups(request)
    from deepspeed.runtime.sequence_parallel import parallel_state_sp
    from deepspeed.utils import groups

    tp, cp, ep = _sizes(config, request)
    found = {}
    try:
        if tp > 1:
            groups._init_tp_mesh_device(tensor_model_parallel_size=tp)  # noqa: SLF001 (as its engine)
            found["tp"] = dist.get_process_group_ranks(groups.get_tensor_model_parallel_group())
            found["dp"] = dist.get_process_group_ranks(groups.get_data_parallel_group())
        if cp > 1:
            parallel_state_sp.initialize_sequence_parallel(cp)
            group = parallel_state_sp.get_sequence_parallel_group()
            found["cp"] = dist.get_process_group_ranks(group)
            group = parallel_state_sp.get_sequence_data_parallel_group()
            found["dp_cp"] = dist.get_process_group_ranks(group)
        if ep > 1:
            groups._create_expert_and_data_parallel(  # noqa: SLF001 (as its engine)
                ep,
                mp_size=max(tp, cp),
                pp_size=1,
                mp_mode="tp" if tp > 1 else "sp",
                folding_spec=_folding(config, request) if tp > 1 else None,
            )
            name = f"ep_size_{ep}"
            found["ep"] = list(groups._get_expert_parallel_group_ranks(name))  # noqa: SLF001
            found["edp"] = list(groups._get_expert_data_parallel_group_ranks(name))  # noqa: SLF001
    finally:
        groups._release_process_group_references()  # noqa: SLF001 (the next rank starts clean)
    return {axis: sorted(ranks) for axis, ranks in found.items()}


def _pipeline_groups(request: Request) -> dict[str, list[int]]:
    import torch
    from deepspeed.runtime.pipe.topology import PipelineParallelGrid

    module = _pipeline(request)
    grid = PipelineParallelGrid(topology=module.topology())
    layers = [torch.nn.Identity() for _ in range(module.PARTS[-1])]
    built = module.PlannedPipeline(layers=layers, topology=module.topology())
    stage = grid.get_stage_id()
    held = (built._local_start, built._local_stop)  # noqa: SLF001 (which layers it builds)
    assert held == (module.PARTS[stage], module.PARTS[stage + 1]), held
    return {
        "dp": sorted(grid.get_data_parallel_group_ranks()),
        "pp": sorted(grid.pp_group),
        "tp": sorted(grid.slice_group),
    }


if __name__ == "__main__":
    answer_all(check)
