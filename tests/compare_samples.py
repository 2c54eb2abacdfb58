"""Small layouts that tests of comparisons vary."""

from __future__ import annotations

from typing import Any

from placer.search.options import SearchOptions
from placer.spec.cluster import ClusterSpec
from placer.spec.run import RunSpec

RUN = RunSpec(global_batch_size=64, seq_len=4096)
OPTIONS = SearchOptions(top=1, gap=0.02, fix={"pp": 2, "vpp": 1, "micro_batch_size": 1})


def layout(
    name: str = "base",
    *,
    accelerator: str = "h100_sxm",
    domain: int = 8,
    pods: int = 4,
    hosts_per_pod: int = 2,
    nic: str = "400 Gbit/s",
    oversubscription: float = 2.0,
    **changes: Any,
) -> ClusterSpec:
    """Pods of so many scale-up domains of 8-GPU hosts, two levels of network."""
    fields: dict[str, Any] = {
        "name": name,
        "accelerator": accelerator,
        "scale_up": {"size": domain},
        "scale_out": {
            "link": "infiniband",
            "nic": nic,
            "levels": [
                {
                    "name": "pod",
                    "size": f"{hosts_per_pod} domains",
                    "latency": "4 us",
                    "oversubscription": oversubscription,
                },
                {"name": "core", "size": f"{pods} pod", "latency": "6 us"},
            ],
        },
    }
    return ClusterSpec.model_validate({**fields, **changes})


def with_medium(medium: str) -> ClusterSpec:
    """The layout with all its links of one medium."""
    data = layout().model_dump(mode="json")
    data["scale_out"]["medium"] = medium
    return ClusterSpec.model_validate(data)
