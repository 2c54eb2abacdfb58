"""The plan's pipeline for DeepSpeed: its topology, and which layers each stage holds."""

from deepspeed.pipe import PipelineModule
from deepspeed.runtime.pipe.topology import PipeModelDataParallelTopology

# Stage s holds layers PARTS[s] to PARTS[s + 1] of the list [embedding, 16 layers, norm and head];
# they need not divide evenly.
PARTS = [0, 7, 12, 18]


def topology():
    """Rank = model + 1 * (data + 8 * pipe)."""
    return PipeModelDataParallelTopology(
        num_pp=3, num_mp=1, num_dp=8
    )


class PlannedPipeline(PipelineModule):
    """A pipeline module split as planned: PlannedPipeline(layers, topology=topology(), ...)."""

    def _partition_layers(self, method="uniform"):
        stage = self._topo.get_coord(self.global_rank).pipe
        self.parts = PARTS
        self._set_bounds(start=PARTS[stage], stop=PARTS[stage + 1])
