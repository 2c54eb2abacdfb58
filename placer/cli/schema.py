"""``placer schema``: the JSON Schema of what placer reads and writes."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from placer.cli.console import write

if TYPE_CHECKING:
    from pydantic import BaseModel


class SchemaName(StrEnum):
    """Documents with a schema."""

    MODEL = "model"
    CLUSTER = "cluster"
    RUN = "run"
    PLAN = "plan"
    JOB = "job"
    QUALITY = "quality"


def schema(
    document: Annotated[SchemaName, typer.Argument(help="Which document.", show_default=False)],
) -> None:
    """Print the JSON Schema of what placer reads and writes."""
    write(json.dumps(_document_type(document).model_json_schema(), indent=2))


def _document_type(document: SchemaName) -> type[BaseModel]:
    if document is SchemaName.MODEL:
        from placer.spec.model import ModelSpec

        return ModelSpec
    if document is SchemaName.CLUSTER:
        from placer.spec.cluster import ClusterSpec

        return ClusterSpec
    if document is SchemaName.RUN:
        from placer.spec.run import RunSpec

        return RunSpec
    if document is SchemaName.JOB:
        from placer.spec.side_work import SideWorkSpec

        return SideWorkSpec
    if document is SchemaName.QUALITY:
        from placer.cost.across.quality import QualityTables

        return QualityTables
    from placer.plan.document import PlanDocument

    return PlanDocument
