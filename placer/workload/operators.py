"""The vocabulary of work: matrix products, attention cores and memory traffic, as columns over strategies.

Arrays broadcast over N strategies. Nothing here knows hardware; ``cost.compute`` turns operators
into seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


class GemmRole(StrEnum):
    """Which numeric format a matrix product runs in: the recipe's, or always the wide one."""

    LINEAR = "linear"
    EXPERT = "expert"
    HEAD = "head"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gemm:
    """``copies`` products (m x k) @ (k x n); m counts tokens, n and k are the local shard."""

    name: str
    m: FloatArray
    n: FloatArray
    k: FloatArray
    copies: FloatArray
    role: GemmRole = GemmRole.LINEAR

    @property
    def forward_flops(self) -> FloatArray:
        """2 m n k, all copies; the backward pass costs twice this."""
        return 2.0 * self.m * self.n * self.k * self.copies


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionCore:
    """Softmax(Q K^T) V of one layer.

    ``forward_flops`` counts what a fused kernel runs (causal half, window applied);
    ``square_flops`` what an unfused implementation runs (the whole square);
    ``scores_bytes`` is one bf16 score matrix, which only an unfused implementation writes;
    ``head_dim`` is the contraction width, for alignment.
    """

    forward_flops: FloatArray
    square_flops: FloatArray
    scores_bytes: FloatArray
    head_dim: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Element-wise work: bytes through HBM, forward and backward, and how many kernels."""

    name: str
    forward_bytes: FloatArray
    backward_bytes: FloatArray
    kernels: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerWork:
    """What one item (a layer, the embedding, the loss) does on one GPU for one micro-batch."""

    gemms: tuple[Gemm, ...] = ()
    attention: tuple[AttentionCore, ...] = ()
    traffic: tuple[Traffic, ...] = ()

    @property
    def forward_flops(self) -> FloatArray:
        """Floating-point operations of the forward pass."""
        parts = [g.forward_flops for g in self.gemms] + [a.forward_flops for a in self.attention]
        return np.asarray(sum(parts, start=np.zeros(1)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """One GPU's share of a micro-batch.

    ``tokens`` = micro_batch_size * seq_len / cp, what the tensor-parallel group works on together;
    ``local_tokens`` is what one rank holds between tensor-parallel regions: tokens / tp under
    sequence parallelism, else tokens.
    """

    seq_len: int
    tokens: FloatArray
    local_tokens: FloatArray
    tp: FloatArray
    cp: FloatArray
    ep: FloatArray
    etp: FloatArray
