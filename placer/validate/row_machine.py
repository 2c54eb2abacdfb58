"""The regular cluster a row ran on: domains of one part on one flat network."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from pydantic import ValidationError

from placer.errors import shorten
from placer.plan.strategy import Strategy
from placer.spec.accelerator import accelerator_keys, load_accelerator
from placer.spec.cluster import ClusterSpec
from placer.topology.build import build_topology
from placer.topology.tree import Topology
from placer.validate.cells import Row, RowError

GBIT_PER_S: Final = 1e9 / 8.0
DEFAULT_NIC_BYTES_PER_S: Final = 50e9
"""400 Gbit/s, where neither row nor catalogue say."""

FABRIC_LATENCY: Final = "3 us"
"""One way through a leaf and spine network (NCCL tuning.cc takes 5 us with protocol)."""

MAX_DOMAINS: Final = 1 << 17


def topology_of(row: Row, strategy: Strategy) -> Topology:
    """Domains of the stated size, as many as the strategy's cells fill, on one network level.

    A row says nothing about the network's shape, so it is taken as non-blocking.

    Raises
    ------
    RowError
        For an accelerator the catalogue lacks, or a domain it cannot form.
    """
    key = row.text("accelerator")
    if key not in accelerator_keys():
        raise RowError(f"accelerator: expected a key of the catalogue, got {shorten(repr(key))}")
    part = load_accelerator(key)
    size = row.count("gpus_per_scale_up_domain", part.scale_up.size)
    stated = row.positive("nic_gbps_per_gpu")
    nic = part.nic_bytes_per_s or DEFAULT_NIC_BYTES_PER_S
    nic = nic if stated is None else stated * GBIT_PER_S
    return _regular(key, size, nic, _num_domains(strategy, size))


def _num_domains(strategy: Strategy, size: int) -> int:
    """Domains that hold the strategy when its cells fill them in order."""
    cell = strategy.cell_gpus
    num_cells = strategy.pp * strategy.cells_per_stage
    domains = -(-num_cells // (size // cell)) if cell <= size else num_cells * -(-cell // size)
    if domains > MAX_DOMAINS:
        raise RowError(f"gpus: expected at most {MAX_DOMAINS} scale-up domains, got {domains}")
    return domains


@lru_cache(maxsize=256)
def _regular(key: str, size: int, nic_bytes_per_s: float, num_domains: int) -> Topology:
    form = {
        "name": "measured",
        "accelerator": key,
        "gpus_per_host": _host_size(key, size),
        "scale_up": {"size": size},
        "scale_out": {
            "link": "infiniband",
            "nic": f"{nic_bytes_per_s:.15g} B/s",
            "levels": [{"name": "fabric", "size": num_domains, "latency": FABRIC_LATENCY}],
        },
    }
    try:
        return build_topology(ClusterSpec.model_validate(form))
    except ValidationError as error:
        first = error.errors()[0]
        raise RowError(f"gpus_per_scale_up_domain: {size}: {shorten(first['msg'])}") from error


def _host_size(key: str, size: int) -> int:
    """Accelerators of a host: the part's own, fewer where the domain is smaller or odd."""
    usual = load_accelerator(key).gpus_per_host
    return usual if size % usual == 0 else size
