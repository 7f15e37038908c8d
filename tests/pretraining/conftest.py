"""What tests of pretraining share: a pretraining of a few tiny images, and steps without a compiled graph."""

import pytest

from radiogen.pretraining.settings import PretrainingSettings
from tests.training.conftest import eager  # noqa: F401  (a fixture)


@pytest.fixture
def begin(small_data, small_recipe, small_cache, tmp_path):
    """Begin the pretraining `name` of `small_data`, or of other data sets; options change the settings."""
    from radiogen.pretraining.workflow import begin_pretraining

    def call(name="pre", data=None, recipe=None, leave_out=(), **settings):
        chosen = PretrainingSettings(**{"epochs": 2, "batch_size": 8, **settings})
        return begin_pretraining(data or [small_data], recipe or small_recipe, chosen, tmp_path / "models" / name,
                                 small_cache if data is None else tmp_path / "cache", leave_out=leave_out, workers=1)

    return call
