#!/bin/bash
# Run this once on every host of the file `nodes`: ssh, pdsh or a scheduler may start it, in any
# order. It looks its host up in that file (host number, name, ranks, accelerators), so nobody's
# order of hosts matters.
# Each process is told its rank by the environment: torchrun cannot say ranks that do not follow each
# other on a host, nor start what does not read its variables.

set -euo pipefail
HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
export HERE

# 8 rails: the plan keeps every ring on the leaf switches of one rail; by default NCCL may change
# rails, through the spine.
export NCCL_CROSS_NIC=0

# PLACER_HOST is for hosts that call themselves otherwise than the cluster file does.
row=""
for name in ${PLACER_HOST:-"$(hostname)" "$(hostname -s)"}; do
  row="$(awk -v h="$name" '$2 == h' "$HERE/nodes")"
  test -z "$row" || break
done
test -n "$row" || { echo "this host is not in $HERE/nodes: set PLACER_HOST" >&2; exit 2; }
read -r NODE_RANK host ranks gpus <<<"$row"
export NODE_RANK
MASTER_ADDR="${MASTER_ADDR:-$(awk 'NR == 1 { print $2 }' "$HERE/nodes")}"
export MASTER_ADDR
export MASTER_PORT="${MASTER_PORT:-29500}"
# The accelerators of this host, in the order of its ranks.
export CUDA_VISIBLE_DEVICES="$gpus"
export WORLD_SIZE=16
IFS=, read -r -a rank_of_local <<<"$ranks"
start_rank() {
  export LOCAL_RANK="$1" RANK="${rank_of_local[$1]}"
  shift
  source "$HERE/maxtext_env.sh"
  exec python -u -m maxtext.trainers.pre_train.train "$HERE/maxtext.yml" "$@"
}
for local_rank in "${!rank_of_local[@]}"; do
  start_rank "$local_rank" "$@" &
done
# The first process that fails takes the others with it.
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
for _ in "${rank_of_local[@]}"; do
  wait -n
done
