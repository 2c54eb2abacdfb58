"""What the figures of a page rest on, and how each is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from placer.report.html.page import Section
from placer.report.html.parts import bullets, definitions, folded, paragraphs, table
from placer.report.tabular import Table, columns
from placer.report.text.assumptions import assumption_lines
from placer.report.text.effort import effort_lines
from placer.topology.build import build_topology

if TYPE_CHECKING:
    from markupsafe import Markup

    from placer.plan.plan import Plan


def assumptions_section(plan: Plan) -> Section:
    """The short list in sight, the long ones folded away."""
    parts = [bullets(assumption_lines(plan)), _cluster(plan), _accelerators(plan), _run(plan)]
    parts.append(folded("Constants of the cost model, with their sources", table(_constants(plan))))
    if plan.bound is not None:
        effort = effort_lines(plan, plan.bound, None)
        parts.append(folded("What the search did", paragraphs(effort), _limits(plan)))
    parts.append(folded("Inputs", table(_sources(plan))))
    return Section(title="What was assumed", body=tuple(parts))


def _cluster(plan: Plan) -> Markup:
    cluster = plan.cluster
    told = [paragraphs((cluster.description,))] if cluster.description else []
    if cluster.assumed:
        told += [paragraphs(("Assumed, for want of a source:",)), bullets(cluster.assumed)]
    if cluster.sources:
        told += [paragraphs(("Sources:",)), bullets(cluster.sources)]
    return folded(f"The cluster, {cluster.name}", *told)


def _accelerators(plan: Plan) -> Markup:
    """Where the figures of each part come from."""
    told: list[Markup] = []
    for part in build_topology(plan.cluster).accelerators:
        told.append(paragraphs((f"{part.name}:",)))
        assumed = [f"assumed: {name}" for name in part.assumed]
        told.append(bullets((*part.sources, *assumed)))
    return folded("The accelerators", *told)


def _run(plan: Plan) -> Markup:
    """Everything the run states; what a framework does is off unless said."""
    run = plan.run
    values = run.model_dump(mode="json")
    features = values.pop("features")
    pairs = [*values.items(), *features.items()]
    return folded("The run", definitions([(name, _plain(value)) for name, value in pairs]))


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "not given" if value is None else str(value)


def _constants(plan: Plan) -> Table:
    return Table(
        caption="Constants in name order",
        columns=columns("name", "value>", "unit", "kind", "source"),
        rows=tuple(
            (one.name, f"{one.value:.6g}", one.unit, one.kind, one.source)
            for one in plan.provenance.constants
        ),
    )


def _limits(plan: Plan) -> Markup:
    origin, limits = plan.provenance, plan.provenance.limits
    time_limit = "none" if limits.time_limit_s is None else f"{limits.time_limit_s:g} s"
    return definitions(
        (
            ("solver", f"{origin.solver} {origin.solver_version}"),
            ("seed", str(origin.seed)),
            ("gap asked for", f"{100 * limits.gap:g} %"),
            ("time limit", time_limit),
            ("ended by the time limit", "yes" if limits.wall_clock_cut else "no"),
            ("deterministic limit", f"{limits.deterministic_limit:g}"),
            ("solver workers", str(limits.workers)),
        )
    )


def _sources(plan: Plan) -> Table:
    sources = plan.sources
    rows = (
        ("model", sources.model.name, sources.model.sha256),
        ("cluster", sources.cluster.name, sources.cluster.sha256),
        ("run", sources.run.name, sources.run.sha256),
    )
    return Table(
        caption="Files the plan was made from",
        columns=columns("input", "from", "SHA-256"),
        rows=rows,
    )
