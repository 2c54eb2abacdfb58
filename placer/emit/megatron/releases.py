"""What differs between the releases of Megatron-LM that placer knows.

Read in the ``megatron-core`` wheels, which contain ``megatron.training`` since 0.17.0; 0.18.1 and
0.19.1 are withdrawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from placer.errors import InputError, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class MegatronRelease:
    """One release.

    ``sharded_muon`` are the flags of Muon with its state spread over the replicas.
    ``full_cuda_graph`` and ``partial_cuda_graph`` capture the whole iteration or the attention;
    ``expert_cuda_graph`` is needed besides for the whole iteration with expert parallelism.
    """

    version: str
    sharded_muon: tuple[tuple[str, ...], ...]
    full_cuda_graph: tuple[tuple[str, ...], ...]
    expert_cuda_graph: tuple[tuple[str, ...], ...]
    partial_cuda_graph: tuple[tuple[str, ...], ...]


_OLD = MegatronRelease(
    version="0.17.1",
    sharded_muon=(("--optimizer", "dist_muon"),),
    full_cuda_graph=(
        ("--cuda-graph-impl", "local"),
        ("--cuda-graph-scope", "full_iteration"),
        ("--no-check-for-nan-in-loss-and-grad",),
    ),
    expert_cuda_graph=(("--moe-pad-experts-for-cuda-graph-inference",),),
    partial_cuda_graph=(
        ("--cuda-graph-impl", "transformer_engine"),
        ("--cuda-graph-scope", "attn"),
    ),
)
_NEW_FLAGS = {
    "sharded_muon": (("--optimizer", "muon"), ("--use-distributed-optimizer",)),
    "full_cuda_graph": (
        ("--cuda-graph-impl", "full_iteration"),
        ("--no-check-for-nan-in-loss-and-grad",),
    ),
    "expert_cuda_graph": (),
    "partial_cuda_graph": (
        ("--cuda-graph-impl", "transformer_engine"),
        ("--cuda-graph-modules", "attn"),
    ),
}
RELEASES: Final = {
    release.version: release
    for release in (
        _OLD,
        MegatronRelease(version="0.18.0", **_NEW_FLAGS),
        MegatronRelease(version="0.19.2", **_NEW_FLAGS),
    )
}
DEFAULT_RELEASE: Final = "0.19.2"


def release_named(version: str) -> MegatronRelease:
    """The release of that version; the newest known when empty.

    Raises
    ------
    InputError
        For a version that is not in the table.
    """
    found = RELEASES.get(version or DEFAULT_RELEASE)
    if found is None:
        problem = Problem(
            source="--framework",
            expected=f"megatron at one of {', '.join(sorted(RELEASES))}",
            found=f"megatron@{version}",
            remedy=f"Write megatron for {DEFAULT_RELEASE}.",
        )
        raise InputError((problem,))
    return found
