# small-dense on pair: settings for torchtitan 0.3.0, 8 GPUs, 2.438 s per step.
#
# The plan is of a model with 16 layers, hidden size 2048, 16 heads and a vocabulary of 32000.
# Where a rank runs decides who its neighbours are: torchtitan derives every group from the rank
# alone (mesh [pp, dp_replicate, dp_shard, cp, tp], the last fastest), so start the ranks on the
# hosts of rank_table.json, in that order.
# Site west is replica group 1 of 2: every site runs a job of its own, and torchft averages them.
# Start one lighthouse that all sites reach (torchft_lighthouse --min_replicas 2) and give its
# address. TORCHTITAN_CONFIG must return a FaultTolerantTrainer.Config, as those of torchft.llama3
# do.
: "${TORCHFT_LIGHTHOUSE:?address of the lighthouse, as http://host:29510}"
export TORCHFT_LIGHTHOUSE
# TORCHTITAN_MODULE and TORCHTITAN_CONFIG name your model, as in llama3 and
# llama3_8b; tokenizer, data and steps are yours to add.
: "${TORCHTITAN_MODULE:?as for --module}" "${TORCHTITAN_CONFIG:?as for --config}"
export TORCHTITAN_MODULE TORCHTITAN_CONFIG
TORCHTITAN_ARGS=(
  # Training
  # One micro-batch; 2 of them accumulate.
  --training.local_batch_size 1
  # 16 = 1 * 2 micro-batches * dp 8, of all sites 32.
  --training.global_batch_size 32
  --training.seq_len 4096
  # The plan has no captured graphs, and a pipeline cannot be captured.
  --training.disable_cuda_graphs

  # Parallelism
  # 8 ranks = replicate 1 * shard 8 * cp 1 * tp 1 * pp 1.
  --parallelism.data_parallel_replicate_degree 1
  --parallelism.data_parallel_shard_degree 8
  --parallelism.tensor_parallel_degree 1
  --parallelism.context_parallel_degree 1
  --parallelism.pipeline_parallel_degree 1
  # Parameters are gathered for every pass and let go after it.
  --parallelism.fsdp_reshard_after_forward always

  # Fault tolerance
  # Replica groups meet at the lighthouse; FSDP stays inside the site.
  --fault_tolerance.enable
  # Site west.
  --fault_tolerance.replica_id 1
  --fault_tolerance.group_size 2
  --fault_tolerance.min_replica_size 2
  --fault_tolerance.process_group nccl
  --fault_tolerance.semi_sync_method diloco
  # The outer optimizer is torchtitan's: SGD with Nesterov's momentum 0.9, rate 0.7.
  --fault_tolerance.sync_steps 30
  --fault_tolerance.num_fragments 6
  --fault_tolerance.fragment_sync_delay 2
  --fault_tolerance.should_quantize

  --module "$TORCHTITAN_MODULE" --config "$TORCHTITAN_CONFIG"
)
# Goes behind every option: it starts a command of its own.
TORCHTITAN_RECOMPUTE=(activation-checkpoint:none)
