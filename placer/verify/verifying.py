"""Prove an emitted folder: the framework's parser, its groups, the levels they cross, the files.

Frameworks leave much unchecked (torchtitan 0.2 takes any word for a choice, DeepSpeed any key), so
the files are compared with those the plan stands for too.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from placer.emit.files import RANK_TABLE_FILE, emitted_files
from placer.emit.manifest import MANIFEST_FILE, PLAN_FILE
from placer.emit.registry import target_named
from placer.errors import PlacerError
from placer.plan.legality import violations
from placer.verify.crossings import crossing_problems
from placer.verify.folder import EmittedFolder, read_folder
from placer.verify.groups import (
    axes_needed,
    built_groups,
    group_problems,
    planned_groups,
    unanswered,
)
from placer.verify.request import DISTRIBUTIONS, Answer, ask, default_python, installed_release
from placer.verify.verdict import Check, Finding, Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_MOST_SHOWN: Final = 5
_NOT_ASKED: Final = {
    "megatron-bridge": "its configuration, with Megatron-LM's and NeMo-Run's, accepts the files;"
    " not checked: your recipe, and its models on a GPU",
    "primus": "Megatron-LM accepts the overrides; not checked: Primus' own loader, which is no"
    " package",
}
"""Where the framework can be asked in part only: which part, and what is left open."""


def verify_folder(path: Path, pythons: Mapping[str, str]) -> Verdict:
    """Check one folder with the framework it was written for.

    Parameters
    ----------
    path
        What ``placer emit`` wrote.
    pythons
        Interpreter by framework name; our own where none is given.
    """
    folder = read_folder(path)
    framework = folder.manifest.framework
    python = pythons.get(framework, default_python())
    found, wanted = installed_release(framework, python), folder.manifest.release
    if found != wanted:
        first, *others = DISTRIBUTIONS[framework]
        needed = ", ".join([f"{first} {wanted}", *others])
        what = f"{first} {found}" if found else "not all of it"
        return verdict_of(folder, None, f"{needed} needed, {what} installed in {python}")
    return verdict_of(folder, ask(framework, python, [folder])[0])


def verdict_of(folder: EmittedFolder, answer: Answer | None, absent: str = "") -> Verdict:
    """Our findings about a folder and a framework's answer, None when it could not be asked."""
    manifest = folder.manifest
    findings = [_parser(folder, answer, absent), _groups(folder, answer, absent)]
    findings += [_crossings(folder, answer), _files(folder)]
    return Verdict(
        framework=manifest.framework,
        release=manifest.release,
        launcher=manifest.launcher,
        findings=tuple(findings),
    )


def _finding(check: Check, problems: list[str], good: str) -> Finding:
    if problems:
        more = f" and {len(problems) - _MOST_SHOWN} more" if len(problems) > _MOST_SHOWN else ""
        detail = "; ".join(problems[:_MOST_SHOWN]) + more
        return Finding(check=check, outcome=Outcome.FAILED, detail=detail)
    return Finding(check=check, outcome=Outcome.PASSED, detail=good)


def _not_checked(check: Check, why: str) -> Finding:
    return Finding(check=check, outcome=Outcome.NOT_CHECKED, detail=why)


def _parser(folder: EmittedFolder, answer: Answer | None, absent: str) -> Finding:
    """Our own rules first: frameworks accept much that fails later."""
    plan, manifest = folder.plan, folder.manifest
    rules = target_named(manifest.framework).rules(manifest.release)
    broken = [str(v) for v in violations(rules, plan.model, plan.run, plan.strategy)]
    if broken:
        return _finding(Check.PARSER, broken, "")
    if answer is None:
        return _not_checked(Check.PARSER, absent)
    problems = [text for text in (answer.refused, answer.broken) if text]
    good = _NOT_ASKED.get(manifest.framework, f"{manifest.framework} accepts the files")
    return _finding(Check.PARSER, problems, good)


def _groups(folder: EmittedFolder, answer: Answer | None, absent: str) -> Finding:
    if answer is None:
        return _not_checked(Check.GROUPS, absent)
    if answer.refused or answer.broken:
        return _not_checked(Check.GROUPS, "the files were not accepted")
    problems = list(group_problems(folder, answer))
    problems += [f"{axis}: the framework showed no groups" for axis in unanswered(folder, answer)]
    num_ranks = folder.plan.strategy.num_gpus
    axes = ", ".join(axes_needed(folder)) or "none"
    whole = "all" if answer.groups else "sampled"
    started = f", {len(answer.sampled)} of them started for real" if answer.sampled else ""
    none = f"; no group of its own for {', '.join(answer.absent)}" if answer.absent else ""
    good = f"{whole} {num_ranks} ranks{started}; axes above 1: {axes}{none}"
    return _finding(Check.GROUPS, problems, good)


def _crossings(folder: EmittedFolder, answer: Answer | None) -> Finding:
    """By the framework's groups where it showed them, else by the planned ones."""
    groups = planned_groups(folder)
    source = "planned groups"
    if answer is not None and not answer.refused and not answer.broken:
        groups |= built_groups(answer)
        source = f"{folder.manifest.framework}'s groups"
    problems = list(crossing_problems(folder, groups))
    good = f"{source} on the hosts of the {folder.manifest.launcher} files cross what the plan says"
    return _finding(Check.CROSSINGS, problems, good)


def _files(folder: EmittedFolder) -> Finding:
    """Whether the files still say what the plan does."""
    manifest = folder.manifest
    framework = f"{manifest.framework}@{manifest.release}"
    try:
        planned = emitted_files(folder.plan, framework, manifest.launcher)
    except PlacerError:
        return _not_checked(Check.FILES, "the plan is none this framework can run")
    problems = [
        _first_difference(name, text, folder.texts.get(name, ""))
        for name, text in sorted(planned.items())
        if name not in (RANK_TABLE_FILE, PLAN_FILE, MANIFEST_FILE)
        and text != folder.texts.get(name, "")
    ]
    return _finding(Check.FILES, problems, "every file is as emitted")


def _first_difference(name: str, planned: str, found: str) -> str:
    pairs = zip_longest(planned.splitlines(), found.splitlines(), fillvalue="")
    for number, (wanted, line) in enumerate(pairs, start=1):
        if wanted != line:
            return f"{name}:{number}: emitted {wanted.strip()!r}, found {line.strip()!r}"
    return f"{name}: line ends differ"
