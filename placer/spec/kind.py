"""Whether what a user named is a model or a cluster."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from placer.errors import InputError
from placer.spec.catalogue import CatalogueKind, find_kind, resolve_input
from placer.spec.cluster import ClusterSpec
from placer.spec.model import ModelSpec
from placer.spec.yaml_source import SourceMapping, parse_mapping

FOREIGN_MODEL_FIELDS = frozenset({"architectures", "model_type", "text_config"})
"""Fields of a Hugging Face config.json that placer's own models do not have."""


def input_kind(reference: str) -> CatalogueKind:
    """Tell by the catalogue a name stands in, else by a file's own fields.

    Raises
    ------
    InputError
        When the name is unknown, the file unreadable, or its fields are of neither.
    """
    kind = find_kind(reference)
    if kind is not None:
        return kind
    source = parse_mapping(resolve_input(reference).path)
    num_model = _num_shared(source, FOREIGN_MODEL_FIELDS.union(ModelSpec.model_fields))
    num_cluster = _num_shared(source, set(ClusterSpec.model_fields))
    if num_model == num_cluster:
        remedy = "`placer schema model` and `placer schema cluster` describe them."
        if str(source.data.get("schema", "")).startswith("placer.plan/"):
            remedy = "This is a plan; `placer explain` shows plans."
        expected, found = "the fields of a model or of a cluster", "neither"
        raise InputError([source.problem((), expected=expected, found=found, remedy=remedy)])
    return CatalogueKind.MODEL if num_model > num_cluster else CatalogueKind.CLUSTER


def _num_shared(source: SourceMapping, fields: AbstractSet[str]) -> int:
    return len(fields & set(source.data) - {"name"})
