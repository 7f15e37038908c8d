"""A patient who is in both cohorts is found under another name, by each way alone; strangers are let pass."""

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from radiogen.core.errors import UserError
from radiogen.evaluation.audit.near_hashes import hash_distance_limit
from radiogen.evaluation.external import overlap
from radiogen.evaluation.external.overlap import Way, find_overlap, join_overlaps, refuse_overlap
from radiogen.runs.external.cohorts import CaseMarks
from radiogen.runs.ledger.looks import Look, read_looks

SEQUENCES = ("FLAIR", "T1w")


def marks(prefix, count, seed):
    """A cohort of strangers: ids from `prefix`, everything else drawn."""
    random, ids = np.random.default_rng(seed), [f"{prefix}{number:03d}" for number in range(count)]
    cases = pd.DataFrame({"case": ids,
                          "sha256": [random.bytes(32).hex() for _ in ids],
                          "perceptual_hash": [random.bytes(32).hex() for _ in ids]})
    series = pd.DataFrame([(case, name, random.bytes(32).hex()) for case in ids for name in SEQUENCES],
                          columns=["case", "sequence", "perceptual_hash"])
    contents = pd.DataFrame([(case, random.bytes(32).hex()) for case in ids for _ in SEQUENCES],
                            columns=["case", "sha256"])
    return CaseMarks(cases, names(ids, ids), contents, series, patients=True, files=True)


def names(cases, called, source="id"):
    """What cases are called, by a table, by their task or by their own ids."""
    return pd.DataFrame({"case": cases, "name": called, "source": source})


def flipped(digits, bits, random):
    """A hash of which so many bits differ."""
    content = np.unpackbits(np.frombuffer(bytes.fromhex(digits), np.uint8))
    content[random.choice(256, bits, replace=False)] ^= 1
    return np.packbits(content).tobytes().hex()


def with_copy(own, other, way, seed):
    """`other` with one of its cases made a copy of one of `own` by this way alone; returns it and the pair."""
    random = np.random.default_rng(seed)
    source, target = random.integers(len(own.cases)), random.integers(len(other.cases))
    pair = own.cases["case"][source], other.cases["case"][target]
    cases, contents, series = other.cases.copy(), other.contents.copy(), other.series.copy()
    more = names([], [])
    if way is Way.PATIENT:
        more = names([pair[1]], [pair[0]], "table")
    elif way is Way.ARRAY:
        cases.loc[target, "sha256"] = own.cases["sha256"][source]
    elif way is Way.PICTURE:
        cases.loc[target, "perceptual_hash"] = flipped(own.cases["perceptual_hash"][source], 9, random)
    elif way is Way.FILES:  # one series alone
        contents.loc[contents.index[contents["case"] == pair[1]][1], "sha256"] = own.contents.loc[
            own.contents["case"] == pair[0], "sha256"].iloc[0]
    else:
        series.loc[series["case"] == pair[1], "perceptual_hash"] = [
            flipped(digits, 9, random)
            for digits in own.series.loc[own.series["case"] == pair[0], "perceptual_hash"]]
    return CaseMarks(cases, pd.concat([other.names, more]), contents, series, True, True), pair


def seen(*rows):
    """A `saw.csv`: case, patient and cohort."""
    return pd.DataFrame(rows, columns=["case", "patient", "cohort"])


WAYS = [way for way in Way if way is not Way.WEIGHTS]


@pytest.mark.parametrize("way", WAYS)
def test_one_renamed_patient_is_found_by_each_way_alone_in_every_draw(way):
    for seed in range(40):
        own = marks("a", 60, 1000 + seed)
        other, pair = with_copy(own, marks("b", 40, 2000 + seed), way, seed)
        assert find_overlap(own, other).pairs == {way: (pair,)}


def test_strangers_are_never_refused():
    for seed in range(40):
        assert find_overlap(marks("a", 80, seed), marks("b", 60, 500 + seed)).pairs == {}


def test_equal_case_ids_alone_are_counted_and_not_believed():
    found = find_overlap(marks("a", 30, 1), marks("a", 20, 2))
    assert found.pairs == {} and found.same_ids == 20


def test_an_id_is_believed_where_the_other_cohorts_table_names_that_patient():
    own, other = marks("UCSF-", 3, 1), marks("BraTS", 3, 2)
    named = pd.concat([other.names, names(list(other.cases["case"]), ["UCSF-001", "x", "y"], "table")])
    assert find_overlap(own, replace(other, names=named)).pairs == {Way.PATIENT: (("UCSF-001", "BraTS000"),)}


def test_what_a_case_is_called_elsewhere_is_believed_and_twice_the_same_form_of_one_id_is_not():
    own, other = marks("", 3, 1), marks("BraTS2021_", 3, 2)
    called = pd.concat([own.names, names(list(own.cases["case"]), list(other.cases["case"]), "task")])
    assert find_overlap(replace(own, names=called), other).pairs == {Way.PATIENT: tuple(
        zip(own.cases["case"], other.cases["case"], strict=True))}
    again = marks("", 3, 3)
    assert find_overlap(replace(own, names=called), replace(again, names=called)).pairs == {}


def test_pictures_of_nothing_and_arrays_that_were_not_made_are_no_overlap():
    own, other = ([one.cases.assign(sha256="", perceptual_hash="0" * 64), one] for one in (marks("a", 12, 1),
                                                                                         marks("b", 12, 2)))
    empty = [replace(one, cases=cases, series=one.series.assign(perceptual_hash="0" * 64))
             for cases, one in (own, other)]
    assert find_overlap(*empty).pairs == {}


def test_patients_who_look_alike_in_one_sequence_and_not_in_the_other_are_two():
    own, other = marks("a", 30, 1), marks("b", 30, 2)
    series = other.series.copy()
    series.loc[0, "perceptual_hash"] = own.series["perceptual_hash"][0]
    assert find_overlap(own, replace(other, series=series)).pairs == {}


def test_what_was_not_there_to_compare_is_unchecked_and_not_passed():
    own, other = marks("a", 5, 1), marks("b", 5, 2)
    blind = CaseMarks(own.cases.assign(perceptual_hash=""), own.names, own.contents.iloc[:3], own.series.iloc[:0],
                      patients=False, files=False)
    found = find_overlap(blind, replace(other, patients=False))
    assert found.unchecked == (Way.PATIENT, Way.FILES, Way.PICTURE, Way.SERIES)
    assert found.facts["checked"] == ["array"] and found.facts["unchecked"] == ["patient", "files", "picture", "series"]


def test_a_patient_whom_the_initial_weights_have_seen_is_found_by_id_in_that_cohort_and_by_name_in_any():
    other = replace(marks("b", 4, 2), called=frozenset({"elsewhere"}))
    named = replace(other, names=pd.concat([other.names, names(["b002"], ["Anna"], "table")]))
    own = replace(marks("a", 3, 1), seen=seen(("b000", "", "Elsewhere"), ("b001", "", "a third"), ("x", "Anna", "y")))
    found = find_overlap(own, named)
    assert found.pairs == {Way.WEIGHTS: (("saw.csv", "b000"), ("saw.csv", "b002"))}
    assert found.facts["checked"][-1] == "weights"


def test_a_case_whose_images_the_initial_weights_have_seen_without_labels_is_found_by_its_array():
    own, other = marks("a", 3, 1), marks("b", 4, 2)
    table = seen(("x", "", "y")).assign(seen="images", sha256=other.cases["sha256"].iloc[2])
    assert find_overlap(replace(own, seen=table), other).pairs == {Way.WEIGHTS: (("saw.csv", "b002"),)}


def test_an_id_that_weights_have_seen_in_no_named_cohort_counts_unless_it_may_be_a_case_of_the_run():
    other = marks("a", 4, 2)
    own = replace(marks("a", 2, 1), seen=seen(("a001", "", ""), ("a003", "", "")))
    assert find_overlap(own, other).pairs == {Way.WEIGHTS: (("saw.csv", "a003"),)}


def test_what_weights_have_seen_is_unchecked_where_nobody_wrote_it_down_and_no_matter_where_there_are_none():
    own, other = marks("a", 5, 1), marks("b", 5, 2)
    assert find_overlap(replace(own, seen=None), other).unchecked == (Way.WEIGHTS,)
    facts = find_overlap(own, other).facts
    assert "weights" not in facts["checked"] + facts["unchecked"]


def test_of_several_runs_each_pair_counts_once_and_a_way_is_checked_where_it_is_for_all():
    own, other = marks("a", 20, 1), marks("b", 20, 2)
    copied, pair = with_copy(own, other, Way.FILES, 3)
    found = join_overlaps([find_overlap(own, copied), find_overlap(replace(own, patients=False), replace(
        copied, patients=False)), find_overlap(own, copied)])
    assert found.pairs == {Way.FILES: (pair,)} and found.unchecked == (Way.PATIENT,)
    assert set(found.checked) == {*WAYS} - {Way.PATIENT}


def _look(**changes):
    return Look(**{"date": "2026-11-28 10:00:00", "run": "r", "cohort": "b", "data": "input/b", "fingerprint": "f",
                   "cases": 40, "positive": 20, "labels_sha256": "l", "recipe_sha256": "r", "networks_sha256": "n",
                   **changes})


def test_a_refusal_names_count_and_pairs_goes_on_record_without_an_auc_and_says_what_to_leave_out(tmp_path):
    own = marks("a", 40, 1)
    other, (source, target) = with_copy(own, marks("b", 40, 2), Way.PATIENT, 3)
    with pytest.raises(UserError) as refused:
        refuse_overlap(tmp_path, find_overlap(own, other), _look(), tmp_path / "b")
    text = str(refused.value)
    assert "1 of its 40 cases" in text and f"({target} = {source})" in text and f"--leave-out {target}" in text
    assert "\n" not in text
    row, = read_looks(tmp_path).to_dict("records")
    assert row["outcome"] == "refused" and np.isnan(row["auc"])
    assert [path.name for path in tmp_path.iterdir() if path.name[0] != "."] == ["ledger.jsonl"]


def test_a_cohort_that_is_the_runs_own_is_refused_whole(tmp_path):
    own = marks("a", 12, 1)
    with pytest.raises(UserError, match="12 of its 12 cases are in the run r, too: 12 by .*choose another cohort"):
        refuse_overlap(tmp_path, find_overlap(own, own), _look(cases=12), tmp_path / "b")


def test_without_an_overlap_nothing_is_written(tmp_path):
    refuse_overlap(tmp_path, find_overlap(marks("a", 9, 1), marks("b", 9, 2)), _look(), tmp_path / "b")
    assert list(tmp_path.iterdir()) == []


def _hashed(random, ids, known):
    bits = (random.random((len(ids), 256)) < 0.5) & (np.arange(256) % 5 == 0)
    table = pd.DataFrame({"case": ids, "perceptual_hash": [np.packbits(row).tobytes().hex() for row in bits]})
    return table.sample(frac=known, random_state=1)


def _by_comparing_all(own, other, tables):
    """Pairs whose mean distance over the sequences that both have is within the limit of all pairs."""
    means = {}
    for one, two in tables:
        for first, second in itertools.product(one.itertuples(), two.itertuples()):
            bits = (int(first.perceptual_hash, 16) ^ int(second.perceptual_hash, 16)).bit_count()
            means.setdefault((first.case, second.case), []).append(bits)
    means = {pair: np.mean(bits) for pair, bits in means.items()}
    limit = hash_distance_limit(np.array(list(means.values())))
    return tuple(sorted(pair for pair, mean in means.items() if mean <= limit)), limit


@pytest.mark.parametrize("at_once", [7, 1000])
@pytest.mark.parametrize("all_pairs", [0, 10 ** 6])
def test_hashes_are_compared_by_their_mean_however_many_at_once(monkeypatch, at_once, all_pairs):
    random = np.random.default_rng(4)
    own, other = (pd.Series([f"{name}{number}" for number in range(count)]) for name, count in (("a", 40), ("b", 25)))
    tables = [(_hashed(random, own, 0.9), _hashed(random, other, 0.8)) for _ in range(2)]
    for one, two in tables:
        two.iloc[:3, 1] = one["perceptual_hash"].iloc[:3].to_numpy()
    monkeypatch.setattr(overlap, "AT_ONCE", at_once)
    monkeypatch.setattr(overlap, "ALL_PAIRS", all_pairs)
    found = overlap._near(own, other, tables)
    assert found == _by_comparing_all(own, other, tables)
    assert len(found[0]) >= 1
