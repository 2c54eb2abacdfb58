"""Start launch.sh on every host of a plan, through a Ray placement group.

Start Ray on each host with a resource of the host's name, of a value above 0, which Ray would drop:

    ray start --address=HEAD:6379 --resources='{"host:NAME": 1}'
"""

import json
import os
import pathlib
import subprocess
import sys

import ray
from ray.util.placement_group import placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

HERE = pathlib.Path(__file__).resolve().parent


@ray.remote
def launch(host, arguments):
    """Run the script as that host; the files lie in the same folder on every host."""
    environment = os.environ | {"PLACER_HOST": host}
    # Ray shows a task some GPUs in its own order; the plan's order is in `nodes`.
    environment.pop("CUDA_VISIBLE_DEVICES", None)
    command = ["bash", str(HERE / "launch.sh"), *arguments]
    return subprocess.run(command, env=environment, check=True).returncode


def main():
    """One task per bundle; bundle i is line i of `nodes`."""
    wanted = json.loads((HERE / "ray_bundles.json").read_text())
    hosts = [line.split()[1] for line in (HERE / "nodes").read_text().splitlines()]
    ray.init(address="auto")
    group = placement_group(wanted["bundles"], strategy=wanted["strategy"])
    ray.get(group.ready())
    tasks = [
        launch.options(
            num_cpus=0,
            num_gpus=bundle["GPU"],
            scheduling_strategy=PlacementGroupSchedulingStrategy(
                placement_group=group, placement_group_bundle_index=index
            ),
        ).remote(host, sys.argv[1:])
        for index, (host, bundle) in enumerate(zip(hosts, wanted["bundles"], strict=True))
    ]
    ray.get(tasks)


if __name__ == "__main__":
    main()
