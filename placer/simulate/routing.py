"""How far the copies of a token spread, by sending a sample of tokens to their experts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from placer.simulate.link_table import FloatArray, IntArray, LinkTable
from placer.spec.model import MoE

SAMPLE_TOKENS = 4096
SAMPLE_SEED = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Copies:
    """Times a token is sent: to how many domains, and to how many ranks inside them."""

    domains: float
    ranks: float


def copies_of(moe: MoE | None, groups: IntArray, table: LinkTable, *, deduplicated: bool) -> Copies:
    """Copies per token of the groups (G, ep): ``top_k``, or one to each place that needs it.

    A deduplicating dispatcher (DeepEP, HybridEP) sends a token once to each domain and there once to
    each rank that holds one of its experts.
    """
    if moe is None:
        return Copies(domains=1.0, ranks=1.0)
    degree = groups.shape[1]
    if not deduplicated or degree == 1:
        return Copies(domains=float(moe.top_k), ranks=float(moe.top_k))
    rank = chosen_experts(moe) * degree // moe.num_experts
    _, domain = np.unique(table.units[table.domain_level, groups[0]], return_inverse=True)
    return Copies(domains=_distinct(domain[rank]), ranks=_distinct(rank))


def chosen_experts(moe: MoE) -> IntArray:
    """(T, top_k) experts of a sample of tokens, all equally likely.

    With node-limited routing a token first picks ``topk_groups`` of the expert groups (DeepSeek-V3,
    arXiv 2412.19437, section 2.1.2).
    """
    generator = np.random.default_rng(SAMPLE_SEED)
    score: FloatArray = generator.random((SAMPLE_TOKENS, moe.num_experts))
    if moe.num_groups > 1:
        favour = generator.random((SAMPLE_TOKENS, moe.num_groups)).argsort(axis=1).argsort(axis=1)
        allowed = np.repeat(favour < moe.topk_groups, moe.num_experts // moe.num_groups, axis=1)
        score = np.where(allowed, score, -1.0)
    chosen: IntArray = np.argpartition(-score, moe.top_k - 1, axis=1)[:, : moe.top_k]
    return chosen


def _distinct(places: IntArray) -> float:
    """Mean number of different places in a row."""
    ordered = np.sort(places, axis=1)
    return float(1.0 + (np.diff(ordered, axis=1) > 0).sum(axis=1).mean())
