"""Passes: what the stages of a pipeline do with micro-batches."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Pass(StrEnum):
    """What a stage does with a micro-batch: forward, the whole backward pass, or a half of it."""

    FORWARD = "F"
    BACKWARD = "B"
    INPUT_GRADIENT = "I"
    WEIGHT_GRADIENT = "W"


class Op(NamedTuple):
    """One pass of one micro-batch through one virtual stage."""

    kind: Pass
    microbatch: int
    virtual: int


Order = tuple[Op, ...]
