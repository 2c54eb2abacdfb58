"""The planned groups by the framework's rank numbers, compared with those it built."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from placer.plan.coordinates import Axis, axis_strides, first_members

if TYPE_CHECKING:
    from collections.abc import Iterator

    from placer.plan.strategy import IntArray
    from placer.verify.folder import EmittedFolder
    from placer.verify.request import Answer


def planned_groups(folder: EmittedFolder) -> dict[str, IntArray]:
    """(groups, members) of every axis: members ascending, groups by their first member."""
    strategy = folder.plan.strategy
    place = np.empty_like(folder.order)
    place[folder.order] = np.arange(len(folder.order))
    return {
        axis.value: _canonical(
            place[np.argsort(first_members(strategy, axis), kind="stable")].reshape(-1, degree)
        )
        for axis, (degree, _) in axis_strides(strategy).items()
    }


def built_groups(answer: Answer) -> dict[str, IntArray]:
    """The same of what the framework built; axes it has no groups for are missing."""
    return {
        axis: _canonical(np.array(groups, dtype=np.int64))
        for axis, groups in answer.groups.items()
        if groups and len({len(group) for group in groups}) == 1
    }


def group_problems(folder: EmittedFolder, answer: Answer) -> Iterator[str]:
    """Every difference between plan and framework, one sentence each."""
    planned, built = planned_groups(folder), built_groups(answer)
    for axis in sorted(answer.groups.keys() - built.keys()):
        yield f"{axis}: the framework builds groups of different sizes"
    for axis, groups in sorted(built.items()):
        if not np.array_equal(groups, planned[axis]):
            yield f"{axis}: {_difference(planned[axis], groups)}"
    for rank, axes in sorted(answer.sampled.items(), key=lambda item: int(item[0])):
        for axis, members in sorted(axes.items()):
            group = planned[axis][np.any(planned[axis] == int(rank), axis=1)][0].tolist()
            if group != sorted(members):
                yield f"{axis} of rank {rank}: planned {group}, started as {sorted(members)}"


def axes_needed(folder: EmittedFolder) -> tuple[str, ...]:
    """Axes of more than one member, which the framework has to answer for."""
    strategy = folder.plan.strategy
    expert = {Axis.EP, Axis.ETP, Axis.EDP}
    skipped = expert if folder.plan.model.moe is None or strategy.ep == 1 else set()
    degrees = axis_strides(strategy)
    return tuple(a.value for a in Axis if a not in skipped and degrees[a][0] > 1)


def unanswered(folder: EmittedFolder, answer: Answer) -> tuple[str, ...]:
    """Axes the framework showed no groups of, neither all at once nor for a rank."""
    shown = set(answer.groups) | set(answer.absent)
    for axes in answer.sampled.values():
        shown |= set(axes)
    return tuple(axis for axis in axes_needed(folder) if axis not in shown)


def _canonical(groups: IntArray) -> IntArray:
    ordered = np.sort(groups, axis=1)
    canonical: IntArray = ordered[np.argsort(ordered[:, 0], kind="stable")]
    return canonical


def _difference(planned: IntArray, built: IntArray) -> str:
    if planned.shape != built.shape:
        return (
            f"planned {len(planned)} groups of {planned.shape[1]},"
            f" built {len(built)} of {built.shape[1]}"
        )
    row = int(np.flatnonzero((planned != built).any(axis=1))[0])
    return f"planned {planned[row].tolist()}, built {built[row].tolist()}"
