"""Options about clusters of several sites."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from placer.cli.options import given

if TYPE_CHECKING:
    from placer.api import SiteRequest

PANEL = "Several sites"

CrossSite = Annotated[
    list[str] | None,
    typer.Option(
        "--cross-site",
        metavar="MODE",
        help="What may cross: none, sync_dp, pipeline, diloco, streaming_diloco; repeatable.",
        rich_help_panel=PANEL,
    ),
]
CrossSiteOnce = Annotated[
    str | None,
    typer.Option(
        "--cross-site",
        metavar="MODE",
        help="What crosses: none, sync_dp, pipeline, diloco, streaming_diloco.",
        rich_help_panel=PANEL,
    ),
]
InnerSteps = Annotated[
    int | None,
    typer.Option(
        "--inner-steps",
        metavar="H",
        help="Steps of DiLoCo between exchanges; 30 if not given.",
        rich_help_panel=PANEL,
    ),
]
OuterBits = Annotated[
    int | None,
    typer.Option(
        "--outer-bits",
        metavar="N",
        help="Bits per outer gradient; DiLoCo 16, streaming 4 if not given.",
        rich_help_panel=PANEL,
    ),
]
MinReplicas = Annotated[
    int | None,
    typer.Option(
        "--min-replicas-after-site-loss",
        metavar="N",
        help="Replicas that remain whichever site is lost.",
        rich_help_panel=PANEL,
    ),
]
QualityExchange = Annotated[
    bool | None,
    typer.Option(
        "--quality-exchange",
        help="Rank DiLoCo among the others, by computation of equal loss.",
        rich_help_panel=PANEL,
    ),
]
QualityTable = Annotated[
    Path | None,
    typer.Option(
        "--quality",
        metavar="FILE",
        help="Loss changes of your own, in the form of placer/data/quality.yaml.",
        rich_help_panel=PANEL,
    ),
]
Extrapolate = Annotated[
    bool | None,
    typer.Option(
        "--extrapolate",
        help="Allow what nothing was measured of: H over 300, over 8 DiLoCo replicas.",
        rich_help_panel=PANEL,
    ),
]


def asked_of_sites(
    *, modes: list[str] | None, quality: Path | None = None, **options: Any
) -> SiteRequest | None:
    """What was typed about sites; None where nothing was."""
    from placer import api

    typed = given(**options)
    if modes:
        typed["modes"] = api.site_modes(tuple(modes))
    if quality is not None:
        typed["quality"] = api.load_quality(quality)
    return api.SiteRequest(**typed) if typed else None
