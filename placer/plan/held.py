"""Micro-batches that pipeline stages hold beyond their schedule's, to cover the way between sites."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from placer.plan.strategy import CrossSiteMode

if TYPE_CHECKING:
    from placer.plan.strategy import IntArray, Strategy


def held_beyond_schedule(strategy: Strategy) -> IntArray:
    """(pp,) micro-batches of each stage: ``extra_in_flight`` for every crossing behind it.

    1F1B holds ``min(M, pp - stage)``; no stage holds more than all.
    """
    stages = np.arange(strategy.pp)
    held = np.zeros(strategy.pp, dtype=np.int64)
    if strategy.cross_site.mode is CrossSiteMode.PIPELINE:
        cuts = np.cumsum([share.pp for share in strategy.cross_site.shares])[:-1]
        for cut in cuts.tolist():
            held += np.where(stages < cut, strategy.cross_site.extra_in_flight, 0)
    room = np.maximum(strategy.num_microbatches - (strategy.pp - stages), 0)
    beyond: IntArray = np.minimum(held, room)
    return beyond
