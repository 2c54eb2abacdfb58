"""Whether every layer is on exactly one stage, in order, with the ends at the ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from placer.spec.model import MlpKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from placer.plan.placement import ChunkLayout
    from placer.plan.plan import Plan
    from placer.spec.model import ModelSpec


def layout_problems(plan: Plan) -> Iterator[str]:
    """What is wrong with the pipeline layout."""
    strategy, model = plan.strategy, plan.model
    chunks = plan.placement.pipeline_layout.chunks
    wanted = [(j % strategy.pp, j // strategy.pp) for j in range(strategy.pp * strategy.vpp)]
    found = [(chunk.stage, chunk.chunk) for chunk in chunks]
    if found != wanted:
        yield (
            f"pipeline_layout: expected {len(wanted)} chunks, chunk j on stage j % pp, found"
            f" (stage, chunk) {found}"
        )
        return
    yield from _order_problems(chunks, model)
    yield from _end_problems(chunks, model)


def _order_problems(chunks: tuple[ChunkLayout, ...], model: ModelSpec) -> Iterator[str]:
    """Layers follow each other and are of the kinds the model says."""
    next_layer = 0
    for chunk in chunks:
        where = f"pipeline_layout: stage {chunk.stage} chunk {chunk.chunk}"
        if chunk.first_layer != next_layer:
            yield f"{where}: expected first_layer {next_layer}, found {chunk.first_layer}"
        held = model.layers[next_layer : next_layer + chunk.num_layers]
        next_layer += chunk.num_layers
        num_moe = sum(layer.mlp is MlpKind.MOE for layer in held)
        if (chunk.num_dense, chunk.num_moe) != (len(held) - num_moe, num_moe):
            yield (
                f"{where}: expected {len(held) - num_moe} dense and {num_moe} MoE layers, found"
                f" {chunk.num_dense} and {chunk.num_moe}"
            )
    if next_layer != model.num_layers:
        yield f"pipeline_layout: expected {model.num_layers} layers in all, found {next_layer}"


def _end_problems(chunks: tuple[ChunkLayout, ...], model: ModelSpec) -> Iterator[str]:
    """The embedding comes first, the loss last, the MTP layers after every decoder layer."""
    last = len(chunks) - 1
    if [j for j, chunk in enumerate(chunks) if chunk.embedding] != [0]:
        yield "pipeline_layout: expected the embedding on the first chunk only"
    if [j for j, chunk in enumerate(chunks) if chunk.loss] != [last]:
        yield "pipeline_layout: expected the loss on the last chunk only"
    total = sum(chunk.num_mtp for chunk in chunks)
    if total != model.mtp_layers:
        yield f"pipeline_layout: expected {model.mtp_layers} MTP layers, found {total}"
    last_decoder = max(j for j, chunk in enumerate(chunks) if chunk.num_layers or j == 0)
    early = [j for j, chunk in enumerate(chunks) if chunk.num_mtp and j < last_decoder]
    if early:
        yield f"pipeline_layout: MTP layers on chunk {early[0]}, before decoder layers"
