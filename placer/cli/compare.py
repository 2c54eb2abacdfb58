"""``placer compare``: which cluster layout trains a model best."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from placer.cli.console import is_coloured, page_width, say, write
from placer.cli.options import (
    AsJson,
    Calibration,
    FeatureTexts,
    Fix,
    Forbid,
    Framework,
    Gap,
    GlobalBatchSize,
    GlobalBatchTokens,
    Gpus,
    MemoryHeadroom,
    Model,
    OptimizerName,
    PrecisionName,
    Seed,
    SeqLen,
    TimeLimit,
    asked_run,
    asked_search,
    parse_tokens,
)
from placer.cli.output_file import write_file
from placer.cli.progress import LayoutBar
from placer.compare.budget import Budget
from placer.compare.comparison import RankBy

Clusters = Annotated[
    list[str],
    typer.Argument(
        metavar="CLUSTER...", help="Names in clusters/, or YAML files.", show_default=False
    ),
]


EqualBudget = Annotated[
    Budget | None,
    typer.Option(
        metavar="BUDGET",
        help=f"Give each layout as much as the reference has: {' or '.join(Budget)}.",
    ),
]
Reference = Annotated[
    str | None,
    typer.Option(
        metavar="CLUSTER", help="What the others are measured against; the first if not given."
    ),
]
WholeRun = Annotated[
    str | None,
    typer.Option(metavar="N", help="A whole run, as 15T: days, cost, energy, goodput."),
]
RankedBy = Annotated[
    RankBy, typer.Option(metavar="FIGURE", help=f"Best first by {' or '.join(RankBy)}.")
]
NumProcesses = Annotated[
    int | None,
    typer.Option(
        min=1, metavar="N", help="Layouts solved at a time; as many as CPUs if not given."
    ),
]


def compare(
    model: Model,
    clusters: Clusters,
    *,
    rank_by: RankedBy = RankBy.GPU,
    equal: EqualBudget = None,
    reference: Reference = None,
    tokens: WholeRun = None,
    prices: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What parts, power or rent cost you.")
    ] = None,
    global_batch_size: GlobalBatchSize = None,
    global_batch_tokens: GlobalBatchTokens = None,
    seq_len: SeqLen = None,
    gpus: Gpus = None,
    precision: PrecisionName = None,
    framework: Framework = None,
    optimizer: OptimizerName = None,
    feature: FeatureTexts = None,
    fix: Fix = None,
    forbid: Forbid = None,
    top: Annotated[int, typer.Option(metavar="K", help="Plans kept for each layout.")] = 1,
    gap: Gap = 0.005,
    time_limit: TimeLimit = None,
    memory_headroom: MemoryHeadroom = 0.03,
    seed: Seed = 0,
    processes: NumProcesses = None,
    calibration: Calibration = None,
    markdown: Annotated[
        Path | None,
        typer.Option("--markdown", metavar="FILE", help="Write the tables as Markdown."),
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write one self-contained page.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Rank cluster layouts for one model and one run, each by its best plan."""
    import os

    from placer import api
    from placer.report.comparison.document import comparison_json
    from placer.report.comparison.markdown import comparison_markdown
    from placer.report.comparison.terminal import render_comparison

    options = asked_search(
        gap=gap,
        top=top,
        time_limit_s=time_limit,
        memory_headroom=memory_headroom,
        seed=seed,
        gpus=gpus,
        fix=fix,
        forbid=forbid,
    )
    run = asked_run(
        global_batch_size=global_batch_size,
        global_batch_tokens=global_batch_tokens,
        seq_len=seq_len,
        precision=precision,
        framework=framework,
        optimizer=optimizer,
        feature=feature,
    )
    with LayoutBar() as progress:
        comparison = api.compare(
            model,
            clusters,
            run,
            options,
            rank_by=rank_by,
            equal=equal,
            prices=prices,
            tokens=parse_tokens(tokens, "--tokens"),
            reference=reference,
            calibration=calibration,
            processes=processes or len(os.sched_getaffinity(0)),
            listener=progress,
        )
    if markdown is not None:
        write_file(markdown, comparison_markdown(comparison), "--markdown")
        say(f"wrote {markdown}")
    if html is not None:
        from placer.report.comparison.page import comparison_page

        write_file(html, comparison_page(comparison), "--html")
        say(f"wrote {html}")
    if as_json:
        write(comparison_json(comparison))
    else:
        write(render_comparison(comparison, colour=is_coloured(), width=page_width()))
