"""Unequal sites: inner steps or sequences in proportion to what each site does in the same time."""

from __future__ import annotations

from collections.abc import Sequence


def proportional_steps(step_s: Sequence[float], inner_steps: int) -> tuple[int, ...]:
    """Inner steps of each site in one outer round, the fastest doing ``inner_steps``.

    ``H_i = H v_i / v_max``, rounded down so that no site is late, at least 1 (DyLU: Liu et al.,
    Asynchronous Local-SGD Training for Language Modeling, arXiv 2401.09135, section 4).
    """
    fastest = min(step_s)
    return tuple(max(1, int(inner_steps * fastest / seconds + 1e-9)) for seconds in step_s)


def round_s(step_s: Sequence[float], steps: Sequence[int]) -> float:
    """Computation of one outer round: the site that is last."""
    return max(seconds * count for seconds, count in zip(step_s, steps, strict=True))


def proportional_shares(rates: Sequence[float], total: int, quantum: int = 1) -> tuple[int, ...]:
    """Sequences of each site in a global batch of ``total``, multiples of ``quantum``.

    In proportion to ``rates`` (sequences per second), each at least one quantum, and one quantum
    after the other to the site that would be done first: no other division in these quanta has an
    earlier end.

    Raises
    ------
    ValueError
        When ``total`` is no multiple of ``quantum`` or too small for all sites.
    """
    quanta, rest = divmod(total, quantum)
    if rest or quanta < len(rates):
        raise ValueError(
            f"expected a multiple of {quantum} of at least {quantum * len(rates)}, got {total}"
        )
    shares = [1] * len(rates)
    for _ in range(quanta - len(rates)):
        first = min(range(len(rates)), key=lambda i: ((shares[i] + 1) / rates[i], i))
        shares[first] += 1
    return tuple(share * quantum for share in shares)
