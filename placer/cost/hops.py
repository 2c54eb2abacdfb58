"""Point-to-point hops between pipeline stages."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from placer.cost.collectives import p2p_s
from placer.cost.communication import Fabric
from placer.workload.operators import FloatArray, Shard

BF16 = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HopTimes:
    """(N, L) seconds if the neighbour stage is reached over each level.

    ``steady_s`` is what a stage's micro-batch waits for its hops; ``fill_s`` one hop of the fill or
    drain, nothing to hide behind.
    """

    steady_s: FloatArray
    fill_s: FloatArray


def hop_times_s(hidden_size: int, shard: Shard, fabric: Fabric) -> HopTimes:
    """Activations forward and gradients backward across a stage boundary.

    Each tensor-parallel rank sends its 1/tp (scatter/gather, Narayanan et al., arXiv 2104.04473,
    section 4.1). Each chunk of an interleaved schedule hops once each way per micro-batch,
    overlapped with the next chunk; 1F1B waits for both.
    """
    batch, features = fabric.batch, fabric.constants.features
    size = BF16 * hidden_size * shard.tokens / shard.tp
    every_level = np.arange(len(fabric.levels))
    hop = p2p_s(size[:, None], every_level, fabric.levels, fabric.constants)
    exposed = np.where(batch.vpp > 1, 1.0 - features.stream_overlap_hidden, 1.0)
    piped = (batch.pp > 1).astype(np.float64)
    steady = 2.0 * hop * (batch.vpp * exposed * piped)[:, None]
    return HopTimes(steady_s=steady, fill_s=hop * piped[:, None])
