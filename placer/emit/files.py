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
from placer.errors import InfeasibleError, InputError, Problem
from placer.plan.legality import violations
from placer.plan.ranks import RankTable, expand_ranks, reordered
from placer.plan.serialise import plan_to_json

if TYPE_CHECKING:
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
    planned = expand_ranks(plan)
    _check_hosts(planned)
    ranks = reordered(planned, target.order(plan, planned))
    configuration = target.files(plan, ranks, release)
    files = {**configuration.files, **starter.files(plan, ranks, configuration)}
    version = target.rules(release).release
    return files | {
        RANK_TABLE_FILE: rank_table_json(ranks),
        PLAN_FILE: plan_to_json(plan),
        MANIFEST_FILE: manifest_json(name, version, launcher, configuration.environment),
    }


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
            (Path(beside) / name).write_text(content, encoding="utf-8")
        for name in sorted(files):
            (Path(beside) / name).replace(directory / name)
    return tuple(directory / name for name in sorted(files))
