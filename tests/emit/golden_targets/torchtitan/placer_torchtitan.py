"""Which modules each pipeline chunk holds; chunk i is on stage i % 3."""

import importlib
import os

MODULES_OF_CHUNKS = [
    ["tok_embeddings", "layers.0", "layers.1", "layers.2"],
    ["layers.3", "layers.4", "layers.5"],
    ["layers.6", "layers.7", "layers.8"],
    ["layers.9", "layers.10", "layers.11"],
    ["layers.12", "layers.13"],
    ["layers.14", "layers.15", "norm", "lm_head"],
]


def planned():
    """The configuration TORCHTITAN_MODULE and TORCHTITAN_CONFIG name, so split."""
    name = os.environ["TORCHTITAN_MODULE"]
    path = name if "." in name else f"torchtitan.models.{name}.config_registry"
    module = importlib.import_module(path)
    config = getattr(module, os.environ["TORCHTITAN_CONFIG"])()
    config.training.disable_cuda_graphs = True
    config.parallelism.module_fqns_per_model_part = MODULES_OF_CHUNKS
    return config
