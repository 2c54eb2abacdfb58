"""The frameworks and launchers placer can write for, by the names users type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from placer.emit.accelerate.target import Accelerate
from placer.emit.bridge.target import MegatronBridge
from placer.emit.deepspeed.target import DeepSpeed
from placer.emit.launchers.jobset import JobSet
from placer.emit.launchers.openmpi import OpenMpi
from placer.emit.launchers.ray import Ray
from placer.emit.launchers.slurm import Slurm
from placer.emit.launchers.torchrun import Torchrun
from placer.emit.maxtext.target import MaxText
from placer.emit.megatron.target import Megatron
from placer.emit.primus.target import Primus
from placer.emit.torchtitan.target import Torchtitan
from placer.errors import InputError, Problem
from placer.plan.legality import violations
from placer.plan.mathematics import ANY_FRAMEWORK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from placer.emit.target import FrameworkTarget, Launcher
    from placer.plan.legality import FrameworkRules
    from placer.plan.strategy import Strategy
    from placer.spec.model import ModelSpec
    from placer.spec.run import RunSpec

EntryT = TypeVar("EntryT")

TARGETS: Final[Mapping[str, FrameworkTarget]] = {
    target.name: target
    for target in (
        Accelerate(),
        DeepSpeed(),
        MaxText(),
        Megatron(),
        MegatronBridge(),
        Primus(),
        Torchtitan(),
    )
}
LAUNCHERS: Final[Mapping[str, Launcher]] = {
    launcher.name: launcher for launcher in (JobSet(), OpenMpi(), Ray(), Slurm(), Torchrun())
}


def split_release(framework: str) -> tuple[str, str]:
    """Name and release of ``megatron@0.17.1``; the release is empty when not given."""
    name, _, release = framework.partition("@")
    return name, release


def target_named(name: str) -> FrameworkTarget:
    """The framework target of that name.

    Raises
    ------
    InputError
        For a name that is no target.
    """
    return _entry(TARGETS, name, "--framework")


def launcher_named(name: str) -> Launcher:
    """The launcher of that name.

    Raises
    ------
    InputError
        For a name that is no launcher.
    """
    return _entry(LAUNCHERS, name, "--launcher")


def _entry(entries: Mapping[str, EntryT], name: str, option: str) -> EntryT:
    if name not in entries:
        known = ", ".join(sorted(entries))
        problem = Problem(
            source=option,
            expected=f"one of {known}",
            found=repr(name),
            remedy="Choose a known name.",
        )
        raise InputError((problem,))
    return entries[name]


def rules_of(framework: str) -> FrameworkRules:
    """The legality rules of ``NAME`` or ``NAME@RELEASE``; ``any`` is bound by arithmetic only.

    Raises
    ------
    InputError
        For a framework or a release nobody knows.
    """
    name, release = split_release(framework)
    if name == ANY_FRAMEWORK.name and not release:
        return ANY_FRAMEWORK
    if name not in TARGETS:
        known = ", ".join([*sorted(TARGETS), ANY_FRAMEWORK.name])
        problem = Problem(
            source="--framework",
            expected=f"one of {known}, with a release as in megatron@0.17.1",
            found=repr(framework),
            remedy="Choose a known framework.",
        )
        raise InputError((problem,))
    return TARGETS[name].rules(release)


def launchable_by(model: ModelSpec, run: RunSpec, strategy: Strategy) -> tuple[str, ...]:
    """The targets that can express a strategy, by name.

    A release the run asks for counts for its own framework; the others are asked in their newest.
    """
    wanted, release = split_release(run.framework)
    return tuple(
        name
        for name, target in sorted(TARGETS.items())
        if not violations(target.rules(release if name == wanted else ""), model, run, strategy)
    )
