"""What stands beside a plan's training step: placed work, its traffic, what the links carry."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedWork:
    """One piece of work at its site, on ``hosts`` of its own.

    ``source`` is the training site it is fed from, its own site where the weights are there
    already. Rates are averages: ``out`` from training to the work, ``back`` to training.
    ``broadcast_s`` is how long one sending of weights or state takes in what training leaves of the
    links. ``staleness_steps`` and its limit belong to rollouts.
    """

    name: str
    kind: str
    site: str
    source: str
    gpus: int
    hosts: tuple[str, ...]
    out_bytes_per_s: float
    back_bytes_per_s: float
    broadcast_s: float
    staleness_steps: int | None = None
    staleness_limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkUse:
    """One direction of a link: average rates of training and side work, and what it carries."""

    link: str
    source: str
    target: str
    training_bytes_per_s: float
    side_bytes_per_s: float
    capacity_bytes_per_s: float
    works: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SideWork:
    """All work beside the step of one job; ``home`` is the site training keeps whole."""

    job: str
    home: str
    works: tuple[PlacedWork, ...]
    links: tuple[LinkUse, ...]
