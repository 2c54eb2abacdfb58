# MaxText on GPUs takes its number and its devices from here: one process per GPU, so that the order
# of the mesh is the order of the ranks whatever the host.
gpu="$LOCAL_RANK"
if [ -n "${CUDA_VISIBLE_DEVICES:-}" ]; then
  IFS=, read -r -a gpus <<<"$CUDA_VISIBLE_DEVICES"
  gpu="${gpus[$LOCAL_RANK]}"
fi
# MaxText numbers devices among all of the host, so they must all be visible.
unset CUDA_VISIBLE_DEVICES
export SLURM_STEP_GPUS="$gpu"
export NNODES="$WORLD_SIZE" NODE_RANK="$RANK"
export JAX_COORDINATOR_IP="$MASTER_ADDR" JAX_COORDINATOR_PORT="$MASTER_PORT"
