"""The pipeline split a framework makes when nobody tells it how."""

from __future__ import annotations

from collections.abc import Sequence

from placer.plan.placement import ChunkLayout, PipelineLayout
from placer.spec.model import MlpKind, ModelSpec


def even_layout(model: ModelSpec, pp: int, vpp: int) -> PipelineLayout:
    """Layers as even as they go over pp * vpp virtual stages.

    What is missing to a whole number of layers per virtual stage is taken from the last and the
    first in turn, which hold the loss and the embedding besides (Megatron-LM
    ``--account-for-loss-in-pipeline-split`` and ``--account-for-embedding-in-pipeline-split``).

    Raises
    ------
    ValueError
        When there are fewer layers than virtual stages need.
    """
    virtual = pp * vpp
    base = -(-model.num_layers // virtual)
    sizes = [base] * virtual
    shortage = base * virtual - model.num_layers
    order = _alternate_ends(virtual)
    for turn in range(shortage):
        sizes[order[turn % virtual]] -= 1
    if min(sizes) < 0 or (virtual > model.num_layers + 2):
        raise ValueError(
            f"pp * vpp: expected at most num_layers + 2 = {model.num_layers + 2} virtual stages,"
            f" got {pp} * {vpp} = {virtual}"
        )
    return layout_of(model, sizes, pp)


def layout_of(model: ModelSpec, sizes: Sequence[int], pp: int) -> PipelineLayout:
    """Lay ``sizes[j]`` decoder layers on each virtual stage j, in order.

    The first holds the embedding, the last the MTP modules and the loss.
    """
    chunks: list[ChunkLayout] = []
    first_layer = 0
    last = len(sizes) - 1
    for index, num_layers in enumerate(sizes):
        held = model.layers[first_layer : first_layer + num_layers]
        num_moe = sum(layer.mlp is MlpKind.MOE for layer in held)
        chunks.append(
            ChunkLayout(
                stage=index % pp,
                chunk=index // pp,
                first_layer=first_layer,
                num_layers=num_layers,
                num_dense=num_layers - num_moe,
                num_moe=num_moe,
                num_mtp=model.mtp_layers if index == last else 0,
                embedding=index == 0,
                loss=index == last,
            )
        )
        first_layer += num_layers
    return PipelineLayout(chunks=tuple(chunks))


def _alternate_ends(count: int) -> list[int]:
    """Indices from the last and the first inwards: n-1, 0, n-2, 1, ..."""
    inwards = [(count - 1 - i, i) for i in range((count + 1) // 2)]
    return list(dict.fromkeys(index for pair in inwards for index in pair))
