"""An encoder that tells images apart no more is named."""

import numpy as np
import pytest

from radiogen.pretraining.collapse import feature_spread, spread_text


def _features(images=200, features=16):
    return 1 + np.random.default_rng(3).random((images, features))


def test_features_that_vary_independently_have_as_many_directions_as_there_are_features():
    found = feature_spread(_features())
    assert found.dimensions == pytest.approx(16, rel=0.15) and not found.collapsed
    assert found.spread == pytest.approx(np.sqrt(1 / 12) / 1.5, rel=0.05)  # of a uniform distribution
    assert spread_text(found).startswith("features differ by 19%")


@pytest.mark.parametrize("features", [np.ones((20, 4)), np.zeros((20, 4)), 1 + 1e-4 * _features(),
                                      np.outer(_features(20, 1), np.arange(1, 5)), np.ones((1, 4))],
                         ids=["all alike", "all dead", "nearly alike", "one direction", "one image"])
def test_a_collapse_is_a_warning_that_says_what_to_do(features):
    found = feature_spread(features)
    assert found.collapsed
    text = spread_text(found)
    assert text.startswith("WARNING: the encoder collapsed") and "lower learning rate" in text


def test_dead_features_do_not_hide_that_the_others_vary():
    live = _features()
    both = np.concatenate([live, np.zeros((200, 30))], axis=1)
    assert feature_spread(both) == feature_spread(live)
