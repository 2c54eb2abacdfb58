# small-dense on pair: arguments for Megatron-LM
# (megatron-core 0.19.2), 16 GPUs, 2.438 s per step.
#
# Source this file in bash and pass "${MEGATRON_ARGS[@]}" to pretrain_gpt.py. Tokenizer, data,
# learning rate, checkpoints and the number of steps are yours to add.
#
# Where a rank runs decides who its neighbours are: Megatron-LM derives every group from the
# rank alone (order tp-cp-ep-dp-pp), so start the ranks on the hosts of rank_table.json, in that
# order. A launcher that sorts hosts by name undoes the placement.
MEGATRON_ARGS=(
  # Model
  --num-layers 16
  --hidden-size 2048
  --ffn-hidden-size 8192
  --num-attention-heads 16
  --seq-length 4096
  --max-position-embeddings 8192
  --position-embedding-type rope
  --normalization RMSNorm
  # Vocabulary: 32000 rows, a multiple of 128 * tp 1. The tokenizer must give 32000.
  --make-vocab-size-divisible-by 128
  --swiglu
  --untie-embeddings-and-output-weights
  --disable-bias-linear
  --attention-dropout 0
  --hidden-dropout 0

  # Attention
  --kv-channels 128
  --group-query-attention
  --num-query-groups 8

  # Parallelism
  # Data parallelism follows: 16 ranks / (tp 1 * cp 1 * pp 1) = 16.
  # Sites hold consecutive replicas: east 8, west 8 (ranks: file sites).
  --tensor-model-parallel-size 1
  --pipeline-model-parallel-size 1
  --context-parallel-size 1

  # Batch
  # 32 sequences = 1 * 2 micro-batches * dp 16.
  --micro-batch-size 1
  --global-batch-size 32

  # Recomputation: none

  # Precision and kernels
  --bf16
  --attention-backend auto

  # Optimizer and data parallelism
  --optimizer adam
  --use-distributed-optimizer
  # States are shared by 8 replicas of one site: scatter and gather stay inside it, gradients are
  # summed across.
  --num-distributed-optimizer-instances 2
  --overlap-grad-reduce
  --overlap-param-gather
)
