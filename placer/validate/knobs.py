"""Groups of constants that a calibration turns together, and the fit that turns them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from placer.cost.constants import Constants
from placer.validate.calibration import is_rate
from placer.validate.least_squares import minimise

FloatArray = NDArray[np.float64]
LogRatios = Callable[[Constants], FloatArray]
"""Constants to logarithms of predicted over measured, one per measurement."""

NOISE: Final = 0.03
"""Relative scatter of a measurement people calibrate with."""

STEP: Final = 1e-3
MOST_SHARE: Final = 0.98
MOST_STEPS: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Knob:
    """Constants that one factor multiplies; ``sigma`` is how far its logarithm may sensibly go."""

    name: str
    members: tuple[str, ...]
    sigma: float
    share: bool = False

    def turn(self, constants: Constants, factor: float) -> Constants:
        """The table with the members multiplied; shares stay below one."""
        values = {name: constants.value(name) * factor for name in self.members}
        if self.share:
            values = {
                name: min(value, max(MOST_SHARE, constants.value(name)))
                for name, value in values.items()
            }
        return constants.replace(values, source=f"calibrated: {self.name}")


def turn_all(knobs: Sequence[Knob], constants: Constants, parameters: FloatArray) -> Constants:
    """Turn each knob by the exponential of its parameter."""
    for knob, parameter in zip(knobs, parameters.tolist(), strict=True):
        constants = knob.turn(constants, float(np.exp(parameter)))
    return constants


def fit_knobs(knobs: Sequence[Knob], constants: Constants, log_ratios: LogRatios) -> Constants:
    """Turn the knobs so that predictions meet measurements; a knob nothing depends on stays.

    Robust least squares over ``log_ratios / NOISE``, each knob held by ``parameter / sigma``.
    """
    sigma = np.array([knob.sigma for knob in knobs])

    def residuals(parameters: FloatArray) -> FloatArray:
        ratios = log_ratios(turn_all(knobs, constants, parameters))
        return np.concatenate([ratios / NOISE, parameters / sigma])

    def jacobian(parameters: FloatArray) -> FloatArray:
        base = residuals(parameters)
        shifts = np.eye(len(parameters)) * STEP
        return np.stack([(residuals(parameters + s) - base) / STEP for s in shifts], axis=1)

    start = np.zeros(len(knobs))
    fitted = minimise(residuals, jacobian, start, plain=len(knobs), max_steps=MOST_STEPS)
    moved = np.where(np.abs(fitted.parameters) < STEP / 10.0, 0.0, fitted.parameters)
    used = [(k, p) for k, p in zip(knobs, moved, strict=True) if p != 0.0]
    return turn_all([k for k, _ in used], constants, np.array([p for _, p in used]))


def step_knobs(constants: Constants, *, many: bool) -> tuple[Knob, ...]:
    """What measured steps may turn: one factor on computation, with many rows the rest too."""
    names = [constant.name for constant in constants.entries]
    rates = tuple(name for name in names if is_rate(name))
    computation = Knob(name="computation", members=rates, sigma=0.15)
    if not many:
        return (computation,)
    hidden = tuple(n for n in names if n.startswith("features.") and n.endswith("_hidden"))
    host = tuple(n for n in names if n.startswith("compute.host_") and n.endswith("_s"))
    return (
        computation,
        Knob(name="memory bandwidth", members=("compute.hbm_efficiency",), sigma=0.1, share=True),
        Knob(name="host", members=host, sigma=0.3),
        Knob(name="overlap", members=hidden, sigma=0.15, share=True),
    )


def gemm_knobs(constants: Constants) -> tuple[Knob, ...]:
    """What measured products may turn: each generation's sustained rate in each format."""
    prefix = "compute.sustained_"
    names = [c.name for c in constants.entries if c.name.startswith(prefix)]
    return tuple(Knob(name=name.split(".")[1], members=(name,), sigma=0.3) for name in names)


def link_knobs(constants: Constants, links: Sequence[str]) -> tuple[Knob, ...]:
    """What measured collectives may turn: efficiencies of the links in use, and latencies."""
    owners = dict.fromkeys(
        stated_at(constants, link, field)
        for link in links
        for field in ("ring", "all_to_all", "in_switch")
    )
    rates = [Knob(name=name, members=(name,), sigma=0.3) for name in owners]
    latencies = ("base_latency_s", "hop_overhead_s", "ramp_s")
    steps = [
        Knob(name=name, members=(f"collectives.{name}",), sigma=0.5)
        for name in latencies
        if name in constants.names_in("collectives")
    ]
    return (*rates, *steps)


def stated_at(constants: Constants, link: str, field: str) -> str:
    """Dotted name of the entry a link takes a figure from: its own, or that of what it is like."""
    names = {constant.name for constant in constants.entries}
    parents = dict(constants.likeness)
    while f"links.{link}.{field}" not in names and parents.get(link):
        link = parents[link]
    return f"links.{link}.{field}"
