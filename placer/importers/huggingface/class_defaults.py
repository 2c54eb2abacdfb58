"""What transformers' own classes assume where a config.json says nothing."""

from __future__ import annotations

from functools import cache
from importlib.resources import as_file, files

from pydantic import BaseModel, ConfigDict

from placer.importers.huggingface.reader import Scalar
from placer.spec.yaml_source import load_document


class _ClassDefaults(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    source: str
    families: dict[str, dict[str, Scalar]]


@cache
def _read() -> _ClassDefaults:
    with as_file(files("placer.data").joinpath("huggingface_defaults.yaml")) as path:
        return load_document(path, _ClassDefaults)


def class_defaults(model_type: str) -> dict[str, Scalar]:
    """Values the family's configuration class gives to fields a file leaves out."""
    return _read().families.get(model_type, {})


def defaults_version() -> str:
    """The release they were read from."""
    return _read().version
