"""Keras comes without what it does not need here, and leaves it importable for those who do."""

import subprocess
import sys

import pytest

from radiogen.networks.backend import not_importable


def test_a_hidden_module_cannot_be_imported_meanwhile_and_can_be_afterwards():
    sys.modules.pop("this", None)
    with not_importable("colorsys", "this"), pytest.raises(ImportError):
        import this  # noqa: F401
    assert "this" not in sys.modules
    import colorsys

    assert colorsys.rgb_to_hsv(1, 1, 1) == (0, 0, 1)


def test_a_module_that_is_there_already_stays():
    with not_importable("subprocess"):
        import subprocess as there
    assert there is subprocess


@pytest.mark.slow
def test_keras_is_imported_without_scikit_learn_and_pyplot_which_can_be_imported_after_it():
    program = ("import sys\nfrom radiogen.networks.backend import keras\n"
               "print([name for name in ('sklearn', 'matplotlib.pyplot') if name in sys.modules])\n"
               "import sklearn.model_selection, matplotlib.pyplot\nprint(keras.Model is not None)")
    end = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert end.stdout == "[]\nTrue\n", end.stderr
