"""A NeMo-Run executor for the plan; account, partition and container are yours."""

import pathlib

import nemo_run as run

HERE = pathlib.Path(__file__).resolve().parent


def executor(account, partition, **settings):
    """3 hosts of 8 ranks, task k on the host in line k of hostfile_of_tasks."""
    return run.SlurmExecutor(
        account=account,
        partition=partition,
        nodes=3,
        ntasks_per_node=8,
        gpus_per_node=8,
        # Exactly the hosts of the plan.
        additional_parameters={"nodelist": "leaf0-n[0-2]"},
        # Without it Slurm sorts hosts by name and undoes the placement.
        srun_args=["--distribution=arbitrary"],
        env_vars={
            "SLURM_HOSTFILE": str(HERE / "hostfile_of_tasks"),
            # The host of rank 0, who listens; left alone, Slurm's first host by name is asked.
            "MASTER_ADDR": "leaf0-n0",
            # Before Blackwell, tensor and context parallelism refuse to start without it: one
            # hardware queue keeps communication ahead of the computation it overlaps.
            "CUDA_DEVICE_MAX_CONNECTIONS": "1",
            # The plan's memory limits leave no room for the fragments of fixed segments.
            "PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True",
            # 8 rails: the plan keeps every ring on the leaf switches of one rail; by default NCCL
            # may change rails, through the spine.
            "NCCL_CROSS_NIC": "0",
        },
        **settings,
    )
