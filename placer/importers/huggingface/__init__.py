"""Hugging Face config.json files as models."""

from placer.importers.huggingface.importer import read_config

__all__ = ["read_config"]
