"""Configurations that must not pass, at least ten for each framework."""

from __future__ import annotations

from dataclasses import replace

from framework_samples import FULL, Spoiled, change, dense, edit, sharded, sparse, without_sp

_FSDP = sharded(8)
_TENSOR = dense(tp=4, pp=2, dp=2, num_microbatches=8)
_CHUNKS = dense(pp=2, vpp=2, dp=4, num_microbatches=4)
_THIRDS = dense(pp=3, dp=4, num_microbatches=6)
_CONTEXT = dense(tp=2, cp=2, dp=3, num_microbatches=2)
_RECOMPUTED = dense(pp=2, tp=2, dp=4, num_microbatches=4, recompute=FULL)
_REPLICAS = dense(tp=4, dp=8, dp_shard=4, num_microbatches=2)
_SPARSE = sparse(ep=8, dp=8, num_microbatches=2)
_SPARSE_FSDP = sparse(ep=8, dp=8, zero_stage=3, num_microbatches=2)
_ARGS = "megatron_args.sh"
_BRIDGE = "bridge_overrides.yaml"
_EXECUTOR = "nemo_run_executor.py"
_PRIMUS = "primus.yaml"
_TITAN = "torchtitan_args.sh"
_TOML = "torchtitan.toml"
_YAML = "accelerate.yaml"
_JSON = "deepspeed.json"
_MESH = "maxtext.yml"

MEGATRON = [
    edit(_TENSOR, _ARGS, "-size 4\n", "-size 3\n"),
    edit(_TENSOR, _ARGS, "--num-attention-heads 16", "--num-attention-heads 10"),
    edit(_TENSOR, _ARGS, "--seq-length 4096", "--sequence-length 4096"),
    edit(_TENSOR, _ARGS, "--num-layers 16", "--num-layers 17"),
    edit(_TENSOR, _ARGS, "--num-query-groups 8", "--num-query-groups 7"),
    edit(_SPARSE, _ARGS, "--expert-model-parallel-size 8", "--expert-model-parallel-size 7"),
    edit(_CHUNKS, _ARGS, "-per-pipeline-rank 2", "-per-pipeline-rank 3", refused=False),
    edit(_THIRDS, _ARGS, "t*5L", "t*6L"),
    edit(_THIRDS, _ARGS, "'Et*6|", "'t*6|"),
    edit(_TENSOR, _ARGS, "--tensor-model-parallel-size 4", "--tensor-model-parallel-size 2"),
    change(_SPARSE, tp=2, dp=4, sequence_parallel=False, refused=False),
    change(_CHUNKS, num_microbatches=1, refused=False),
    edit(_CONTEXT, _ARGS, "--seq-length 4096", "--seq-length 4098"),
    edit(_TENSOR, _ARGS, "--max-position-embeddings 8192", "--max-position-embeddings 2048"),
    edit(_TENSOR, _ARGS, "  --use-distributed-optimizer\n", ""),
    edit(_TENSOR, _ARGS, "--attention-backend auto", "--attention-backend magic"),
    edit(_RECOMPUTED, _ARGS, "  --recompute-method uniform\n", ""),
    edit(_RECOMPUTED, _ARGS, "--recompute-granularity full", "--recompute-granularity selective"),
    edit(_CHUNKS, _ARGS, "rank 2\n", "rank 2\n  --num-layers-per-virtual-pipeline-stage 4\n"),
    edit(_REPLICAS, _ARGS, "optimizer-instances 2", "optimizer-instances 3"),
    edit(_SPARSE, _ARGS, "--num-experts 64", "--num-experts 60"),
    edit(_SPARSE, _ARGS, "--moe-router-group-topk 4", "--moe-router-group-topk 16"),
    edit(_SPARSE, _ARGS, "dispatcher-type alltoall", "dispatcher-type teleport"),
    edit(_SPARSE, _ARGS, "--expert-tensor-parallel-size 1", "--expert-tensor-parallel-size 3"),
]
BATCH = edit(_TENSOR, _ARGS, "--global-batch-size 16", "--global-batch-size 15")
BRIDGE = [
    edit(_TENSOR, _BRIDGE, "tensor_model_parallel_size: 4", "tensor_model_parallel_size: 3"),
    edit(_TENSOR, _BRIDGE, "tensor_model_parallel_size: 4", "tensor_model_parallel_size: 2"),
    edit(_TENSOR, _BRIDGE, "global_batch_size: 16", "global_batch_size: 15"),
    edit(_TENSOR, _BRIDGE, "sequence_parallel:", "sequence_parallelism:", refused=False),
    edit(_TENSOR, _BRIDGE, "backend: auto", "backend: magic", refused=False),
    edit(_TENSOR, _BRIDGE, "train:", "training:"),
    edit(_TENSOR, _BRIDGE, "bf16_mixed", "bf17_mixed"),
    edit(_TENSOR, _BRIDGE, "optimizer: adam", "optimizer: adamantine", refused=False),
    edit(_TENSOR, _EXECUTOR, "--distribution=arbitrary", "--distribution=block"),
    edit(_TENSOR, _EXECUTOR, "nodes=2", "hosts=2"),
    edit(_THIRDS, _BRIDGE, "t*5L", "t*6L"),
    edit(_RECOMPUTED, _BRIDGE, "granularity: full", "granularity: selective"),
    edit(_REPLICAS, _BRIDGE, "optimizer_instances: 2", "optimizer_instances: 3"),
    edit(_SPARSE, _BRIDGE, "expert_model_parallel_size: 8", "expert_model_parallel_size: 7"),
    edit(_CONTEXT, _BRIDGE, "seq_length: 4096", "seq_length: 4098"),
    change(_CHUNKS, num_microbatches=1, refused=False),
]
PRIMUS = [
    edit(_TENSOR, _PRIMUS, "tensor_model_parallel_size: 4", "tensor_model_parallel_size: 3"),
    edit(_TENSOR, _PRIMUS, "tensor_model_parallel_size: 4", "tensor_model_parallel_size: 2"),
    edit(_TENSOR, _PRIMUS, "global_batch_size: 16", "global_batch_size: 15"),
    edit(_TENSOR, _PRIMUS, "num_attention_heads: 16", "num_attention_heads: 10"),
    edit(_TENSOR, _PRIMUS, "seq_length:", "sequence_length:"),
    edit(_TENSOR, _PRIMUS, "attention_backend: auto", "attention_backend: magic"),
    edit(_TENSOR, _PRIMUS, "overrides:", "override:"),
    edit(_TENSOR, _PRIMUS, "sequence_parallel: true", "sequence_parallel: false"),
    edit(_THIRDS, _PRIMUS, "t*5L", "t*6L"),
    edit(_RECOMPUTED, _PRIMUS, "granularity: full", "granularity: selective"),
    edit(_REPLICAS, _PRIMUS, "optimizer_instances: 2", "optimizer_instances: 3"),
    edit(_SPARSE, _PRIMUS, "expert_model_parallel_size: 8", "expert_model_parallel_size: 7"),
    edit(_SPARSE, _PRIMUS, "dispatcher_type: alltoall", "dispatcher_type: teleport"),
    change(_CHUNKS, num_microbatches=1, refused=False),
]
TITAN = [
    edit(_FSDP, _TITAN, "shard_degree 8", "shard_degree 3"),
    edit(_FSDP, _TITAN, "context_parallel_degree 1", "context_parallel_degree 0"),
    edit(_FSDP, _TITAN, "seq_len 4096", "sequence_length 4096"),
    edit(_FSDP, _TITAN, "reshard_after_forward always", "reshard_after_forward sometimes"),
    edit(_FSDP, _TITAN, "local_batch_size 1", "local_batch_size one"),
    edit(_CHUNKS, _TITAN, "microbatch_size 1", "microbatch_size 3"),
    edit(_CHUNKS, _TITAN, "  --training.disable_cuda_graphs\n", "", refused=False),
    edit(_CHUNKS, _TITAN, "Interleaved1F1B", "1F1B"),
    edit(_CHUNKS, _TITAN, "Interleaved1F1B", "Interleaved2F2B"),
    edit(_FSDP, _TITAN, "activation-checkpoint:none", "activation-checkpoint:some"),
    edit(_FSDP, _TITAN, "replicate_degree 1", "replicate_degree 2"),
    change(_CHUNKS, num_microbatches=5),
    change(dense(pp=4, dp=2, num_microbatches=8), num_microbatches=2),
    edit(_SPARSE_FSDP, _TITAN, "expert_parallel_degree 8", "expert_parallel_degree 3"),
    change(_SPARSE_FSDP, dp_shard=4),
]
TITAN_TOML = [
    edit(_FSDP, _TOML, "shard_degree = 8", "shard_degree = 3"),
    edit(_FSDP, _TOML, "context_parallel_degree = 1", "context_parallel_degree = 0"),
    edit(_FSDP, _TOML, "seq_len = 4096", "sequence_length = 4096"),
    edit(_FSDP, _TOML, '"always"', '"sometimes"', refused=False),
    edit(_FSDP, _TOML, "local_batch_size = 1", 'local_batch_size = "one"', refused=False),
    edit(_CHUNKS, _TOML, "microbatch_size = 1", "microbatch_size = 3"),
    edit(_CHUNKS, _TOML, "Interleaved1F1B", "1F1B"),
    edit(_CHUNKS, _TOML, "Interleaved1F1B", "Interleaved2F2B"),
    edit(_FSDP, _TOML, 'mode = "none"', 'mode = "some"', refused=False),
    edit(_FSDP, _TOML, "[parallelism]", "[parallel]"),
    change(_CHUNKS, num_microbatches=5),
    change(dense(pp=4, dp=2, num_microbatches=8), num_microbatches=2),
    change(sparse(tp=4, etp=4, ep=4, dp=4, zero_stage=3), etp=2),
    change(_SPARSE_FSDP, tp=2, sequence_parallel=False, refused=False),
]
ACCELERATE = [
    edit(_FSDP, _YAML, "dp_shard_size: 8", "dp_shard_size: 3"),
    edit(_FSDP, _YAML, "dp_shard_size: 8", "dp_shard_size: -1"),
    edit(_FSDP, _YAML, "num_processes: 8", "num_processes: 16"),
    edit(_FSDP, _YAML, "distributed_type: FSDP", "distributed_type: FDSP"),
    edit(_FSDP, _YAML, "rdzv_backend:", "rendezvous_backend:"),
    edit(_FSDP, _YAML, "tp_size: 1", "pp_size: 1"),
    edit(_FSDP, _YAML, "cp_backend: torch", "cp_backend: jax"),
    edit(_FSDP, _YAML, "cp_size: 1", "cp_size: 2"),
    edit(_FSDP, _YAML, "distributed_type: FSDP\n", ""),
    edit(without_sp(sharded(4, tp=2)), _YAML, "dp_shard_size: 4", "dp_shard_size: 2"),
    change(without_sp(sharded(4, tp=2)), zero_stage=0),
    change(_FSDP, dp_shard=1, dp_replicate=8, refused=False),
    change(_FSDP, tp=2, sequence_parallel=True, refused=False),
    change(_FSDP, zero_stage=1, refused=False),
]
DEEPSPEED = [
    edit(_FSDP, _JSON, '"train_batch_size": 16', '"train_batch_size": 15'),
    edit(_FSDP, _JSON, 'micro_batch_size_per_gpu": 1', 'micro_batch_size_per_gpu": 2'),
    edit(_FSDP, _JSON, '"stage": 3', '"stage": 4'),
    edit(_FSDP, _JSON, '"overlap_comm"', '"overlap_communication"'),
    edit(_FSDP, _JSON, '"reduce_scatter": true', '"mics_shard_size": 4'),
    edit(_FSDP, _JSON, '"reduce_scatter": true', '"reduce_scatter": "perhaps"'),
    edit(_SPARSE, _JSON, '"autoep_size": 8', '"autoep_size": 3'),
    edit(_SPARSE, _JSON, '"comm_backend": "comm"', '"comm_backend": "pigeon"'),
    edit(without_sp(sharded(4, tp=2)), _JSON, '"autotp_size": 2', '"autotp_size": 3'),
    edit(_FSDP, _JSON, '"train_batch_size"', '"train_batch"', refused=False),
    edit(_FSDP, _JSON, "{\n", "{{\n"),
    change(without_sp(dense(pp=2, dp=4, num_microbatches=4)), zero_stage=2),
    change(without_sp(sparse(tp=2, ep=16, dp=8)), cp=2, dp=4),
    change(dense(dp=8), vpp=2, pp=2, num_microbatches=4, refused=False),
    change(_FSDP, dp_shard=4, refused=False),
]
MAXTEXT = [
    edit(_FSDP, _MESH, "ici_fsdp_parallelism: 8", "ici_fsdp_parallelism: 3"),
    edit(_FSDP, _MESH, "ici_fsdp_parallelism: 8", "ici_fsdp_parallelism: 16"),
    edit(sharded(16), _MESH, "dcn_fsdp_parallelism: 2", "dcn_fsdp_parallelism: 4"),
    edit(_FSDP, _MESH, "ici_context", "ici_contexts"),
    edit(_FSDP, _MESH, "opt_type: adamw", "opt_type: adamantine"),
    edit(_FSDP, _MESH, "base_config: base.yml", "base_config: basis.yml"),
    edit(_FSDP, _MESH, "decoder_block: llama2", "decoder_block: llama22"),
    edit(_FSDP, _MESH, "max_target_length: 4096", "max_target_length: long"),
    edit(_FSDP, _MESH, "gradient_accumulation_steps: 2", "gradient_accumulation_steps: 1.5"),
    edit(_FSDP, _MESH, "base_emb_dim: 2048", "base_emb_dim:"),
    edit(_SPARSE_FSDP, _MESH, "ici_expert_parallelism: 8", "ici_expert_parallelism: 7"),
    change(_FSDP, cp=2, zero_stage=1, refused=False),
    change(_SPARSE_FSDP, cp=2, dp=8),
    change(_FSDP, zero_stage=2, refused=False),
]

ALL: dict[str, list[Spoiled]] = {
    "accelerate": ACCELERATE,
    "deepspeed": DEEPSPEED,
    "maxtext": MAXTEXT,
    "megatron@0.17.1": [replace(BATCH, refused=False), *MEGATRON],
    "megatron@0.18.0": [BATCH, *MEGATRON],
    "megatron@0.19.2": [BATCH, *MEGATRON],
    "megatron-bridge@0.19.2": BRIDGE,
    "primus@0.19.2": PRIMUS,
    "torchtitan@0.2.2": TITAN_TOML,
    "torchtitan@0.3.0": TITAN,
}
