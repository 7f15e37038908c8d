"""All faults of the leakage benchmark, in the order of its table."""

from benchmarks.leakage.faults import acquisition, duplicates, labels, selection, splits, training, weights
from benchmarks.leakage.faults.fault import Base, By, Fault, Made

_TRAINING_ALONE = ("without `--permutations` nothing shows it: the table of predictions is that of a good run")
_SIGNAL, _NOTHING = Base.SIGNAL, Base.NOTHING
_TRAINED, _SIMULATED, _RECORDS = Made.TRAINED, Made.SIMULATED, Made.RECORDS

CLEAN: tuple[Fault, ...] = tuple(Fault(f"clean, {base}", base, Made.TRAINED, training.nothing) for base in Base)
"""Clean runs, judged as faulty ones are."""

FAULTS: tuple[Fault, ...] = (
    Fault("cases moved to another fold, in predictions.csv", _SIGNAL, _TRAINED, splits.moved, (By.PATIENTS,)),
    Fault("the same, and folds.csv changed to fit", _SIGNAL, _TRAINED, splits.moved_with_folds, (By.NETWORKS,)),
    Fault("follow-ups of patients in other folds, named in patients.csv", _SIGNAL, _TRAINED, splits.follow_up_named,
          (By.PATIENTS,)),
    Fault("follow-ups of patients in other folds, not named", _SIGNAL, _TRAINED, splits.follow_up_unnamed, (),
          "another examination has other pixels, and only a table of patients says whose it is"),
    Fault("a patient twice, the same pixels", _SIGNAL, _TRAINED, duplicates.same_pixels, (By.PIXELS,)),
    Fault("a patient twice, exported again", _SIGNAL, _TRAINED, duplicates.exported_again, (By.PIXELS,)),
    *(Fault(f"a patient twice, {kind}", _SIGNAL, _TRAINED, duplicates.near_duplicate(kind), (By.PIXELS,))
      for kind in duplicates.KINDS),
    Fault("patients twice, shifted by a voxel, and a model that memorises", _NOTHING, _TRAINED, duplicates.memorised,
          (By.PIXELS,)),
    Fault("labels tied to the plane", _SIGNAL, _TRAINED, labels.tied_to_plane, (By.BASELINE, By.ACQUISITION)),
    Fault("labels tied to the case id", _SIGNAL, _TRAINED, labels.tied_to_id, (By.BASELINE, By.ACQUISITION)),
    Fault("labels tied to the number of slices", _SIGNAL, _TRAINED, labels.tied_to_slices,
          (By.BASELINE, By.ACQUISITION)),
    Fault("a mirrored scanner, tied to the label", _SIGNAL, _TRAINED, labels.mirrored_scanner,
          (By.BASELINE, By.ACQUISITION)),
    Fault("a hidden vendor, tied to the label", _SIGNAL, _TRAINED, acquisition.hidden_vendor,
          (By.BASELINE, By.ACQUISITION)),
    Fault("a hospital, tied to the label", _SIGNAL, _SIMULATED, acquisition.site_as_proxy,
          (By.BASELINE, By.ACQUISITION)),
    Fault("age as the label's proxy", _SIGNAL, _SIMULATED, acquisition.age_as_proxy, (By.BASELINE, By.PATIENT)),
    Fault("cases mirrored at random", _SIGNAL, _TRAINED, labels.mirrored_at_random, (),
          "nothing in the headers tells a mirrored image from a head, and without an association with the label it "
          "helps no model either"),
    Fault("a burnt-in mark", _SIGNAL, _TRAINED, labels.burnt_in_mark, (By.AUC,)),
    Fault("labels swapped in 5 %", _SIGNAL, _TRAINED, labels.swapped, (),
          "a wrong label looks like a hard case; no table knows what the laboratory should have found"),
    Fault("labels permuted in the training alone", _SIGNAL, _TRAINED, labels.permuted_in_training, (),
          "the run is one that learnt nothing, and is judged so"),
    Fault("weights trained on scored cases, recorded in saw.csv", _SIGNAL, _SIMULATED, weights.pretrained,
          (By.FIRST_WEIGHTS,)),
    Fault("weights trained on scored cases, nothing recorded", _SIGNAL, _SIMULATED, weights.pretrained_unrecorded, (),
          "only who trained the weights knows on what; the report names initial weights as not checked"),
    Fault("each fold began with the next fold's network", _SIGNAL, _SIMULATED, weights.other_fold_first,
          (By.LINEAGE,)),
    Fault("a fold's network is a copy of another fold's", _SIGNAL, _RECORDS, weights.other_fold_network,
          (By.NETWORKS,)),
    Fault("epoch chosen on the scored fold", _NOTHING, _TRAINED, training.chosen_epoch, (By.PERMUTATIONS,),
          _TRAINING_ALONE),
    Fault("features chosen on all cases before the folds", _NOTHING, _TRAINED, training.features_before_folds,
          (By.PERMUTATIONS,), _TRAINING_ALONE),
    Fault("pseudo-labels of the scored cases", _NOTHING, _TRAINED, training.pseudo_labels, (By.PERMUTATIONS,),
          _TRAINING_ALONE),
    Fault("best of 20 seeds", _NOTHING, _TRAINED, selection.best_of_seeds, (By.LOOKS,)),
    Fault("best of 20 seeds, the others taken out of the ledger", _NOTHING, _TRAINED,
          selection.best_of_seeds_taken_out, (By.LOOKS,)),
    Fault("best of 20 seeds, the others scored elsewhere", _NOTHING, _TRAINED, selection.best_of_seeds_elsewhere, (),
          "no record says how many were tried; a holdout that nobody looked at does"),
    Fault("mean of the best 5 of 50 seeds", _NOTHING, _TRAINED, selection.best_ensemble, (By.LOOKS,)),
    Fault("best holdout of 20", _NOTHING, _TRAINED, selection.best_holdout, (By.LOOKS,)),
    Fault("threshold chosen on the scored cases", _NOTHING, _TRAINED, selection.moved_threshold, (),
          "probabilities do not say who moved them; the verdict rests on the AUC within folds, which does not change"),
    Fault("calls alone, by such a threshold", _NOTHING, _TRAINED, selection.calls, (By.TRAINING,)),
)
"""Each has a name of its own."""
