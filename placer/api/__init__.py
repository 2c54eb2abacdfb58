"""The Python API: every command of the command line is one call of a function here."""

from __future__ import annotations

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
