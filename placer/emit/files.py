"""Write what a framework and a launcher need to run a plan."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from placer.check.validator import check_plan
from placer.emit.manifest import MANIFEST_FILE, PLAN_FILE, manifest_json
from placer.emit.rank_table import rank_table_json
from placer.emit.registry import launcher_named, split_release, target_named
from placer.emit.site_jobs import site_jobs
from placer.emit.sites_file import sites_file
from placer.emit.target import SiteTarget
from placer.errors import InfeasibleError, InputError, Problem
from placer.plan.legality import violations
from placer.plan.ranks import RankTable, expand_ranks, reordered
from placer.plan.serialise import plan_to_json

if TYPE_CHECKING:
    from placer.emit.target import FrameworkFiles, FrameworkTarget, Launcher
    from placer.plan.plan import Plan

RANK_TABLE_FILE: Final = "rank_table.json"
_HOST_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}")


def emit_plan(plan: Plan, framework: str, launcher: str, directory: Path) -> tuple[Path, ...]:
    """Write the files of a plan into a folder, all of them or none.

    Parameters
    ----------
    plan
        A plan that passes its checks.
    framework
        A target, with a release if it matters: ``megatron@0.17.1``.
    launcher
        A launcher's name.
    directory
        Made when it is not there; files of the same names are replaced.

    Returns
    -------
    tuple[Path, ...]
        The files written, sorted.

    Raises
    ------
    InputError
        For an unknown name, a plan that contradicts itself, a host name unfit for a shell file, or
        a folder that cannot be written.
    InfeasibleError
        When the framework cannot run the plan; says which rules stand against it.
    """
    files = emitted_files(plan, framework, launcher)
    try:
        return _write_all(files, directory)
    except OSError as error:
        problem = Problem(
            source=str(directory),
            expected="a folder to write to",
            found=str(error),
            remedy="Choose another folder with -o.",
        )
        raise InputError((problem,)) from error


def emitted_files(plan: Plan, framework: str, launcher: str) -> dict[str, str]:
    """Names and contents of everything ``emit_plan`` writes: the plan itself too, to verify by."""
    name, release = split_release(framework)
    target, starter = target_named(name), launcher_named(launcher)
    _check(plan)
    _check_expressible(plan, name, release)
    if plan.strategy.cross_site.is_asynchronous and isinstance(target, SiteTarget):
        return _files_of_sites(plan, target, starter, release)
    ranks = _ranks_of(plan, target)
    configuration = target.files(plan, ranks, release)
    launched = starter.files(plan, ranks, configuration)
    manifest = _manifest(target, starter, release, configuration)
    return configuration.files | launched | _record(plan, ranks) | manifest | sites_file(ranks)


def _files_of_sites(
    plan: Plan, target: SiteTarget, starter: Launcher, release: str
) -> dict[str, str]:
    """A folder per site, each a job of its own; the whole plan and its ranks beside them."""
    files: dict[str, str] = {}
    for job in site_jobs(plan):
        ranks = _ranks_of(job.plan, target)
        configuration = target.site_files(job, ranks, release)
        launched = starter.files(job.plan, ranks, configuration)
        manifest = _manifest(target, starter, release, configuration)
        own = configuration.files | launched | _record(job.plan, ranks) | manifest
        files |= {f"{job.site}/{name}": content for name, content in own.items()}
    ranks = expand_ranks(plan)
    return files | _record(plan, ranks) | sites_file(ranks, apart=True)


def _ranks_of(plan: Plan, target: FrameworkTarget) -> RankTable:
    """The ranks in the framework's order, on hosts whose names a shell file can hold."""
    planned = expand_ranks(plan)
    _check_hosts(planned)
    return reordered(planned, target.order(plan, planned))


def _record(plan: Plan, ranks: RankTable) -> dict[str, str]:
    """What the files are verified by."""
    return {RANK_TABLE_FILE: rank_table_json(ranks), PLAN_FILE: plan_to_json(plan)}


def _manifest(
    target: FrameworkTarget, starter: Launcher, release: str, configuration: FrameworkFiles
) -> dict[str, str]:
    """For which framework and launcher the files are."""
    version = target.rules(release).release
    text = manifest_json(target.name, version, starter.name, configuration.environment)
    return {MANIFEST_FILE: text}


def _check(plan: Plan) -> None:
    """Refuse a plan that contradicts itself: it was edited, or made by another version."""
    found = check_plan(plan)
    if found:
        raise InputError(
            Problem(
                source="plan",
                expected="a plan that agrees with itself",
                found=text,
                remedy="Plan again, and do not edit the file by hand.",
            )
            for text in found
        )


def _check_expressible(plan: Plan, name: str, release: str) -> None:
    rules = target_named(name).rules(release)
    broken = violations(rules, plan.model, plan.run, plan.strategy)
    if broken:
        others = [other for other in plan.launchable_by if other != name]
        can = f"Emit for {', '.join(others)}, or plan" if others else "Plan"
        raise InfeasibleError(
            f"{name} cannot run this plan",
            binding=[str(violation) for violation in broken],
            relaxation=f"{can} again with --framework {name}.",
        )


def _check_hosts(ranks: RankTable) -> None:
    """Host names end up in shell files: only what a host can be called is let through."""
    for host in ranks.node_names:
        if not _HOST_NAME.fullmatch(host):
            problem = Problem(
                source="plan",
                field="cluster",
                expected="host names of letters, digits, dots, dashes and underscores",
                found=repr(host),
                remedy="Rename the host in the cluster file.",
            )
            raise InputError((problem,))


def _write_all(files: dict[str, str], directory: Path) -> tuple[Path, ...]:
    """Write every file beside its place, then move all of them there."""
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".placer-", dir=directory) as beside:
        for name, content in sorted(files.items()):
            (Path(beside) / name).parent.mkdir(exist_ok=True)
            (Path(beside) / name).write_text(content, encoding="utf-8")
        for name in sorted(files):
            (directory / name).parent.mkdir(exist_ok=True)
            (Path(beside) / name).replace(directory / name)
    return tuple(directory / name for name in sorted(files))
