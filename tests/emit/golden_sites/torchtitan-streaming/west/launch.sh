#!/bin/bash
# Run this once on every host of the file `nodes`: ssh, pdsh or a scheduler may start it, in any
# order. It looks its host up in that file (host number, name, ranks, accelerators), so nobody's
# order of hosts matters.
# Static rendezvous with explicit node ranks: the c10d rendezvous ignores --node-rank and sorts hosts
# by name as text (node10 before node2), which undoes the placement.

set -euo pipefail
HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
export HERE

# The plan's memory limits leave no room for the fragments of fixed segments.
export PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True

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
source "$HERE/torchtitan_args.sh"
exec torchrun --rdzv-backend=static --nnodes=1 --nproc-per-node="$(wc -w <<<"${ranks//,/ }")" \
  --node-rank="$NODE_RANK" --master-addr="$MASTER_ADDR" --master-port="$MASTER_PORT" \
  -m torchtitan.train "${TORCHTITAN_ARGS[@]}" "$@" "${TORCHTITAN_RECOMPUTE[@]}"
