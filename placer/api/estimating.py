"""``estimate``: what a configuration costs, without any search."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from placer.api.answer import assembled
from placer.api.configuration import Configuration, layout_for, strategy_of
from placer.api.provenance import estimate_provenance
from placer.api.question import RunOptions, ask
from placer.api.sites import estimated_option
from placer.plan.contiguous import contiguous_placement
from placer.plan.plan import PlanStatus

if TYPE_CHECKING:
    from pathlib import Path

    from placer.plan.plan import Plan
    from placer.spec.cluster import ClusterSpec
    from placer.spec.model import ModelSpec
    from placer.spec.run import RunSpec


def estimate(
    model: str | Path | ModelSpec,
    cluster: str | Path | ClusterSpec,
    configuration: Configuration,
    run: RunOptions | RunSpec | None = None,
    *,
    max_gpus: int | None = None,
    calibration: str | Path | None = None,
    notes: tuple[str, ...] = (),
) -> Plan:
    """Cost a configuration, its ranks in order on the cluster's accelerators in order.

    Parameters
    ----------
    model, cluster
        A name of the catalogue, a file, or the object itself.
    configuration
        The degrees; what it leaves open is filled in, and said in the plan.
    run
        Batch, sequence, precision, framework; placer's choice where None.
    max_gpus
        Use at most so many GPUs where the configuration does not say how many replicas.
    calibration
        A file of `placer calibrate`, whose constants replace those that travel with placer.
    notes
        Sentences the plan is to keep among its assumptions, such as those of ``read_job``.

    Returns
    -------
    Plan
        Of status ``estimated``. It may not fit the memory: see ``estimate.fits``.

    Raises
    ------
    InputError
        When an input is wrong, or the framework cannot run the configuration.
    InfeasibleError
        When the cluster is too small for it.
    """
    question = ask(model, cluster, run or RunOptions(), max_gpus, calibration)
    usable = question.topology.num_usable
    strategy, assumptions = strategy_of(configuration, question, min(usable, max_gpus or usable))
    placement = contiguous_placement(
        strategy, layout_for(configuration, question), question.topology
    )
    answer = assembled(
        question,
        status=PlanStatus.ESTIMATED,
        strategy=strategy,
        placement=placement,
        provenance=estimate_provenance(question, (*notes, *assumptions)),
    )
    if not strategy.cross_site.shares:
        return answer
    option = estimated_option(question, strategy, answer.estimate)
    return replace(answer, cross_site_options=(option,))
