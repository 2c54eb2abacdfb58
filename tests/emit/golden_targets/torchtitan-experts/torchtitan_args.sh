# small-moe on lab: settings for torchtitan 0.3.0, 16 GPUs, 2.438 s per step.
#
# The plan is of a model with 13 layers, hidden size 2048, 16 heads and a vocabulary of 32000.
# Where a rank runs decides who its neighbours are: torchtitan derives every group from the rank
# alone (mesh [pp, dp_replicate, dp_shard, cp, tp], the last fastest), so start the ranks on the
# hosts of rank_table.json, in that order.
# TORCHTITAN_MODULE and TORCHTITAN_CONFIG name your model, as in llama3 and
# llama3_8b; tokenizer, data and steps are yours to add.
: "${TORCHTITAN_MODULE:?as for --module}" "${TORCHTITAN_CONFIG:?as for --config}"
export TORCHTITAN_MODULE TORCHTITAN_CONFIG
TORCHTITAN_ARGS=(
  # Training
  # One micro-batch; 2 of them accumulate.
  --training.local_batch_size 1
  # 16 = 1 * 2 micro-batches * dp 8.
  --training.global_batch_size 16
  --training.seq_len 4096
  # The plan has no captured graphs, and a pipeline cannot be captured.
  --training.disable_cuda_graphs

  # Parallelism
  # 16 ranks = replicate 1 * shard 8 * cp 1 * tp 2 * pp 1.
  --parallelism.data_parallel_replicate_degree 1
  --parallelism.data_parallel_shard_degree 8
  --parallelism.tensor_parallel_degree 2
  --parallelism.context_parallel_degree 1
  --parallelism.pipeline_parallel_degree 1
  # Experts borrow ranks from sharding, context and tensor parallelism: this may exceed data
  # parallelism (8).
  --parallelism.expert_parallel_degree 16
  # Parameters are gathered for every pass and let go after it.
  --parallelism.fsdp_reshard_after_forward always

  --module "$TORCHTITAN_MODULE" --config "$TORCHTITAN_CONFIG"
)
# Goes behind every option: it starts a command of its own.
TORCHTITAN_RECOMPUTE=(activation-checkpoint:none)
