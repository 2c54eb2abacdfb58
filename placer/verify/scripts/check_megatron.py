"""Ask Megatron-LM about emitted arguments, with the parser of ``megatron.training``."""

from __future__ import annotations

import os
import sys
import typing
from types import SimpleNamespace
from typing import Any

import typing_extensions
from answering import Groups, Request, answer_all, bash_array, fake_world, judging

OWN_WORDS = [
    *("--no-rope-fusion", "--transformer-impl", "local"),
    *("--train-iters", "10", "--lr", "1e-4", "--min-lr", "1e-5"),
    *("--tokenizer-type", "NullTokenizer", "--mock-data"),
]
"""What a machine without Transformer Engine needs, and what the emitted file leaves to the user."""


def check(request: Request) -> dict[str, Any]:
    """Its parser and validation, its rank generator, its initialisation."""
    with judging():
        args = _parsed(request)
        groups = all_groups(args)
        sampled = {rank: groups_of_rank(args, rank, request) for rank in request["sample"]}
    return {"groups": groups, "sampled": sampled}


def _parsed(request: Request) -> Any:
    return parsed_words(request, bash_array(request["folder"], "megatron_args.sh", "MEGATRON_ARGS"))


def pretend_hopper() -> None:
    """What the checks ask of the GPU, on a machine without one."""
    import torch

    torch.cuda.get_device_properties = lambda *_: SimpleNamespace(major=9, minor=0)
    torch.cuda.get_device_capability = lambda *_: (9, 0)


def parsed_words(request: Request, words: list[str]) -> Any:
    """A command line through parser, validation and the configuration of the model."""
    # New in Python 3.12; Megatron-LM imports it from 0.18.0 on.
    vars(typing).setdefault("override", typing_extensions.override)
    from megatron.training import arguments

    pretend_hopper()
    os.environ |= {"WORLD_SIZE": str(request["world"]), "RANK": "0"}
    vocabulary = ["--vocab-size", str(request["vocabulary"] - 1)]
    before = sys.argv
    sys.argv = ["pretrain_gpt.py", *words, *OWN_WORDS, *vocabulary]
    try:
        args = arguments.parse_args()
        arguments.validate_args(args)
        arguments.core_transformer_config_from_args(args)
    finally:
        sys.argv = before
    return args


def all_groups(args: Any) -> Groups:
    """Every group by Megatron-LM's rank generator."""
    from megatron.core.parallel_state import RankGenerator

    tp, pp, cp = (
        args.tensor_model_parallel_size,
        args.pipeline_model_parallel_size,
        args.context_parallel_size,
    )
    stage = args.world_size // pp
    order = "tp-cp-ep-dp-pp"
    dense = RankGenerator(tp=tp, ep=1, dp=stage // (tp * cp), pp=pp, cp=cp, order=order)
    named = {"tp": "tp", "cp": "cp", "pp": "pp", "dp": "dp", "dp_cp": "dp-cp"}
    groups = {axis: dense.get_ranks(token) for axis, token in named.items()}
    if args.num_experts:
        ep = args.expert_model_parallel_size
        etp = args.expert_tensor_parallel_size
        expert = RankGenerator(tp=etp, ep=ep, dp=stage // (etp * ep), pp=pp, cp=1, order=order)
        named = {"etp": "tp", "ep": "ep", "edp": "dp"}
        groups |= {axis: expert.get_ranks(token) for axis, token in named.items()}
    return groups


def groups_of_rank(args: Any, rank: int, request: Request) -> dict[str, list[int]]:
    """The groups of one rank after Megatron-LM's initialisation."""
    import torch.distributed as dist
    from megatron.core import parallel_state

    with fake_world(rank, request["world"]):
        parallel_state.initialize_model_parallel(
            tensor_model_parallel_size=args.tensor_model_parallel_size,
            pipeline_model_parallel_size=args.pipeline_model_parallel_size,
            virtual_pipeline_model_parallel_size=args.virtual_pipeline_model_parallel_size,
            context_parallel_size=args.context_parallel_size,
            expert_model_parallel_size=args.expert_model_parallel_size,
            num_distributed_optimizer_instances=args.num_distributed_optimizer_instances,
            expert_tensor_parallel_size=args.expert_tensor_parallel_size,
            create_gloo_process_groups=False,
        )
        getters = {
            "tp": parallel_state.get_tensor_model_parallel_group,
            "cp": parallel_state.get_context_parallel_group,
            "pp": parallel_state.get_pipeline_model_parallel_group,
            "dp": parallel_state.get_data_parallel_group,
            "dp_cp": lambda: parallel_state.get_data_parallel_group(with_context_parallel=True),
        }
        if args.num_experts:
            getters |= {
                "etp": parallel_state.get_expert_tensor_parallel_group,
                "ep": parallel_state.get_expert_model_parallel_group,
                "edp": parallel_state.get_expert_data_parallel_group,
            }
        found = {axis: sorted(dist.get_process_group_ranks(get())) for axis, get in getters.items()}
        parallel_state.destroy_model_parallel()
    return found


if __name__ == "__main__":
    answer_all(check)
