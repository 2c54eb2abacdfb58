"""``placer show``: a model or a cluster as a person would want to see it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from placer.cli.console import write


def show(
    reference: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME-OR-FILE",
            help="A name of the catalogue, a YAML file, or a Hugging Face config.json.",
            show_default=False,
        ),
    ] = None,
    *,
    prices: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What parts, power or rent cost you: price a cluster."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show a model or a cluster; without a name, list the catalogue."""
    if reference is None:
        write(_catalogue(as_json=as_json))
        return
    from placer.spec.catalogue import CatalogueKind
    from placer.spec.kind import input_kind

    if input_kind(reference) is CatalogueKind.MODEL:
        write(_model(reference, as_json=as_json))
    else:
        write(_cluster(reference, prices, as_json=as_json))


def _catalogue(*, as_json: bool) -> str:
    from placer.spec.catalogue import CatalogueKind, catalogue_names

    names = {f"{kind}s": list(catalogue_names(kind)) for kind in CatalogueKind}
    if as_json:
        return json.dumps(names, indent=2)
    return "\n\n".join("\n  ".join([f"{title}:", *listed]) for title, listed in names.items())


def _model(reference: str, *, as_json: bool) -> str:
    from placer.importers.model_source import load_model
    from placer.report.show_model import render_model

    model, _ = load_model(reference)
    return model.model_dump_json(indent=2) if as_json else render_model(model)


def _cluster(reference: str, prices: Path | None, *, as_json: bool) -> str:
    from placer.compare.economics.prices import load_prices
    from placer.report.show_cluster import render_cluster
    from placer.spec.catalogue import CatalogueKind, resolve_input
    from placer.spec.cluster import ClusterSpec
    from placer.spec.yaml_source import load_document

    cluster = load_document(resolve_input(reference, CatalogueKind.CLUSTER).path, ClusterSpec)
    if as_json:
        return cluster.model_dump_json(indent=2)
    return render_cluster(cluster, None if prices is None else load_prices(prices))
