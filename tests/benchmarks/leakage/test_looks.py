"""The benchmark of many looks: the best of noise seems good by itself, and is not as the best of fifty."""

import numpy as np
import pytest

from benchmarks.leakage import looks


@pytest.mark.parametrize("judge", [looks.judge_best, looks.judge_mean])
def test_the_best_of_noise_is_good_by_itself_alone(judge):
    found = [judge(np.random.default_rng([1, number]), 40, 1, 0.0, 99) for number in range(12)]
    assert np.mean([one[0] < 0.05 for one in found]) > 0.5 and sum(one[1] < 0.05 for one in found) <= 3


def test_a_fact_that_does_not_hold_ends_with_exit_code_1(monkeypatch, capsys):
    monkeypatch.setattr(looks, "judge_best", lambda *arguments: (0.01, 0.01))
    monkeypatch.setattr(looks, "judge_mean", lambda *arguments: (0.01, 1.0))
    with pytest.raises(SystemExit) as end:
        looks.main(repetitions=2)
    assert end.value.code == 1 and "**no**" in capsys.readouterr().out
