"""What a plan over several sites says beside the plan: every arrangement, and the links' loads."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from placer.plan.strategy import CrossSiteMode, Strategy


class OptionStatus(StrEnum):
    """What became of an arrangement of the sites.

    ``beside``: its best plan takes steps of another statistical meaning, so it does not compete;
    ``slower``: its best plan, or its bound, is; ``impossible``: nothing fits; ``open``: a limit
    came first.
    """

    CHOSEN = "chosen"
    BESIDE = "beside"
    SLOWER = "slower"
    IMPOSSIBLE = "impossible"
    OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkUse:
    """One direction of a link in one period between exchanges.

    ``capacity_bytes_per_s`` is what software gets of it beside other traffic and the reserve;
    ``share`` how much of the period it is busy.
    """

    source: str
    target: str
    size_bytes: float
    capacity_bytes_per_s: float
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionPlan:
    """The best plan of an arrangement.

    ``sent_bytes`` leave the busiest site in one direction every ``period_s`` (one step, or H of
    them) and take ``traffic_s``, of which a step waits ``exposed_s`` on average. ``loss_change`` is
    the published one against synchronous training, ``compute_factor`` what it is worth in
    computation, and ``equivalent_tokens_per_s`` the tokens of a synchronous run that learns as much.
    """

    strategy: Strategy
    step_time_s: float
    tokens_per_s: float
    sent_bytes: float
    period_s: float
    traffic_s: float
    exposed_s: float
    links: tuple[LinkUse, ...]
    loss_change: float
    compute_factor: float
    equivalent_tokens_per_s: float
    launchable_by: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteOption:
    """One arrangement: what crosses, between which sites, and what became of it.

    No plan of it is faster than ``lower_bound_s`` (None where nothing fits). ``notes`` are what one
    must know beside the figures.
    """

    mode: CrossSiteMode
    sites: tuple[str, ...]
    status: OptionStatus
    lower_bound_s: float | None
    reason: str
    plan: OptionPlan | None
    notes: tuple[str, ...] = ()
