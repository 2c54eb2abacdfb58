# small-moe on lab: arguments for Megatron-LM
# (megatron-core 0.19.2), 32 GPUs, 2.438 s per step.
#
# Source this file in bash and pass "${MEGATRON_ARGS[@]}" to pretrain_gpt.py. Tokenizer, data,
# learning rate, checkpoints and the number of steps are yours to add.
#
# Where a rank runs decides who its neighbours are: Megatron-LM derives every group from the
# rank alone (order tp-cp-ep-dp-pp), so start the ranks on the hosts of rank_table.json, in that
# order. A launcher that sorts hosts by name undoes the placement.
MEGATRON_ARGS=(
  # Model
  --num-layers 13
  --hidden-size 2048
  --ffn-hidden-size 8192
  --num-attention-heads 16
  --seq-length 4096
  --max-position-embeddings 8192
  --position-embedding-type rope
  --normalization RMSNorm
  # Vocabulary: 32000 rows, a multiple of 128 * tp 2. The tokenizer must give 32000.
  --make-vocab-size-divisible-by 128
  --swiglu
  --untie-embeddings-and-output-weights
  --disable-bias-linear
  --attention-dropout 0
  --hidden-dropout 0
  --mtp-num-layers 1

  # Attention
  --multi-latent-attention
  --q-lora-rank 512
  --kv-lora-rank 256
  --qk-head-dim 128
  --qk-pos-emb-head-dim 64
  --v-head-dim 128

  # Experts
  # The router's score function and balancing do not change the plan; add your own.
  --num-experts 64
  --moe-router-topk 4
  --moe-ffn-hidden-size 1024
  --moe-grouped-gemm
  --moe-shared-expert-intermediate-size 1024
  --moe-layer-freq '[0]*1+[1]*12'
  --moe-router-num-groups 8
  --moe-router-group-topk 4
  --moe-token-dispatcher-type alltoall

  # Parallelism
  # Data parallelism follows: 32 ranks / (tp 2 * cp 1 * pp 2) = 8.
  --tensor-model-parallel-size 2
  --pipeline-model-parallel-size 2
  --context-parallel-size 1
  # Experts have their own grid over the same ranks, so this may exceed data parallelism (8).
  --expert-model-parallel-size 16
  --expert-tensor-parallel-size 1
  # With experts, training fails in the first forward pass without it.
  --sequence-parallel
  # Stages are uneven: E embedding, t decoder layer, m MTP, L loss; | ends a chunk, chunk i is on
  # stage i % 2. Replaces every other layer-split flag.
  --pipeline-model-parallel-layout 'Et*4|(t*3|)*2t*3mL'

  # Batch
  # 64 sequences = 1 * 8 micro-batches * dp 8.
  --micro-batch-size 1
  --global-batch-size 64

  # Recomputation
  --recompute-granularity selective
  --recompute-modules mla_up_proj moe_act

  # Precision and kernels
  --bf16
  --fp8-format hybrid
  --fp8-recipe tensorwise
  --attention-backend auto
  --overlap-moe-expert-parallel-comm

  # Optimizer and data parallelism
  --optimizer adam
  --use-distributed-optimizer
  --overlap-grad-reduce
  --overlap-param-gather
)
