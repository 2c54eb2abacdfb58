"""Which modules sit in which pipeline chunk, by torchtitan's module names.

``parallelism.module_fqns_per_model_part`` lists the modules of every chunk in model order; chunk i
is stage i % pp (``distributed/pipeline_parallel.py``). The output projection is called ``output`` in
0.2.2 and ``lm_head`` in 0.3.0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from placer.emit.torchtitan.rules import TOML_RELEASE

if TYPE_CHECKING:
    from placer.plan.placement import ChunkLayout
    from placer.plan.plan import Plan


def modules_of_chunks(plan: Plan, release: str) -> tuple[tuple[str, ...], ...]:
    """Module names of every chunk, in model order."""
    pp = plan.strategy.pp
    chunks = sorted(plan.placement.pipeline_layout.chunks, key=lambda c: c.chunk * pp + c.stage)
    return tuple(_modules(chunk, release) for chunk in chunks)


def _modules(chunk: ChunkLayout, release: str) -> tuple[str, ...]:
    head = "output" if release == TOML_RELEASE else "lm_head"
    last = chunk.first_layer + chunk.num_layers
    return (
        *(["tok_embeddings"] if chunk.embedding else []),
        *(f"layers.{index}" for index in range(chunk.first_layer, last)),
        *(["norm", head] if chunk.loss else []),
    )
