"""The Python API: every command of the command line is one call of a function here.

A name is imported when it is first asked for, so that a command pays for what it uses.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from placer.api.comparing import compare
    from placer.api.configuration import Configuration
    from placer.api.crossing import LinkGrid, crossover, link_grid
    from placer.api.estimating import estimate
    from placer.api.executors import executor
    from placer.api.explaining import explain
    from placer.api.features import parse_features
    from placer.api.grading import Grade, grade
    from placer.api.jobs import JobFile, job_document, read_job
    from placer.api.options import read_configuration
    from placer.api.planning import plan
    from placer.api.question import RunOptions
    from placer.api.reporting import Picture, Report, report
    from placer.api.simulating import simulate
    from placer.api.sweeping import sweep
    from placer.compare.comparison import RankBy
    from placer.compare.sweep.axes import parse_axes
    from placer.compare.sweep.store import sweep_store
    from placer.cost.across.quality import load_quality
    from placer.importers.clusters import ClusterFormat, ClusterOptions, import_cluster
    from placer.plan.saving import save_plan
    from placer.plan.serialise import load_plan
    from placer.search.across.request import SiteRequest, site_modes
    from placer.search.options import SearchOptions, restrictions
    from placer.simulate.variation import Variation

__all__ = [
    "ClusterFormat",
    "ClusterOptions",
    "Configuration",
    "Grade",
    "JobFile",
    "LinkGrid",
    "Picture",
    "RankBy",
    "Report",
    "RunOptions",
    "SearchOptions",
    "SiteRequest",
    "Variation",
    "compare",
    "crossover",
    "estimate",
    "executor",
    "explain",
    "grade",
    "import_cluster",
    "job_document",
    "link_grid",
    "load_plan",
    "load_quality",
    "parse_axes",
    "parse_features",
    "plan",
    "read_configuration",
    "read_job",
    "report",
    "restrictions",
    "save_plan",
    "simulate",
    "site_modes",
    "sweep",
    "sweep_store",
]

_HOMES: Final = {
    "ClusterFormat": "placer.importers.clusters",
    "ClusterOptions": "placer.importers.clusters",
    "Configuration": "placer.api.configuration",
    "Grade": "placer.api.grading",
    "JobFile": "placer.api.jobs",
    "LinkGrid": "placer.api.crossing",
    "Picture": "placer.api.reporting",
    "RankBy": "placer.compare.comparison",
    "Report": "placer.api.reporting",
    "RunOptions": "placer.api.question",
    "SearchOptions": "placer.search.options",
    "SiteRequest": "placer.search.across.request",
    "Variation": "placer.simulate.variation",
    "compare": "placer.api.comparing",
    "crossover": "placer.api.crossing",
    "estimate": "placer.api.estimating",
    "executor": "placer.api.executors",
    "explain": "placer.api.explaining",
    "grade": "placer.api.grading",
    "import_cluster": "placer.importers.clusters",
    "job_document": "placer.api.jobs",
    "link_grid": "placer.api.crossing",
    "load_plan": "placer.plan.serialise",
    "load_quality": "placer.cost.across.quality",
    "parse_axes": "placer.compare.sweep.axes",
    "parse_features": "placer.api.features",
    "plan": "placer.api.planning",
    "read_configuration": "placer.api.options",
    "read_job": "placer.api.jobs",
    "report": "placer.api.reporting",
    "restrictions": "placer.search.options",
    "save_plan": "placer.plan.saving",
    "simulate": "placer.api.simulating",
    "site_modes": "placer.search.across.request",
    "sweep": "placer.api.sweeping",
    "sweep_store": "placer.compare.sweep.store",
}
"""Where each name is made."""


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
