"""Ask MaxText about an emitted configuration file; one process builds the mesh of all devices."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from answering import Request, answer_all, groups_of_mesh, judging

AXES = {
    "tp": ["tensor", "tensor_sequence"],
    "cp": ["context"],
    "dp": ["data", "fsdp", "expert"],
    "dp_cp": ["data", "fsdp", "context", "expert"],
}
EXPERT_AXES = {
    "ep": ["expert"],
    "etp": ["tensor", "tensor_sequence"],
    "edp": ["data", "fsdp", "context"],
}
TOPOLOGY = "placer"


@dataclass(frozen=True)
class Device:
    """A device that only knows its place."""

    id: int
    process_index: int
    slice_index: int
    platform: str = "gpu"
    device_kind: str = "planned"


def check(request: Request) -> dict[str, Any]:
    """Its parser, then its mesh over devices in the order of the ranks."""
    per_slice, num_slices = request["slices"]
    with judging():
        config = _parsed(request, per_slice, num_slices)
        mesh = _mesh(config, per_slice, num_slices)
    names = list(config.mesh_axes)
    axes = AXES | EXPERT_AXES if request["experts"] else AXES
    groups = {axis: groups_of_mesh(mesh, names, members) for axis, members in axes.items()}
    return {"groups": groups, "sampled": {}}


def _parsed(request: Request, per_slice: int, num_slices: int) -> Any:
    from maxtext.configs import pyconfig
    from maxtext.utils import accelerator_to_spec_map

    known = accelerator_to_spec_map.get_system_characteristics
    planned = SimpleNamespace(devices_per_slice=per_slice, platform="gpu")
    accelerator_to_spec_map.get_system_characteristics = lambda name: (
        planned if name == TOPOLOGY else known(name)
    )
    try:
        return pyconfig.initialize(
            [
                "verify",
                str(Path(request["folder"]) / "maxtext.yml"),
                "hardware=cpu",
                "run_name=verify",
                "skip_jax_distributed_system=True",
                f"compile_topology={TOPOLOGY}",
                f"compile_topology_num_slices={num_slices}",
            ]
        )
    finally:
        accelerator_to_spec_map.get_system_characteristics = known


def _mesh(config: Any, per_slice: int, num_slices: int) -> Any:
    """``create_device_mesh``: fills in and checks products, lays slices side by side."""
    import numpy as np
    from maxtext.utils import maxtext_utils

    devices = [
        Device(id=rank, process_index=rank, slice_index=rank // per_slice)
        for rank in range(per_slice * num_slices)
    ]
    mesh = maxtext_utils.create_device_mesh(config, devices)
    return np.vectorize(lambda device: device.id)(mesh)


if __name__ == "__main__":
    answer_all(check)
