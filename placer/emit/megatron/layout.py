"""Which layers sit on which pipeline stage, in Megatron-LM's own notation.

``Et*3|(tt|)*29m|L``: E embedding, t decoder layer, m MTP layer, L loss; ``|`` ends a chunk, chunk i
is stage i % PP, chunk i // PP of it (``core/transformer/pipeline_parallel_layer_layout.py``).
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from placer.plan.placement import ChunkLayout, PipelineLayout
    from placer.plan.strategy import Strategy


def ordered_chunks(layout: PipelineLayout, strategy: Strategy) -> tuple[ChunkLayout, ...]:
    """The chunks in model order."""
    return tuple(sorted(layout.chunks, key=lambda c: c.chunk * strategy.pp + c.stage))


def is_default(layout: PipelineLayout, strategy: Strategy) -> bool:
    """Whether Megatron-LM would build this layout by itself: equal chunks, ends at the ends."""
    chunks = ordered_chunks(layout, strategy)
    equal = len({chunk.num_layers for chunk in chunks}) == 1
    embedding = [chunk.embedding for chunk in chunks]
    loss = [chunk.loss for chunk in chunks]
    mtp = [chunk.num_mtp > 0 for chunk in chunks]
    others = [False] * (len(chunks) - 1)
    mtp_last = not any(mtp[:-1])
    return equal and embedding == [True, *others] and loss == [*others, True] and mtp_last


def layout_string(layout: PipelineLayout, strategy: Strategy) -> str:
    """The value of ``--pipeline-model-parallel-layout``; equal neighbours are written once."""
    texts = [_chunk_text(chunk) for chunk in ordered_chunks(layout, strategy)]
    *body, last = texts
    runs = [(text, len(list(same))) for text, same in groupby(body)]
    return "".join(f"({text}|)*{n}" if n > 1 else f"{text}|" for text, n in runs) + last


def _chunk_text(chunk: ChunkLayout) -> str:
    parts = ("E" if chunk.embedding else "", _repeated("t", chunk.num_layers))
    ends = (_repeated("m", chunk.num_mtp), "L" if chunk.loss else "")
    return "".join(parts + ends)


def _repeated(letter: str, count: int) -> str:
    return f"{letter}*{count}" if count > 1 else letter * count


def layout_problems(layout: PipelineLayout, strategy: Strategy) -> tuple[str, ...]:
    """What Megatron-LM would refuse in a layout, each with its numbers.

    Its rules beyond "each layer once, in order": no pipeline means no layout; MTP layers share one
    chunk, the last of its stage, and with several chunks not of stage 0.
    """
    chunks = ordered_chunks(layout, strategy)
    holders = [chunk for chunk in chunks if chunk.num_mtp]
    problems: list[str] = []
    if len(chunks) != strategy.pp * strategy.vpp:
        problems.append(f"{len(chunks)} chunks, but pp {strategy.pp} * vpp {strategy.vpp}")
    if len(holders) > 1:
        problems.append(f"MTP layers in {len(holders)} chunks; Megatron-LM keeps them in one")
    for chunk in holders:
        if chunk.chunk != strategy.vpp - 1:
            problems.append(
                f"MTP layers in chunk {chunk.chunk} of stage {chunk.stage}; Megatron-LM keeps them"
                f" in the last, {strategy.vpp - 1}"
            )
        if strategy.vpp > 1 and chunk.stage == 0:
            problems.append("MTP layers on stage 0, which Megatron-LM refuses with several chunks")
    return tuple(problems)
