"""``placer explain``: where a plan's time goes, what binds, what the next best plans lose."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from placer.cli.console import is_coloured, page_width, write
from placer.cli.options import AsJson


def explain(
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="A plan file.", show_default=False)],
    *,
    as_json: AsJson = False,
) -> None:
    """Say why a plan is as it is, and what one step along each axis would do."""
    from placer import api
    from placer.report.explain import explanation_data
    from placer.report.text.explanation import render_explanation

    explanation = api.explain(api.load_plan(plan))
    if as_json:
        write(json.dumps(explanation_data(explanation), indent=1))
    else:
        write(render_explanation(explanation, colour=is_coloured(), width=page_width()))
