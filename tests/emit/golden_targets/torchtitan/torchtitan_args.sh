# small-dense on lab: settings for torchtitan 0.3.0, 24 GPUs, 2.438 s per step.
#
# The plan is of a model with 16 layers, hidden size 2048, 16 heads and a vocabulary of 32000.
# Where a rank runs decides who its neighbours are: torchtitan derives every group from the rank
# alone (mesh [pp, dp_replicate, dp_shard, cp, tp], the last fastest), so start the ranks on the
# hosts of rank_table.json, in that order.
# TORCHTITAN_MODULE and TORCHTITAN_CONFIG name your model, as in llama3 and
# llama3_8b; tokenizer, data and steps are yours to add.
: "${TORCHTITAN_MODULE:?as for --module}" "${TORCHTITAN_CONFIG:?as for --config}"
export TORCHTITAN_MODULE TORCHTITAN_CONFIG
export PYTHONPATH="$HERE${PYTHONPATH:+:$PYTHONPATH}"
TORCHTITAN_ARGS=(
  # Training
  # One pass of the pipeline takes all 6 micro-batches of 1.
  --training.local_batch_size 6
  # 24 = 1 * 6 micro-batches * dp 4.
  --training.global_batch_size 24
  --training.seq_len 4096
  # The plan has no captured graphs, and a pipeline cannot be captured.
  --training.disable_cuda_graphs

  # Parallelism
  # 24 ranks = replicate 1 * shard 4 * cp 1 * tp 2 * pp 3.
  --parallelism.data_parallel_replicate_degree 1
  --parallelism.data_parallel_shard_degree 4
  --parallelism.tensor_parallel_degree 2
  --parallelism.context_parallel_degree 1
  --parallelism.pipeline_parallel_degree 3
  # Parameters stay gathered until the step ends, as planned.
  --parallelism.fsdp_reshard_after_forward never
  --parallelism.pipeline_parallel_schedule Interleaved1F1B
  --parallelism.pipeline_parallel_microbatch_size 1

  --module placer_torchtitan --config planned
)
# Goes behind every option: it starts a command of its own.
TORCHTITAN_RECOMPUTE=(activation-checkpoint:none)
