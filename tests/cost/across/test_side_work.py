"""Traffic of work beside the step, and the age of weights, worked out by hand."""

import pytest

from placer.cost.across.side_work import (
    Training,
    consumed_tokens_per_s,
    freshness,
    generated_tokens_per_s,
    rates_of,
)
from placer.spec.side_work import CheckpointSpec, RolloutSpec, ServiceSpec, StandbySpec

TRAINING = Training(num_parameters=405_000_000_000, step_s=8.0, tokens_per_step=16e6)
ROLLOUTS = RolloutSpec.model_validate(
    {
        "name": "rl",
        "gpus": 1024,
        "weights_every_steps": 4,
        "staleness_limit": 8,
        "generation": "20 s",
        "tokens_per_s_per_gpu": 2500,
    }
)


def test_405b_copied_every_half_hour() -> None:
    """14 bytes per parameter are 5.67 TB; 3.15 GB/s."""
    work = CheckpointSpec.model_validate({"name": "c", "every": "30 min"})
    rates = rates_of(work, TRAINING)
    assert rates.broadcast_bytes == pytest.approx(5.67e12)
    assert rates.out_bytes_per_s == pytest.approx(3.15e9)
    assert rates.back_bytes_per_s == 0.0


def test_weights_for_evaluation() -> None:
    work = ServiceSpec.model_validate({"name": "e", "gpus": 64, "weights_every": "1 h"})
    assert rates_of(work, TRAINING).out_bytes_per_s == pytest.approx(810e9 / 3600)


def test_rollouts_get_weights_and_send_tokens() -> None:
    rates = rates_of(ROLLOUTS, TRAINING)
    assert rates.out_bytes_per_s == pytest.approx(810e9 / 32.0)
    # 2M tokens/s of 8 bytes.
    assert rates.back_bytes_per_s == pytest.approx(16e6)
    assert consumed_tokens_per_s(ROLLOUTS, TRAINING) == pytest.approx(2e6)
    assert generated_tokens_per_s(ROLLOUTS) == pytest.approx(2.56e6)


def test_age_is_waiting_travelling_and_generating() -> None:
    # 20 s on the way and 20 s of generation are 3 steps each.
    age = freshness(ROLLOUTS, TRAINING, broadcast_s=20.0)
    assert (age.between, age.on_the_way, age.generating) == (4, 3, 3)
    assert age.staleness == 10


def test_standby_is_charged_its_burst() -> None:
    work = StandbySpec.model_validate({"name": "s", "gpus": 8, "burst": "1 GB/s"})
    assert rates_of(work, TRAINING).out_bytes_per_s == 1e9
