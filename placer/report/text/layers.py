"""Which layers each pipeline stage holds, equal stages together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from placer.report.text.canvas import runs, span

if TYPE_CHECKING:
    from placer.plan.placement import PipelineLayout


def layers_line(layout: PipelineLayout) -> str:
    """``stage 0: 7 + embedding; stages 1-14: 8; stage 15: 7 + loss``."""
    stages = len(layout.layers_per_stage)
    coded = runs(stage_contents(layout, stage) for stage in range(stages))
    return "; ".join(
        f"stage{'s' if last > first else ''} {span(first, last)}: {held}"
        for first, last, held in coded
    )


def stage_contents(layout: PipelineLayout, stage: int) -> str:
    """``8``, or ``3 dense + 4 MoE + embedding``."""
    chunks = [chunk for chunk in layout.chunks if chunk.stage == stage]
    dense = sum(chunk.num_dense for chunk in chunks)
    moe = sum(chunk.num_moe for chunk in chunks)
    mtp = sum(chunk.num_mtp for chunk in chunks)
    mixed = any(chunk.num_moe for chunk in layout.chunks)
    parts = [f"{dense} dense"] if dense and mixed else []
    parts += [f"{moe} MoE"] if moe else []
    parts += [f"{dense}"] if not mixed else []
    parts += [f"{mtp} MTP"] if mtp else []
    parts += ["embedding"] if any(chunk.embedding for chunk in chunks) else []
    parts += ["loss"] if any(chunk.loss for chunk in chunks) else []
    return " + ".join(parts) or "0"
