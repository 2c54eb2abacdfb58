#!/usr/bin/env bash
NGPU=${NGPU:-"8"}
torchrun --nproc_per_node=${NGPU} --nnodes 4 -m torchtitan.train \
    --module llama3 --config llama3_8b \
    --parallelism.tensor_parallel_degree 2 \
    --parallelism.data_parallel_shard_degree=16 \
    --training.local_batch_size 1 --training.global_batch_size 256 --training.seq_len 8192 \
    --compile.enable "$@" \
    activation-checkpoint:full
