"""Ask Megatron-Bridge about emitted overrides, and NeMo-Run about its executor.

Megatron-Bridge builds models of every kind as soon as it is imported, and their kernels need a GPU;
its configuration, the builder of GPT models and the merging of overrides do not. So the packages
around them are entered without running what they import.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import runpy
import sys
import types
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typing_extensions
from answering import Request, answer_all, judging
from check_megatron import all_groups, groups_of_rank, pretend_hopper

PACKAGE = "megatron.bridge"
HOLLOW = tuple(f"{PACKAGE}.{part}" for part in ("models", "data", "peft"))
WHOLE = tuple(
    f"{PACKAGE}.models.{module}"
    for module in ("gpt_provider", "transformer_config", "model_provider")
)


class Hollow(types.ModuleType):
    """A package whose own code does not run; what others want of it are empty classes."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name == "GPTModelProvider" and self.__name__ == f"{PACKAGE}.models":
            return importlib.import_module(f"{PACKAGE}.models.gpt_provider").GPTModelProvider
        made = type(name, (), {"__module__": self.__name__})
        setattr(self, name, made)
        return made


class Hollower(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the packages that are entered without running them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find_spec(
        self, fullname: str, path: Any, target: Any = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Every hollow package and all inside, but for the modules that are needed whole."""
        if fullname == PACKAGE or (fullname.startswith(HOLLOW) and fullname not in WHOLE):
            return importlib.machinery.ModuleSpec(fullname, self, is_package=True)
        return None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        """An empty package that knows its folder."""
        module = Hollow(spec.name)
        module.__path__ = [str(self.folder.joinpath(*spec.name.split(".")[2:]))]
        return module

    def exec_module(self, module: types.ModuleType) -> None:
        """Nothing runs."""


@dataclass
class Data:
    """All that the checks ask of a data set."""

    seq_length: int


def check(request: Request) -> dict[str, Any]:
    """Its merging of overrides and its validation, Megatron-LM's groups, NeMo-Run's script."""
    with judging():
        args = _parsed(request)
        _check_executor(request)
        groups = all_groups(args)
        sampled = {rank: groups_of_rank(args, rank, request) for rank in request["sample"]}
    return {"groups": groups, "sampled": sampled}


def _enter() -> None:
    """Make Megatron-Bridge's configuration importable; once."""
    if any(isinstance(finder, Hollower) for finder in sys.meta_path):
        return
    # New in Python 3.12; Megatron-LM imports it from 0.18.0 on.
    vars(typing).setdefault("override", typing_extensions.override)
    importlib.import_module("megatron.core.optimizer")
    importlib.import_module("megatron.training.config")
    found = importlib.util.find_spec("megatron")
    assert found is not None
    folders = [Path(path) / "bridge" for path in found.submodule_search_locations or ()]
    folder = next(path for path in folders if path.is_dir())
    sys.meta_path.insert(0, Hollower(folder))


def _parsed(request: Request) -> Any:
    pretend_hopper()
    _enter()
    os.environ |= {"WORLD_SIZE": str(request["world"]), "RANK": "0"}
    container = _recipe(request["architecture"])
    from megatron.bridge.training.config import runtime_config_update
    from megatron.bridge.training.utils.omegaconf_utils import process_config_with_overrides

    overrides = str(Path(request["folder"]) / "bridge_overrides.yaml")
    container = process_config_with_overrides(container, config_filepath=overrides) or container
    runtime_config_update(container)
    model = container.model
    return types.SimpleNamespace(
        world_size=request["world"],
        num_experts=model.num_moe_experts,
        num_distributed_optimizer_instances=container.ddp.num_distributed_optimizer_instances,
        **{
            name: getattr(model, name)
            for name in (
                "tensor_model_parallel_size",
                "pipeline_model_parallel_size",
                "virtual_pipeline_model_parallel_size",
                "context_parallel_size",
                "expert_model_parallel_size",
                "expert_tensor_parallel_size",
            )
        },
    )


def _recipe(architecture: dict[str, Any]) -> Any:
    """A recipe as the user brings it: the model, and nothing the plan decides."""
    from megatron.bridge.models.gpt_provider import GPTModelProvider
    from megatron.bridge.training import config

    return config.ConfigContainer(
        train=config.TrainingConfig(train_iters=10),
        model=GPTModelProvider(**architecture),
        optimizer=config.OptimizerConfig(lr=1e-4, min_lr=1e-5),
        scheduler=config.SchedulerConfig(),
        dataset=Data(seq_length=architecture["seq_length"]),
        logger=config.LoggerConfig(),
        tokenizer=config.TokenizerConfig(),
        checkpoint=config.CheckpointConfig(),
        comm_overlap=config.CommOverlapConfig(tp_comm_overlap=False),
    )


def _check_executor(request: Request) -> None:
    """The batch script NeMo-Run makes of the executor, if there is one, says what it must."""
    path = Path(request["folder"]) / "nemo_run_executor.py"
    if not path.exists():
        return
    from nemo_run.core.execution.slurm import SlurmBatchRequest

    executor = runpy.run_path(str(path))["executor"]("account", "partition")
    executor.job_dir = "plan"
    script = SlurmBatchRequest(
        launch_cmd=["sbatch"],
        jobs=["plan"],
        command_groups=[["train"]],
        executor=executor,
        max_retries=0,
        extra_env={},
    ).materialize()
    wanted = ["--distribution=arbitrary", "export SLURM_HOSTFILE=", "export MASTER_ADDR="]
    wanted.append("#SBATCH --nodelist=")
    missing = [text for text in wanted if text not in script]
    if missing:
        raise ValueError(f"NeMo-Run's script lacks {', '.join(missing)}")


if __name__ == "__main__":
    answer_all(check)
