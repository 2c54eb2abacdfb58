"""Seconds that collectives take over the levels of a cluster.

Shapes: N groups are costed at once, on L levels (inner to outer). ``size_bytes`` broadcasts to (N,)
and counts the whole buffer, as nccl-tests does: the gathered output of an all-gather, the input of
a reduce-scatter or all-reduce, the send buffer of one rank in an all-to-all. ``spans`` (N, L) says
how many next-inner units (accelerators at level 0) a group covers in one unit of each level; their
product is the group's size, unless ``ranks`` says that uneven filling leaves it smaller. Every
member drives its own link, so groups that run side by side on other accelerators cost each other
nothing; ``sharing`` counts what does share the network links.

Form of every time: ``a + t + sqrt(ramp * t)`` with latency a and transfer t. The last term is what
filling a pipeline of chunks and changing protocols costs: over the number of chunks the sum
``(steps + chunks) * (step + size / chunks / rate)`` has its least value with a term in
``sqrt(size)``. Each time is the lesser of a low-latency protocol, which sends a flag with each
word, and the full-rate one (NCCL src/graph/tuning.cc, LL and Simple).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from placer.cost.constants import Constants
from placer.cost.links import LevelLink, link_levels
from placer.cost.reach import Reach, Sizes
from placer.cost.stage_costs import FloatArray
from placer.plan.strategy import IntArray
from placer.spec.model import MoE
from placer.topology.level import Level


def all_gather_s(
    size_bytes: Sizes,
    spans: IntArray,
    levels: tuple[Level, ...],
    constants: Constants,
    sharing: Sizes = 1.0,
    *,
    ranks: Sizes = np.inf,
) -> FloatArray:
    """Ring all-gather; (N,) seconds.

    ``max_l ((n-1)/n * S / members_inside_l / (eta_l * B_l))``: a ring passes the whole buffer
    through each level boundary, spread over the links of the members inside (Thakur et al., 2005,
    section 4; NCCL PERFORMANCE.md bus bandwidth). Latency n - 1 steps, those between units at the
    outer level's hop time (NCCL src/graph/tuning.cc, ring).
    """
    reach = Reach.of(spans, levels, constants, sharing, ranks)
    return _finish(reach, _ring_steps_s(reach), size_bytes * _ring_s_per_byte(reach))


def reduce_scatter_s(
    size_bytes: Sizes,
    spans: IntArray,
    levels: tuple[Level, ...],
    constants: Constants,
    sharing: Sizes = 1.0,
    *,
    ranks: Sizes = np.inf,
) -> FloatArray:
    """Ring reduce-scatter; (N,) seconds: an all-gather run backwards."""
    return all_gather_s(size_bytes, spans, levels, constants, sharing, ranks=ranks)


def all_reduce_s(
    size_bytes: Sizes,
    spans: IntArray,
    levels: tuple[Level, ...],
    constants: Constants,
    sharing: Sizes = 1.0,
    *,
    ranks: Sizes = np.inf,
) -> FloatArray:
    """All-reduce by the faster of ring and tree; (N,) seconds."""
    reach = Reach.of(spans, levels, constants, sharing, ranks)
    return np.minimum(_ring_all_reduce_s(reach, size_bytes), _tree_all_reduce_s(reach, size_bytes))


def ring_all_reduce_s(
    size_bytes: Sizes,
    spans: IntArray,
    levels: tuple[Level, ...],
    constants: Constants,
    sharing: Sizes = 1.0,
) -> FloatArray:
    """Ring all-reduce: a reduce-scatter and an all-gather, launched once; (N,) seconds."""
    return _ring_all_reduce_s(Reach.of(spans, levels, constants, sharing), size_bytes)


def tree_all_reduce_s(
    size_bytes: Sizes,
    spans: IntArray,
    levels: tuple[Level, ...],
    constants: Constants,
    sharing: Sizes = 1.0,
) -> FloatArray:
    """Tree all-reduce between domains, switch or chain reduction inside; (N,) seconds.

    Inside a domain ``2 (n-1)/n S`` at the ring's rate, or at the in-switch rate where the switch
    reduces. Between domains a double binary tree (Sanders et al., 2009; NCCL 2.4), whose inner
    nodes pass the buffer twice, like a ring; two domains that reduce in the switch only swap it
    (NCCL src/graph/tuning.cc doubles NVLSTree over two nodes); a fabric that reduces takes it once
    up and gives it once down. Latency ``2 log2(units)`` hops at each level, by wire or by switch.
    """
    return _tree_all_reduce_s(Reach.of(spans, levels, constants, sharing), size_bytes)


def all_to_all_s(
    size_bytes: Sizes,
    spans: IntArray,
    levels: tuple[Level, ...],
    constants: Constants,
    sharing: Sizes = 1.0,
) -> FloatArray:
    """Personalised exchange, each peer an equal part of the send buffer; (N,) seconds.

    What leaves a unit passes the links of every level further out: ``max_l (S * (n - inside_l)/n /
    (eta_l * B_l))`` on one accelerator's link, which is NVIDIA's ``k/(k-1)`` times NIC bandwidth
    over k nodes (NVIDIA/nccl-tests issue 130). Messages to other domains are posted one by one
    (NCCL tuning.cc, network overhead).
    """
    reach = Reach.of(spans, levels, constants, sharing)
    once = np.ones_like(reach.ranks)
    return _exchange_s(reach, size_bytes * once, size_bytes * once)


def expert_exchange_s(
    *,
    tokens: Sizes,
    bytes_per_token: float,
    moe: MoE,
    spans: IntArray,
    levels: tuple[Level, ...],
    constants: Constants,
    deduplicated: bool,
    sharing: Sizes = 1.0,
) -> FloatArray:
    """Dispatch (or combine) of ``tokens`` per rank to their experts under even routing; (N,) s.

    A plain all-to-all sends each of the ``top_k`` copies on its own. A deduplicating dispatcher
    (DeepEP, HybridEP) sends a token once to each domain it has an expert in and there once to each
    rank, see ``deduplicated_copies``. Network and scale-up transfers overlap, the slower one counts
    (DeepEP README).
    """
    reach = Reach.of(spans, levels, constants, sharing)
    whole_bytes = tokens * bytes_per_token * np.ones_like(reach.ranks)
    if not deduplicated:
        return _exchange_s(reach, whole_bytes * moe.top_k, whole_bytes * moe.top_k)
    copies = deduplicated_copies(reach.domains, reach.in_domain, moe)
    return _exchange_s(reach, whole_bytes * copies.ranks, whole_bytes * copies.domains)


@dataclass(frozen=True, slots=True, kw_only=True)
class Copies:
    """Expected domains and ranks that receive a token, its own included; (N,) each."""

    domains: FloatArray
    ranks: FloatArray


def deduplicated_copies(domains: FloatArray, in_domain: FloatArray, moe: MoE) -> Copies:
    """Copies of a token among ``domains`` of ``in_domain`` ranks that each receive it once.

    Of d places ``top_k`` even draws hit ``d (1 - (1 - 1/d)^top_k)``; node-limited routing draws
    from the domains of the expert groups it chose first, each on its share of the domains
    (DeepSeek-V3, arXiv 2412.19437, section 2.1.2).
    """
    reachable = domains
    if moe.num_groups > 1:
        share = np.maximum(domains / moe.num_groups, 1.0)
        reachable = np.minimum(domains, moe.topk_groups * share)
    hit = _places_hit(reachable, moe.top_k)
    return Copies(domains=hit, ranks=_places_hit(reachable * in_domain, moe.top_k))


def p2p_s(
    size_bytes: Sizes,
    level_index: IntArray,
    levels: tuple[Level, ...],
    constants: Constants,
    sharing: Sizes = 1.0,
) -> FloatArray:
    """One transfer between two accelerators that meet at the level ``level_index`` (N,)."""
    links = link_levels(levels, constants)
    shared = constants.collectives
    rates = np.array([link.p2p_rate_bytes_per_s() for link in links])[level_index]
    hops = np.array([[link.hop_s, link.full_hop_s] for link in links])[level_index]
    outside = np.array([not link.scale_up for link in links])[level_index]
    transfer = size_bytes / rates * np.where(outside, sharing, 1.0)
    latency = shared.base_latency_s + hops
    quick = _with_ramp(latency[:, 0], transfer / shared.low_latency_rate, constants)
    return np.minimum(quick, _with_ramp(latency[:, 1], transfer, constants))


def _ring_all_reduce_s(reach: Reach, size_bytes: Sizes) -> FloatArray:
    steps = 2.0 * _ring_steps_s(reach)
    return _finish(reach, steps, 2.0 * size_bytes * _ring_s_per_byte(reach))


def _tree_all_reduce_s(reach: Reach, size_bytes: Sizes) -> FloatArray:
    return _finish(reach, _tree_steps_s(reach), size_bytes * _tree_s_per_byte(reach))


def _exchange_s(reach: Reach, scale_up_bytes: FloatArray, network_bytes: FloatArray) -> FloatArray:
    transfer = np.zeros_like(reach.ranks)
    for at, link in enumerate(reach.links):
        sent = scale_up_bytes if link.scale_up else network_bytes
        leaving = sent * (reach.ranks - reach.inside[at]) / reach.ranks
        rate = link.all_to_all_rate_bytes_per_s(reach.covered[at]) / reach.shared(at)
        transfer = np.where(reach.crossing(at), np.maximum(transfer, leaving / rate), transfer)
    return _finish(reach, _exchange_steps_s(reach), transfer)


def _exchange_steps_s(reach: Reach) -> FloatArray:
    """The longest hop, and the messages handed one by one to the NIC; (2, N) by protocol."""
    hop = np.zeros((2, len(reach.ranks)))
    for at, link in enumerate(reach.links):
        hop = np.where(reach.crossing(at), np.maximum(hop, _hops_s(link)), hop)
    messages = reach.ranks - reach.in_domain
    return hop + reach.constants.collectives.post_overhead_s * messages


def _places_hit(places: FloatArray, draws: int) -> FloatArray:
    """Expected number of distinct places among ``draws`` even draws."""
    return places * (1.0 - (1.0 - 1.0 / np.maximum(places, 1.0)) ** draws)


def _ring_s_per_byte(reach: Reach) -> FloatArray:
    per_byte = np.zeros_like(reach.ranks)
    for at, link in enumerate(reach.links):
        rate = link.ring_rate_bytes_per_s(reach.covered[at]) * reach.exits(at) / reach.shared(at)
        slowest = np.maximum(per_byte, 1.0 / rate)
        per_byte = np.where(reach.crossing(at), slowest, per_byte)
    return per_byte * (reach.ranks - 1.0) / reach.ranks


def _hops_s(link: LevelLink) -> FloatArray:
    """Step of the low-latency and of the full-rate protocol; (2, 1)."""
    return np.array([[link.hop_s], [link.full_hop_s]])


def _ring_steps_s(reach: Reach) -> FloatArray:
    """Steps of a ring ordered by level, n - 1: those between units of a level, less those outside."""
    total = np.zeros((2, len(reach.ranks)))
    for at, link in enumerate(reach.links):
        outside = reach.units[at + 1] if at + 1 < len(reach.units) else 1.0
        total = total + (reach.units[at] - outside) * _hops_s(link)
    return total


def _tree_s_per_byte(reach: Reach) -> FloatArray:
    inside_passes = 2.0 * (reach.ranks - 1.0) / reach.ranks
    per_byte = np.zeros_like(reach.ranks)
    for at, link in enumerate(reach.links):
        covered = reach.covered[at]
        if link.scale_up and link.level.in_network_reduction:
            cost = inside_passes / link.in_switch_rate_bytes_per_s(covered)
        elif link.scale_up:
            cost = inside_passes / link.ring_rate_bytes_per_s(covered)
        else:
            cost = _network_passes(reach, link) / link.ring_rate_bytes_per_s(covered)
        cost = cost / reach.exits(at) * reach.shared(at)
        per_byte = np.where(reach.crossing(at), np.maximum(per_byte, cost), per_byte)
    return per_byte


def _network_passes(reach: Reach, link: LevelLink) -> FloatArray:
    """Times the buffer leaves a domain in a tree over domains; (N,)."""
    if link.level.in_network_reduction:
        return np.ones_like(reach.ranks)
    swaps = (reach.domains == 2.0) & any(
        inner.scale_up and inner.level.in_network_reduction for inner in reach.links
    )
    return np.where(swaps, 1.0, 2.0)


def _tree_steps_s(reach: Reach) -> FloatArray:
    """``2 log2(units)`` steps at each level: up the tree and down, by wire or by switch."""
    total = np.zeros((2, len(reach.ranks)))
    for at, link in enumerate(reach.links):
        total = total + 2.0 * np.log2(reach.covered[at]) * _hops_s(link)
    return total


def _finish(reach: Reach, steps_s: FloatArray, transfer_s: FloatArray) -> FloatArray:
    """Time by the better protocol: ``steps_s`` is (2, N), low latency first; (N,)."""
    shared = reach.constants.collectives
    latency = shared.base_latency_s + steps_s
    quick = _with_ramp(latency[0], transfer_s / shared.low_latency_rate, reach.constants)
    full = _with_ramp(latency[1], transfer_s, reach.constants)
    return np.where(reach.ranks > 1.0, np.minimum(quick, full), 0.0)


def _with_ramp(latency_s: FloatArray, transfer_s: FloatArray, constants: Constants) -> FloatArray:
    return latency_s + transfer_s + np.sqrt(constants.collectives.ramp_s * transfer_s)
