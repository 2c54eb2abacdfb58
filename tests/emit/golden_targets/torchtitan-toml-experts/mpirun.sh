#!/bin/bash
# Run this on one host; mpirun starts the others. The rankfile, not the order of a host list, says
# where each process runs. Not under srun: PMI numbers processes there and ignores the rankfile.

set -euo pipefail
HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
export HERE

# The plan's memory limits leave no room for the fragments of fixed segments.
export PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True

# 8 rails: the plan keeps every ring on the leaf switches of one rail; by default NCCL may change
# rails, through the spine.
export NCCL_CROSS_NIC=0

export MASTER_ADDR="${MASTER_ADDR:-leaf0-n0}"
export MASTER_PORT="${MASTER_PORT:-29500}"
if [ -z "${OMPI_COMM_WORLD_RANK:-}" ]; then
  # Slots are numbered by local rank and not bound to: bind as your hosts' cores and GPUs ask for.
  mapping=(--map-by "rankfile:file=$HERE/rankfile")
  if mpirun --version | grep -q 'Open MPI) [1-4]\.'; then
    mapping=(-rf "$HERE/rankfile")
  fi
  exec mpirun -np 16 "${mapping[@]}" --bind-to none \
    -x MASTER_ADDR -x MASTER_PORT -x PYTORCH_CUDA_ALLOC_CONF -x NCCL_CROSS_NIC \
    bash "$HERE/mpirun.sh" "$@"
fi

export RANK="$OMPI_COMM_WORLD_RANK" LOCAL_RANK="$OMPI_COMM_WORLD_LOCAL_RANK" WORLD_SIZE=16
exec python -u -m torchtitan.train --job.config_file "$HERE/torchtitan.toml" "$@"
