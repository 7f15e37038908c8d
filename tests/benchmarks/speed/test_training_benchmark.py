"""The benchmark of training: a peer that cannot be started is named, ratios are of one round, memory is the epoch's."""


import numpy as np
import pytest

from benchmarks.speed import training
from benchmarks.speed.contestants.training import Contestant

SMALL = {"rank": 2, "size": 32, "batch": 2, "job": "predict"}


def test_every_group_has_its_peer_first_and_both_stems_are_raced_in_3d():
    groups = training.contestants(3, 64, 4, gpu=False)
    assert all(group[0].engine in ("MONAI", "radiogen") for group in groups)
    against_monai = [[each.stem_stride for each in (group[0], group[-1])] for group in groups
                     if group[0].engine == "MONAI"]
    assert against_monai == 2 * [[2, 2], [1, 1], [2, 2], [1, 2]]
    assert {each.precision for group in groups for each in group} == {"float32", "bfloat16"}
    assert all(each.gpu for group in training.contestants(2, 224, 4, gpu=True) for each in group)


def test_training_on_a_cpu_races_the_peer_tuned_and_compiled_and_our_network_with_kerass_layers():
    for group in training.contestants(3, 64, 4, gpu=False):
        if group[0].job == "train" and "default" not in group[0].name:
            assert [(each.engine, each.tuned, each.compiled) for each in group] == [
                ("MONAI", False, False), ("MONAI", True, False), ("MONAI", True, True), ("radiogen", True, False),
                ("radiogen", False, False)]


def test_a_ratio_is_that_of_the_peers_time_in_the_same_round():
    peer = Contestant("peer", "MONAI", **SMALL)
    own = Contestant("own", "radiogen", **SMALL)
    rows = training._rows([peer, own], {peer: [1.0, 10.0, 2.0], own: [0.5, 5.0, 1.0]}, {})
    assert "| 1 |" in rows[0] and "**2.00** (2-2)" in rows[1]


def test_the_share_of_the_peak_counts_forward_and_backward_as_three():
    own = Contestant("own", "radiogen", **{**SMALL, "job": "train"})
    product = Contestant(training.PRODUCT, "product", 0, 64, 1, "")
    facts = {own: {"forward_flop": 100}, product: {"forward_flop": 1200}}
    row, = training._rows([own], {own: [1.0], product: [1.0]}, facts)
    assert "| 50% |" in row  # 3 x 100 FLOP x 2 inputs of 1,200


@pytest.mark.slow
def test_a_peer_that_is_not_there_is_named_and_the_others_run():
    group = [Contestant("gone", "MONAI", **SMALL), Contestant("own", "radiogen", **SMALL)]
    text = training.race_text([group], rounds=1, steps=1, peer=None)
    assert "| own |" in text and "gone: " in text and "| gone |" not in text
    rate = float(text.split("| own | predict | 2 | ")[1].split()[0])
    assert np.isfinite(rate) and rate > 0
