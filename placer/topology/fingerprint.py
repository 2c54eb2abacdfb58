"""What two clusters must share to be one and the same to the search: everything but names."""

from __future__ import annotations

import hashlib
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from placer.topology.tree import Topology

_NAMED: Final = ("name", "names", "levels", "generation_levels", "sites", "unit_first_domain")


def fingerprint(topology: Topology) -> str:
    """SHA-256 over levels, accelerators, sites and arrays of a cluster, names left out.

    Clusters with the same fingerprint have the same plans up to the names of what they are on.
    """
    digest = hashlib.sha256()
    generations = [
        [replace(level, name="") for level in levels] for levels in topology.generation_levels
    ]
    digest.update(repr([replace(level, name="") for level in topology.levels]).encode())
    digest.update(repr(generations).encode())
    digest.update(repr([(site.power_w, site.pue) for site in topology.sites]).encode())
    for table in topology.unit_first_domain:
        digest.update(np.ascontiguousarray(table).tobytes())
    for field in fields(topology):
        value = getattr(topology, field.name)
        if isinstance(value, np.ndarray):
            digest.update(field.name.encode())
            digest.update(np.ascontiguousarray(value).tobytes())
        elif field.name not in _NAMED:
            digest.update(repr(value).encode())
    return digest.hexdigest()
