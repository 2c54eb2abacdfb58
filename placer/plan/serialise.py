"""Plan to JSON and back: same plan, same bytes.

Nothing here depends on the clock, the machine or the order of a set; floats are written with the
shortest digits that read back to the same number.
"""

from __future__ import annotations

import json
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from placer.errors import InputError, Problem
from placer.plan import side_work
from placer.plan.across import LinkUse, OptionPlan, SiteOption
from placer.plan.estimate import Breakdown, Estimate, StageMemory
from placer.plan.placement import AxisLevels, CellRun, ChunkLayout, PipelineLayout, Placement
from placer.plan.plan import (
    PLAN_SCHEMA,
    Alternative,
    Bound,
    Candidates,
    ConstantRecord,
    InputSources,
    Limits,
    Plan,
    Provenance,
    SimulatedStep,
    SourceInfo,
)
from placer.plan.side_work import PlacedWork, SideWork
from placer.plan.strategy import CrossSite, Recompute, SiteShare, Strategy
from placer.spec.cluster import ClusterSpec
from placer.spec.model import ModelSpec
from placer.spec.run import RunSpec
from placer.spec.source_text import read_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from placer.plan import document as doc

MAX_PLAN_BYTES: Final = 64 << 20
_MAX_PROBLEMS: Final = 20
_SOURCE_FIELDS: Final = ("source_name", "sha256")
SpecT = TypeVar("SpecT", bound=BaseModel)


def plan_to_json(plan: Plan) -> str:
    """The plan as one JSON document, ``placer.plan/v1``, ending in a newline."""
    return json.dumps(plan_to_data(plan), indent=1, ensure_ascii=True, allow_nan=False) + "\n"


def plan_to_data(plan: Plan) -> dict[str, Any]:
    """The plan as plain data in the contract's field order, ready for ``json.dumps``."""
    data: dict[str, Any] = {
        "schema": PLAN_SCHEMA,
        "status": plan.status.value,
        "model": _input_data(plan.model, plan.sources.model),
        "cluster": _input_data(plan.cluster, plan.sources.cluster),
        "run": _input_data(plan.run, plan.sources.run),
        "strategy": strategy_data(plan.strategy) | {"launchable_by": list(plan.launchable_by)},
        "placement": _placement_data(plan.placement),
        "estimate": _estimate_data(plan.estimate),
    }
    if plan.bound is not None:
        data["bound"] = asdict(plan.bound)
        data["bound"]["candidates"]["pruned"] = dict(sorted(plan.bound.candidates.pruned.items()))
        data["alternatives"] = [_alternative_data(a) for a in plan.alternatives]
    data["provenance"] = asdict(plan.provenance)
    if plan.simulated:
        data["simulated"] = [
            asdict(step) | {"strategy": strategy_data(step.strategy)} for step in plan.simulated
        ]
    if plan.cross_site_options:
        data["cross_site_options"] = [option_data(option) for option in plan.cross_site_options]
    if plan.side_work is not None:
        data["side_work"] = asdict(plan.side_work)
    return data


def _input_data(spec: BaseModel, source: SourceInfo) -> dict[str, Any]:
    data = spec.model_dump(mode="json")
    return data | {"source_name": source.name, "sha256": source.sha256}


def strategy_data(strategy: Strategy) -> dict[str, Any]:
    """A strategy as plain data, with ``edp`` spelled out."""
    data = asdict(strategy)
    head = ("tp", "cp", "ep", "etp", "pp", "vpp", "dp")
    ordered = {name: data.pop(name) for name in head} | {"edp": strategy.edp} | data
    return ordered | {
        "schedule": strategy.schedule.value,
        "recompute": data["recompute"] | {"granularity": strategy.recompute.granularity.value},
        "cross_site": data["cross_site"] | {"mode": strategy.cross_site.mode.value},
    }


def _placement_data(placement: Placement) -> dict[str, Any]:
    return {
        "axis_levels": [asdict(axis) for axis in placement.axis_levels],
        "cells": [_cells_data(run) for run in placement.cells],
        "pipeline_layout": [_chunk_data(chunk) for chunk in placement.pipeline_layout.chunks],
        "layers_per_stage": list(placement.pipeline_layout.layers_per_stage),
        "gpus_used": placement.gpus_used,
        "gpus_available": placement.gpus_available,
        "gpus_unusable": placement.gpus_unusable,
        "spares": placement.spares,
    }


def _cells_data(run: CellRun) -> dict[str, Any]:
    return {
        "stage": run.stage,
        "replicas": [run.first_replica, run.num_cells],
        "site": run.site,
        "pod": run.pod,
        "domain": run.domain,
        "hosts": list(run.hosts),
        "gpus": [list(pair) for pair in run.gpu_ids],
    }


def _chunk_data(chunk: ChunkLayout) -> dict[str, Any]:
    return {
        "stage": chunk.stage,
        "chunk": chunk.chunk,
        "first_layer": chunk.first_layer,
        "num_layers": chunk.num_layers,
        "embedding": chunk.embedding,
        "dense": chunk.num_dense,
        "moe": chunk.num_moe,
        "mtp": chunk.num_mtp,
        "loss": chunk.loss,
    }


def _estimate_data(estimate: Estimate) -> dict[str, Any]:
    return {
        "step_time_s": estimate.step_time_s,
        "tokens_per_s": estimate.tokens_per_s,
        "tflops_per_gpu": estimate.tflops_per_gpu,
        "mfu": estimate.mfu,
        "hfu": estimate.hfu,
        "stage_time_s": list(estimate.stage_time_s),
        "memory_bytes_per_stage": [memory.total_bytes for memory in estimate.memory],
        "memory_limit_bytes_per_stage": list(estimate.memory_limit_bytes),
        "memory_parts_per_stage": [asdict(memory) for memory in estimate.memory],
        "breakdown_s": asdict(estimate.breakdown),
    }


def _alternative_data(alternative: Alternative) -> dict[str, Any]:
    return {
        "strategy": strategy_data(alternative.strategy),
        "step_time_s": alternative.step_time_s,
        "why_not": alternative.why_not,
        "distinguishable": alternative.distinguishable,
        "chance_faster": alternative.chance_faster,
        "loss_s": asdict(alternative.loss),
    }


def option_data(option: SiteOption) -> dict[str, Any]:
    """One arrangement of the sites as plain data."""
    found = option.plan
    plan = None
    if found is not None:
        plan = asdict(found) | {"strategy": strategy_data(found.strategy)}
    data = {"mode": option.mode.value, "status": option.status.value, "plan": plan}
    return asdict(option) | data


def load_plan(path: Path) -> Plan:
    """Read a plan file.

    Raises
    ------
    InputError
        When the file cannot be read, is not JSON, or does not have the plan's shape.
    """
    return plan_from_json(_read(path), str(path))


def _read(path: Path) -> str:
    try:
        return read_text(path, max_bytes=MAX_PLAN_BYTES).text
    except InputError as error:
        remedy = "Write a plan with `placer plan MODEL CLUSTER -o plan.json`."
        raise InputError(
            replace(problem, expected=f"a plan file: {problem.expected}", remedy=remedy)
            for problem in error.problems
        ) from error


def plan_from_json(text: str, source: str) -> Plan:
    """Read a plan from its JSON text; ``source`` names it in messages.

    Raises
    ------
    InputError
        When the text is not JSON or does not have the plan's shape.
    """
    from placer.plan.document import PlanDocument  # only readers pay for its schema

    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        problem = Problem(
            source=source,
            line=error.lineno,
            column=error.colno,
            expected="JSON",
            found=error.msg,
            remedy="Write a plan with `placer plan MODEL CLUSTER -o plan.json`.",
        )
        raise InputError((problem,)) from error
    except (ValueError, RecursionError) as error:
        deep = isinstance(error, RecursionError)
        found = "JSON nested too deeply" if deep else "a number of thousands of digits"
        raise InputError((Problem(source=source, expected="a plan", found=found),)) from error
    try:
        document = PlanDocument.model_validate(data)
    except ValidationError as error:
        raise InputError(_problems(error, source)) from error
    return _plan(document)


def _problems(error: ValidationError, source: str) -> tuple[Problem, ...]:
    """The first problems of a document, with their JSON paths."""
    details = error.errors(include_url=False, include_input=False)
    return tuple(
        Problem(
            source=source,
            field=_json_path(detail["loc"]),
            expected="a plan of schema placer.plan/v1",
            found=detail["msg"],
        )
        for detail in details[:_MAX_PROBLEMS]
    )


def _json_path(location: tuple[int | str, ...]) -> str:
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in location]
    return "".join(parts).lstrip(".")


def _plan(document: doc.PlanDocument) -> Plan:
    bound, alternatives = document.bound, document.alternatives or ()
    return Plan(
        status=document.status,
        model=_spec(document.model, ModelSpec),
        cluster=_spec(document.cluster, ClusterSpec),
        run=_spec(document.run, RunSpec),
        sources=InputSources(
            model=_source(document.model),
            cluster=_source(document.cluster),
            run=_source(document.run),
        ),
        strategy=_strategy(document.strategy),
        launchable_by=document.strategy.launchable_by,
        placement=_placement(document.placement),
        estimate=_estimate(document.estimate),
        bound=None if bound is None else _bound(bound),
        alternatives=tuple(_alternative(a) for a in alternatives),
        provenance=_provenance(document.provenance),
        simulated=tuple(_simulated(step) for step in document.simulated),
        cross_site_options=tuple(_option(option) for option in document.cross_site_options),
        side_work=None if document.side_work is None else _side_work(document.side_work),
    )


def _values(part: BaseModel) -> Mapping[str, Any]:
    """The fields of a part, unconverted: keyword arguments of the dataclass it mirrors."""
    return {name: getattr(part, name) for name in type(part).model_fields}


def _spec(document: BaseModel, kind: type[SpecT]) -> SpecT:
    """The spec inside an input document; its fields are validated already."""
    given = {n: v for n, v in _values(document).items() if n not in _SOURCE_FIELDS}
    return kind.model_construct(_fields_set=document.model_fields_set & given.keys(), **given)


def _source(document: doc.ModelInput | doc.ClusterInput | doc.RunInput) -> SourceInfo:
    return SourceInfo(name=document.source_name, sha256=document.sha256)


def _strategy(document: doc.StrategyDocument) -> Strategy:
    names = {f.name for f in fields(Strategy)}
    values = {n: v for n, v in _values(document).items() if n in names}
    values["recompute"] = Recompute(**_values(document.recompute))
    values["cross_site"] = _cross_site(document.cross_site)
    return Strategy(**values)


def _cross_site(document: doc.CrossSiteDocument) -> CrossSite:
    shares = tuple(SiteShare(**_values(share)) for share in document.shares)
    return CrossSite(**{**_values(document), "shares": shares})


def _placement(document: doc.PlacementDocument) -> Placement:
    return Placement(
        axis_levels=tuple(AxisLevels(**_values(axis)) for axis in document.axis_levels),
        cells=tuple(_cell_run(cells) for cells in document.cells),
        pipeline_layout=PipelineLayout(
            chunks=tuple(_chunk(chunk) for chunk in document.pipeline_layout)
        ),
        gpus_used=document.gpus_used,
        gpus_available=document.gpus_available,
        gpus_unusable=document.gpus_unusable,
        spares=document.spares,
    )


def _cell_run(document: doc.CellsDocument) -> CellRun:
    first, count = document.replicas
    return CellRun(
        stage=document.stage,
        first_replica=first,
        num_cells=count,
        site=document.site,
        pod=document.pod,
        domain=document.domain,
        hosts=document.hosts,
        gpu_ids=document.gpus,
    )


def _chunk(document: doc.ChunkDocument) -> ChunkLayout:
    return ChunkLayout(
        stage=document.stage,
        chunk=document.chunk,
        first_layer=document.first_layer,
        num_layers=document.num_layers,
        num_dense=document.dense,
        num_moe=document.moe,
        num_mtp=document.mtp,
        embedding=document.embedding,
        loss=document.loss,
    )


def _estimate(document: doc.EstimateDocument) -> Estimate:
    return Estimate(
        step_time_s=document.step_time_s,
        tokens_per_s=document.tokens_per_s,
        tflops_per_gpu=document.tflops_per_gpu,
        mfu=document.mfu,
        hfu=document.hfu,
        breakdown=Breakdown(**_values(document.breakdown_s)),
        stage_time_s=document.stage_time_s,
        memory=tuple(StageMemory(**_values(part)) for part in document.memory_parts_per_stage),
        memory_limit_bytes=document.memory_limit_bytes_per_stage,
    )


def _bound(document: doc.BoundDocument) -> Bound:
    return Bound(
        lower_bound_s=document.lower_bound_s,
        gap=document.gap,
        candidates=Candidates(**_values(document.candidates)),
        deterministic_work=document.deterministic_work,
    )


def _alternative(document: doc.AlternativeDocument) -> Alternative:
    return Alternative(
        strategy=_strategy(document.strategy),
        step_time_s=document.step_time_s,
        why_not=document.why_not,
        distinguishable=document.distinguishable,
        chance_faster=document.chance_faster,
        loss=Breakdown(**_values(document.loss_s)),
    )


def _simulated(document: doc.SimulatedDocument) -> SimulatedStep:
    return SimulatedStep(
        strategy=_strategy(document.strategy),
        estimate_s=document.estimate_s,
        simulated_s=document.simulated_s,
    )


def _side_work(document: doc.SideWorkDocument) -> SideWork:
    return SideWork(
        job=document.job,
        home=document.home,
        works=tuple(PlacedWork(**_values(work)) for work in document.works),
        links=tuple(side_work.LinkUse(**_values(link)) for link in document.links),
    )


def _option(document: doc.SiteOptionDocument) -> SiteOption:
    found, plan = document.plan, None
    if found is not None:
        values = dict(_values(found))
        values["strategy"] = _strategy(found.strategy)
        values["links"] = tuple(LinkUse(**_values(link)) for link in found.links)
        plan = OptionPlan(**values)
    return SiteOption(**{**_values(document), "plan": plan})


def _provenance(document: doc.ProvenanceDocument) -> Provenance:
    return Provenance(
        placer_version=document.placer_version,
        solver=document.solver,
        solver_version=document.solver_version,
        seed=document.seed,
        limits=Limits(**_values(document.limits)),
        restrictions=document.restrictions,
        assumptions=document.assumptions,
        constants=tuple(ConstantRecord(**_values(constant)) for constant in document.constants),
    )
