"""``crossover``: one cluster of several sites over a grid of links, each cell searched and proven."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

from placer.api.planning import plan
from placer.api.question import RunOptions, complete_run, read_cluster
from placer.compare.crossover import Crossover, CrossoverCell, Technique
from placer.errors import InfeasibleError, InputError, Problem, TimeLimitError
from placer.importers.model_source import load_model
from placer.plan.strategy import CrossSiteMode
from placer.search.across.request import SiteRequest
from placer.search.options import SearchOptions
from placer.spec.model import ModelSpec
from placer.spec.run import RunSpec
from placer.topology.build import build_topology
from placer.units import Dimension, QuantityError, parse_quantity

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from placer.plan.across import OptionPlan, SiteOption
    from placer.plan.plan import Plan
    from placer.spec.cluster import ClusterSpec

USUAL_BANDWIDTHS: Final = tuple(
    parse_quantity(text, Dimension.BANDWIDTH)
    for text in (
        "100 Gbit/s",
        "200 Gbit/s",
        "400 Gbit/s",
        "800 Gbit/s",
        "1.6 Tbit/s",
        "3.2 Tbit/s",
        "6.4 Tbit/s",
    )
)
USUAL_DISTANCES: Final = tuple(
    parse_quantity(text, Dimension.LENGTH) for text in ("10 km", "100 km", "1000 km", "3000 km")
)
USUAL_GAP: Final = 0.01
ASYNCHRONOUS: Final = (CrossSiteMode.DILOCO, CrossSiteMode.STREAMING_DILOCO)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkGrid:
    """Bandwidths (bytes/s, one direction) and lengths (metres) of links, ascending."""

    bandwidths: tuple[float, ...] = USUAL_BANDWIDTHS
    distances: tuple[float, ...] = USUAL_DISTANCES


def link_grid(bandwidths: Sequence[str] = (), distances: Sequence[str] = ()) -> LinkGrid:
    """A grid from texts with units; the usual one where nothing is given.

    Raises
    ------
    InputError
        When a text is no bandwidth or length above 0.
    """
    problems: list[Problem] = []
    rates = _read(bandwidths, Dimension.BANDWIDTH, "--bandwidth", problems)
    lengths = _read(distances, Dimension.LENGTH, "--distance", problems)
    if problems:
        raise InputError(problems)
    return LinkGrid(bandwidths=rates or USUAL_BANDWIDTHS, distances=lengths or USUAL_DISTANCES)


def _read(
    texts: Sequence[str], kind: Dimension, option: str, problems: list[Problem]
) -> tuple[float, ...]:
    found = set()
    for text in texts:
        try:
            value = parse_quantity(text, kind)
        except QuantityError as error:
            problem = Problem(
                source=option, expected=error.expected, found=error.found, remedy=error.remedy
            )
            problems.append(problem)
            continue
        if value <= 0:
            problems.append(Problem(source=option, expected=f"a {kind} > 0", found=repr(text)))
        found.add(value)
    return tuple(sorted(found))


class CellListener(Protocol):
    """What wants to hear how far a study is."""

    def __call__(self, num_done: int, num_cells: int, num_known: int, /) -> None:
        """So many cells are solved; none is known before."""


def crossover(
    model: str | Path | ModelSpec,
    cluster: str | Path | ClusterSpec,
    run: RunOptions | RunSpec | None = None,
    options: SearchOptions | None = None,
    sites: SiteRequest | None = None,
    *,
    grid: LinkGrid | None = None,
    listener: CellListener | None = None,
) -> Crossover:
    """Find what should cross the links between sites, for each bandwidth and length of them.

    Parameters
    ----------
    model, cluster
        A name of the catalogue, a file, or the object itself; the cluster has several sites, and
        all its links get the same bandwidth and distance.
    run
        Batch, sequence, precision, framework; placer's choice where None.
    options, sites
        Limits of each search, and what may cross.
    grid
        Bandwidths and lengths; 100 Gbit/s to 6.4 Tbit/s and 10 to 3,000 km where None.
    listener
        Hears of each cell.

    Raises
    ------
    InputError
        When an input is wrong, or the cluster has one site.
    """
    options = options or SearchOptions(gap=USUAL_GAP, top=1)
    sites = sites or SiteRequest()
    model_spec = model if isinstance(model, ModelSpec) else load_model(str(model))[0]
    spec, _ = read_cluster(cluster)
    if len(spec.sites) < 2:
        raise InputError((_one_site(spec),))
    topology = build_topology(spec)
    num_gpus = min(topology.num_usable, options.max_gpus or topology.num_usable)
    if not isinstance(run, RunSpec):
        run, _ = complete_run(run or RunOptions(), model_spec, num_gpus)
    grid = grid or LinkGrid()
    links = [(b, d) for b in grid.bandwidths for d in grid.distances]
    cells = []
    for number, (bandwidth, distance) in enumerate(links):
        linked = with_links(spec, bandwidth, distance)
        found = _solved(model_spec, linked, run, options, sites)
        cells.append(_cell(found, bandwidth, distance))
        if listener is not None:
            listener(number + 1, len(links), 0)
    return Crossover(
        model=model_spec.name,
        cluster=spec.name,
        num_gpus=num_gpus,
        run=run,
        inner_steps=sites.inner_steps,
        bandwidths=grid.bandwidths,
        distances=grid.distances,
        cells=tuple(cells),
    )


def with_links(cluster: ClusterSpec, bandwidth: float, distance: float) -> ClusterSpec:
    """The cluster with all links of this bandwidth and length, whatever optics that takes."""
    change = {"bandwidth": bandwidth, "distance": distance, "rtt": None, "optics": None}
    links = tuple(link.model_copy(update=change) for link in cluster.links)
    return cluster.model_copy(update={"links": links})


def _solved(
    model: ModelSpec,
    cluster: ClusterSpec,
    run: RunSpec,
    options: SearchOptions,
    sites: SiteRequest,
) -> Plan | str:
    """The plan of one cell, or why there is none."""
    # A search may note what it fixed: each gets its own restrictions.
    asked = replace(options, fix=dict(options.fix))
    try:
        return plan(model, cluster, run, asked, sites)
    except (InfeasibleError, TimeLimitError) as error:
        return str(error)


def _cell(found: Plan | str, bandwidth: float, distance: float) -> CrossoverCell:
    if isinstance(found, str):
        return CrossoverCell(
            bandwidth_bytes_per_s=bandwidth,
            distance_m=distance,
            techniques=(),
            gap=0.0,
            reason=found,
        )
    return CrossoverCell(
        bandwidth_bytes_per_s=bandwidth,
        distance_m=distance,
        techniques=tuple(
            _technique(option, option.plan)
            for option in found.cross_site_options
            if option.plan is not None
        ),
        gap=found.bound.gap if found.bound is not None else 0.0,
    )


def _technique(option: SiteOption, best: OptionPlan) -> Technique:
    return Technique(
        mode=option.mode,
        sites=option.sites,
        is_synchronous=option.mode not in ASYNCHRONOUS,
        step_time_s=best.step_time_s,
        tokens_per_s=best.tokens_per_s,
        exposed_s=best.exposed_s,
        loss_change=best.loss_change,
        equivalent_tokens_per_s=best.equivalent_tokens_per_s,
        notes=option.notes,
    )


def _one_site(cluster: ClusterSpec) -> Problem:
    return Problem(
        source="CLUSTER",
        field="sites",
        expected="several sites with links between them",
        found=f"{cluster.name}, which has one",
        remedy="List sites and links in the cluster file.",
    )
