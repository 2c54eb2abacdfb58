"""One layout of many, solved by itself: a task that travels, and what comes back."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from placer import __version__
from placer.api.found_answer import plan_of
from placer.api.question import Question, ask
from placer.compare.sweep.solved import SolvedLayout, solved_plan
from placer.errors import InfeasibleError, TimeLimitError
from placer.search.across.find import find_across
from placer.search.across.request import SiteRequest
from placer.search.find import find
from placer.search.options import SearchOptions
from placer.search.result import SearchStatus
from placer.topology.fingerprint import fingerprint
from placer.topology.sites import has_sites

if TYPE_CHECKING:
    from placer.search.result import SearchResult
    from placer.spec.cluster import ClusterSpec
    from placer.spec.model import ModelSpec
    from placer.spec.run import RunSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class LayoutTask:
    """One question of a sweep, whole, under its key."""

    key: str
    model: ModelSpec
    cluster: ClusterSpec
    run: RunSpec
    options: SearchOptions
    calibration: Path | None = None


def layout_task(
    model: ModelSpec,
    cluster: ClusterSpec,
    run: RunSpec,
    options: SearchOptions,
    calibration: Path | None = None,
) -> LayoutTask:
    """The task of one layout; raises as ``ask`` does."""
    question = ask(model, cluster, run, options.max_gpus, calibration)
    return LayoutTask(
        key=question_key(question, options),
        model=model,
        cluster=cluster,
        run=run,
        options=options,
        calibration=calibration,
    )


def question_key(question: Question, options: SearchOptions) -> str:
    """SHA-256 over all that the answer depends on: equal questions are asked once.

    Names of clusters and their parts are left out; placer's own code, its constants and the
    solver's version are in, so that a store never gives what another version found.
    """
    constants = [(constant.name, constant.value) for constant in question.constants.entries]
    parts = {
        "placer": [__version__, code_fingerprint(), version("ortools")],
        "model": question.model.model_dump(mode="json", exclude={"name", "source"}),
        "topology": fingerprint(question.topology),
        "run": question.run.model_dump(mode="json"),
        "options": asdict(options),
        "constants": constants,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


@cache
def code_fingerprint() -> str:
    """SHA-256 over placer's own modules and data files."""
    package = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256()
    for path in sorted([*package.rglob("*.py"), *package.glob("data/*.*")]):
        digest.update(str(path.relative_to(package)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def solve_layout(task: LayoutTask) -> SolvedLayout:
    """Find the best plan of one layout; one that cannot hold the model says why."""
    try:
        question = ask(task.model, task.cluster, task.run, task.options.max_gpus, task.calibration)
        result = searched(question, task.options)
    except InfeasibleError as error:
        return SolvedLayout(key=task.key, refusal=str(error))
    except TimeLimitError as error:
        return SolvedLayout(key=task.key, refusal=str(error), wall_clock_cut=True)
    answer = plan_of(question, task.options, result)
    return SolvedLayout(
        key=task.key, plan=solved_plan(answer), wall_clock_cut=result.wall_clock_cut
    )


def searched(question: Question, options: SearchOptions) -> SearchResult:
    """The search's answer, whole: an interrupt ends it without one.

    Raises
    ------
    KeyboardInterrupt
        When the user stopped the search.
    """
    if has_sites(question.topology):
        result = find_across(
            question.cost_model, rules=question.rules, options=options, request=SiteRequest()
        ).result
    else:
        result = find(question.cost_model, rules=question.rules, options=options)
    if result.status is SearchStatus.INTERRUPTED:
        raise KeyboardInterrupt
    return result
