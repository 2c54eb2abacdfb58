"""The traffic of one model, or of its gradients, between sites that all end with the same sum."""

from __future__ import annotations

import math


def exchange_bytes(payload_bytes: float, num_sites: int) -> float:
    """Bytes each site sends (and receives) while all sites average a payload.

    A ring over s sites: ``2 (s - 1) / s`` times the payload, one direction, all accelerators of a
    site together; each of them sends its shard. Two sites send it once each way. (Thakur,
    Rabenseifner, Gropp, "Optimization of Collective Communication Operations in MPICH", 2005.)
    """
    return 2.0 * (num_sites - 1) / num_sites * payload_bytes


def exchange_latency_s(num_sites: int, rtt_s: float) -> float:
    """Delay of the ring's ``2 (s - 1)`` steps, half the longest round trip each."""
    return (num_sites - 1) * rtt_s


def exposed_s(
    traffic_s: float, window_s: float, *, chunks: int = 1, latency_s: float = 0.0
) -> float:
    """Time a step waits for traffic that starts while it still computes.

    Gradients leave layer by layer as the backward pass ends with them, so the traffic has
    ``window_s`` of computation to hide behind, but the last of ``chunks`` equal parts starts when
    the computation is over: ``max(T + l - w, T / n + l)``. One chunk and no window: all of it.
    """
    last_s = traffic_s / chunks + latency_s
    return max(traffic_s + latency_s - window_s, last_s)


def backward_window(num_layers: int) -> float:
    """Share of a step between the first layer's gradient and the end of its backward pass.

    A step of L equal layers runs 3 L - 1 equal pieces: L forward, then per layer the gradients of
    activations (not for the first layer) and of parameters. The last layer's gradient is complete
    after two pieces of the backward pass's 2 L - 1, which leaves ``(2 L - 3) / (3 L - 1)``
    (Douillard et al., Streaming DiLoCo, arXiv 2501.18512, section 3.1).
    """
    return max(0.0, (2.0 * num_layers - 3.0) / (3.0 * num_layers - 1.0))


def required_bytes_per_s(
    payload_bytes: float,
    computation_s: float,
    utilisation: float,
    *,
    window_s: float = 0.0,
    chunks: int = 1,
) -> float:
    """Bandwidth at which computation is this share of the time, without latency.

    The inverse of ``exposed_s``: of a period of ``computation_s`` that ends with one exchange of
    ``payload_bytes``, ``computation_s (1 / u - 1)`` may be waiting.
    """
    waiting_s = computation_s * (1.0 / utilisation - 1.0)
    if waiting_s <= 0:
        return math.inf
    return max(payload_bytes / (waiting_s + window_s), payload_bytes / chunks / waiting_s)
