"""Keras comes without what it does not need here, and leaves it importable for those who do."""

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import radiogen
from radiogen.networks.backend import _hide_modules, _Jax, _TensorFlow, _Torch, backend, keras


def test_a_hidden_module_cannot_be_imported_meanwhile_and_can_be_afterwards():
    sys.modules.pop("this", None)
    with _hide_modules("colorsys", "this"), pytest.raises(ImportError):
        import this  # noqa: F401
    assert "this" not in sys.modules
    import colorsys

    assert colorsys.rgb_to_hsv(1, 1, 1) == (0, 0, 1)


def test_a_module_that_is_there_already_stays():
    with _hide_modules("subprocess"):
        import subprocess as there
    assert there is subprocess


@pytest.mark.slow
def test_keras_is_imported_without_scikit_learn_and_pyplot_which_can_be_imported_after_it():
    program = ("import sys\nfrom radiogen.networks.backend import keras\n"
               "print([name for name in ('sklearn', 'matplotlib.pyplot') if name in sys.modules])\n"
               "import sklearn.model_selection, matplotlib.pyplot\nprint(keras.Model is not None)")
    end = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert end.stdout == "[]\nTrue\n", end.stderr


def test_the_adapter_is_that_of_the_back_end_that_keras_was_imported_with():
    assert backend().name == keras.backend.backend()


def test_what_back_ends_can_do_is_what_keras_offers_on_them():
    assert [one for one in (_TensorFlow, _Jax, _Torch) if one.joins_machines] == [_Jax]
    assert [one for one in (_TensorFlow, _Jax, _Torch) if one.replicates] == [_TensorFlow]


def test_no_module_but_the_adapter_and_its_layers_asks_which_back_end_there_is_or_loads_one():
    source, load = Path(radiogen.__file__).parent, r"^\s*(import|from) (tensorflow|jax|torch)\b|keras\.backend\.backend"
    texts = {path.relative_to(source): path.read_text() for path in source.rglob("*.py")}
    asks = [path for path, text in texts.items() if re.search(load, text, re.MULTILINE)]
    assert sorted(asks) == [Path("networks/backend.py"), Path("networks/engines/frozen.py"),
                            Path("networks/tensorflow_cpu.py")]


@pytest.mark.parametrize("one", [_TensorFlow, _Jax, _Torch])
def test_an_adapter_loads_its_own_back_end_alone(one):
    loaded = set(re.findall(r"^\s+import (tensorflow|jax|torch)$", inspect.getsource(one), re.MULTILINE))
    assert loaded == {one.name}
