"""At which site each piece of work beside the step stands: a small model of yes and no."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ortools.sat.python import cp_model

from placer.errors import InfeasibleError, InternalError
from placer.spec.side_work import CheckpointSpec, StandbySpec, gpus_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from placer.spec.side_work import WorkSpec

DETERMINISTIC_LIMIT: Final = 10.0
SEED: Final = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One site: usable accelerators in units of whole hosts, and how far it is from home.

    ``distance`` counts links from training's home, 0 at home.
    """

    name: str
    hosts: int
    gpus_per_host: int
    distance: int

    def hosts_for(self, gpus: int) -> int:
        """Whole hosts that many accelerators take."""
        return -(-gpus // self.gpus_per_host)


def place_side_work(works: Sequence[WorkSpec], places: Sequence[Place]) -> tuple[int, ...]:
    """The site of each piece of work, by number.

    Training's home is left whole as far as possible; then as little as possible crosses links,
    each counted by the accelerators or copies behind it; of equals the first site.

    Raises
    ------
    InfeasibleError
        When the sites have no room, with what was asked and what is there.
    """
    allowed = [_allowed(work, places) for work in works]
    if all(len(sites) == 1 for sites in allowed):
        chosen = tuple(sites[0] for sites in allowed)
        if _has_room(works, places, chosen):
            return chosen
        raise _no_room(works, places, allowed)
    model = cp_model.CpModel()
    at = [
        {site: model.new_bool_var(f"w{w}s{site}") for site in allowed[w]} for w in range(len(works))
    ]
    _each_stands_somewhere(model, at)
    _sites_have_room(model, at, works, places)
    _leave_home_then_links(model, at, works, places)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = SEED
    solver.parameters.max_deterministic_time = DETERMINISTIC_LIMIT
    status = solver.solve(model)
    if status == cp_model.INFEASIBLE:
        raise _no_room(works, places, allowed)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        raise InternalError(f"placing side work ended with {solver.status_name(status)}")
    return tuple(
        next(site for site, literal in choice.items() if solver.value(literal)) for choice in at
    )


def _allowed(work: WorkSpec, places: Sequence[Place]) -> list[int]:
    """Sites a piece of work may stand at: its own, or those that its purpose leaves."""
    if work.at is not None:
        return [index for index, place in enumerate(places) if place.name == work.at]
    away = isinstance(work, CheckpointSpec) or (isinstance(work, StandbySpec) and work.elsewhere)
    return [index for index, place in enumerate(places) if place.distance > 0 or not away]


Choices = list[dict[int, cp_model.IntVar]]


def _each_stands_somewhere(model: cp_model.CpModel, at: Choices) -> None:
    """Exactly one site per piece of work."""
    for choice in at:
        model.add_exactly_one(choice.values())


def _sites_have_room(
    model: cp_model.CpModel, at: Choices, works: Sequence[WorkSpec], places: Sequence[Place]
) -> None:
    """Hosts of all work at a site, at most those it has."""
    for site, place in enumerate(places):
        taken = [
            place.hosts_for(gpus_of(work)) * choice[site]
            for work, choice in zip(works, at, strict=True)
            if site in choice
        ]
        model.add(sum(taken) <= place.hosts)


def _leave_home_then_links(
    model: cp_model.CpModel, at: Choices, works: Sequence[WorkSpec], places: Sequence[Place]
) -> None:
    """Accelerators taken from home first, then links crossed, then low sites for early work."""
    numbers = len(places) * len(works) ** 2 + 1
    links = (max(place.distance for place in places) + 1) * numbers * (len(works) + 1)
    cost = [
        (
            (gpus_of(work) * links if places[site].distance == 0 else 0)
            + places[site].distance * numbers
            + site * (len(works) - index)
        )
        * literal
        for index, (work, choice) in enumerate(zip(works, at, strict=True))
        for site, literal in choice.items()
    ]
    model.minimize(sum(cost))


def _has_room(works: Sequence[WorkSpec], places: Sequence[Place], chosen: Sequence[int]) -> bool:
    taken = [0] * len(places)
    for work, site in zip(works, chosen, strict=True):
        taken[site] += places[site].hosts_for(gpus_of(work))
    return all(used <= place.hosts for used, place in zip(taken, places, strict=True))


def _no_room(
    works: Sequence[WorkSpec], places: Sequence[Place], allowed: list[list[int]]
) -> InfeasibleError:
    binding = [
        f"{place.name} has {place.hosts * place.gpus_per_host:,} usable accelerators in whole hosts"
        for place in places
    ]
    for work, sites in zip(works, allowed, strict=True):
        where = " or ".join(places[site].name for site in sites) or "no site (there is only one)"
        wanted = f"{gpus_of(work):,} accelerators" if gpus_of(work) else "a place"
        binding.append(f"{work.name} wants {wanted} at {where}")
    return InfeasibleError(
        "the work beside the step does not fit the sites",
        binding=binding,
        relaxation="Ask for fewer accelerators, or leave out `at` where another site would do.",
    )
