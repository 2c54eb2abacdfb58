"""What a user may call a model: a name in the catalogue, a YAML file, a config.json."""

from __future__ import annotations

from pathlib import Path

from placer.importers.huggingface import read_config
from placer.plan.plan import SourceInfo
from placer.spec.catalogue import CatalogueKind, resolve_input
from placer.spec.kind import FOREIGN_MODEL_FIELDS
from placer.spec.model import ModelSpec
from placer.spec.yaml_source import parse_mapping, validate_mapping

_UNTELLING_NAMES = ("config.json", "params.json")


def load_model(reference: str) -> tuple[ModelSpec, SourceInfo]:
    """Read a model.

    Parameters
    ----------
    reference
        A name in ``models/``, a file in placer's own form (YAML or JSON), or a Hugging Face
        config.json.

    Returns
    -------
    ModelSpec
        The model.
    SourceInfo
        The file's name without folders, and the SHA-256 of its bytes.

    Raises
    ------
    InputError
        With everything wrong in the file.
    """
    file = resolve_input(reference, CatalogueKind.MODEL)
    source = parse_mapping(file.path)
    info = SourceInfo(name=file.name, sha256=source.sha256)
    if FOREIGN_MODEL_FIELDS & set(source.data):
        return read_config(source, model_name(file.path)), info
    return validate_mapping(source, ModelSpec), info


def model_name(path: Path) -> str:
    """What to call a model whose file does not say: the file's name, or its folder's."""
    if path.name not in _UNTELLING_NAMES:
        return path.stem
    return path.resolve().parent.name or path.stem
