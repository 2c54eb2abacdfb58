"""DiLoCo: sites train apart for H inner steps, then average what they learned.

Douillard et al., DiLoCo (arXiv 2311.08105); Streaming DiLoCo (arXiv 2501.18512); Charles et al.,
Scaling Laws for DiLoCo (arXiv 2503.09799).
"""

from __future__ import annotations

from dataclasses import dataclass

from placer.cost.across.exchange import exchange_bytes, exposed_s
from placer.cost.across.routes import Exchange

OUTER_STATE_BYTES = 8.0
"""Per parameter: a copy of the outer parameters and Nesterov's momentum, fp32 each (arXiv
2501.18512, section 2.5, "the outer global parameters (1x), and the outer Nesterov state (1x)")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Streaming:
    """How streaming DiLoCo spreads an outer step over the inner ones.

    ``fragments`` parts of the model are sent in turn, each every H inner steps; what is sent is
    needed ``overlap_steps`` (tau) inner steps later.
    """

    fragments: int
    overlap_steps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OuterCost:
    """What synchronising between sites costs per inner step.

    ``sent_bytes`` is what a site sends per outer step, ``traffic_s`` how long that takes,
    ``exposed_s`` what an inner step waits on average, ``peak_bytes_per_s`` the rate at which all
    of it would be hidden (infinite where the outer step blocks).
    """

    sent_bytes: float
    traffic_s: float
    exposed_s: float
    peak_bytes_per_s: float


def diloco_cost(
    exchange: Exchange,
    payload_bytes: float,
    *,
    inner_steps: int,
    window_s: float = 0.0,
    chunks: int = 1,
) -> OuterCost:
    """A blocking outer step every H inner steps, seen by one inner step: ``exposed / H``.

    Parameters
    ----------
    exchange
        The ring over the replicas' sites.
    payload_bytes
        Outer gradients of the whole model as they are sent.
    inner_steps
        H.
    window_s
        Computation left when the first outer gradients are ready: the last backward pass where
        the implementation overlaps it, else 0.
    chunks
        Parts sent one after the other.
    """
    traffic = exchange.s_per_byte * payload_bytes
    latency = exchange.latency_s
    waiting = exposed_s(traffic, window_s, chunks=chunks, latency_s=latency)
    return OuterCost(
        sent_bytes=exchange_bytes(payload_bytes, len(exchange.order)),
        traffic_s=traffic + latency,
        exposed_s=waiting / inner_steps,
        peak_bytes_per_s=float("inf"),
    )


def streaming_cost(
    exchange: Exchange,
    payload_bytes: float,
    *,
    inner_steps: int,
    step_s: float,
    streaming: Streaming,
) -> OuterCost:
    """Fragments sent in turn while training goes on, seen by one inner step.

    A fragment has ``tau`` inner steps before it is needed; what does not fit is waited for, once
    per fragment and H steps. The link must also carry all fragments in H steps.
    """
    fragments = streaming.fragments
    fragment_s = exchange.s_per_byte * payload_bytes / fragments
    hidden_s = streaming.overlap_steps * step_s
    late = max(0.0, fragment_s + exchange.latency_s - hidden_s) * fragments / inner_steps
    carried = exchange.s_per_byte * payload_bytes / inner_steps - step_s
    sent = exchange_bytes(payload_bytes, len(exchange.order))
    room_s = hidden_s - exchange.latency_s
    return OuterCost(
        sent_bytes=sent,
        traffic_s=fragment_s * fragments + exchange.latency_s,
        exposed_s=max(late, carried, 0.0),
        peak_bytes_per_s=sent / fragments / room_s if room_s > 0 else float("inf"),
    )


def least_overlap_steps(
    exchange: Exchange, payload_bytes: float, *, fragments: int, step_s: float
) -> int:
    """The smallest tau that hides a fragment: ``ceil((V_f / B + latency) / t)``."""
    fragment_s = exchange.s_per_byte * payload_bytes / fragments + exchange.latency_s
    return int(-(-fragment_s // step_s))


def outer_state_bytes(
    num_parameters: float, *, streaming: Streaming | None = None, offloaded: bool = False
) -> float:
    """Memory the outer optimizer adds for these parameters, in the accelerator's memory.

    Offloaded to the host, streaming DiLoCo holds one fragment of it at a time (arXiv 2501.18512,
    section 2.5: 2 % for 100B parameters in 36 fragments) and DiLoCo none between outer steps.
    """
    whole = OUTER_STATE_BYTES * num_parameters
    if not offloaded:
        return whole
    return whole / streaming.fragments if streaming is not None else 0.0
