"""What several tests of training share: folds that are as if they were trained, and steps without a compiled graph."""

import pytest


@pytest.fixture
def eager():
    """A training step runs as Python: for a few steps that costs a tenth of tracing it, and the numbers are as good."""
    import tensorflow

    tensorflow.config.run_functions_eagerly(True)
    yield
    tensorflow.config.run_functions_eagerly(False)


@pytest.fixture(scope="session")
def pretend_trained():
    """A function that leaves in each fold of a run what training leaves there: weights of chance, history, timings."""
    from radiogen.networks.backend import keras
    from radiogen.runs.fold_weights import write_weights
    from radiogen.runs.training_records import write_history, write_timings
    from radiogen.training.model import make_network
    from radiogen.training.runs import fold_folder

    def write(run):
        epochs = run.recipe.optimisation.epochs
        for fold in ("0", "1"):
            folder = fold_folder(run, fold)
            folder.mkdir(exist_ok=True)
            write_history(folder, [{"epoch": epoch, "loss": 0.5} for epoch in range(1, epochs + 1)])
            write_timings(folder, {"seconds_an_epoch": [0.1] * epochs, "peak_memory_mb": 1, "checkpoint_bytes": 0})
            keras.utils.set_random_seed(int(fold))
            write_weights(folder, make_network(run.recipe.network, run.recipe.data).save_weights)
    return write
