"""What Kaggle's image has is not carried there; what it lacks is, and what that needs."""

import pytest

from radiogen.core.errors import UserError
from radiogen.kaggle.kernels import image
from radiogen.kaggle.kernels.image import image_packages, missing_packages, outside_ranges


@pytest.fixture
def world(monkeypatch):
    """An environment of four packages: ours needs big and small, small needs tiny and big."""
    needs = {"ours": ["big>=2", "Small.Thing>=1; python_version >= '3.8'", "old; python_version < '3.0'",
                      "tests; extra == 'test'"],
             "small-thing": ["tiny", "big"], "tiny": [], "big": []}
    versions = {"ours": "1", "small-thing": "1.5", "tiny": "0.3", "big": "3.0"}

    def version(name):
        if name not in versions:
            raise image.importlib.metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(image.importlib.metadata, "requires", lambda name: needs[name])
    monkeypatch.setattr(image.importlib.metadata, "version", version)
    return versions


def test_only_what_the_image_lacks_is_brought_with_what_that_needs(world):
    assert missing_packages({"big": "2.0"}, "ours") == {"small-thing": "1.5", "tiny": "0.3"}
    assert missing_packages({"big": "2.0", "tiny": ""}, "ours") == {"small-thing": "1.5"}
    assert missing_packages({"big": "2.0", "small-thing": "1"}, "ours") == {}


def test_a_package_that_is_nowhere_is_named(world):
    del world["tiny"]
    with pytest.raises(UserError, match="tiny: is missing here and in Kaggle's image; pip install tiny"):
        missing_packages({"big": ""}, "ours")


def test_a_version_outside_its_range_is_reported(world):
    assert outside_ranges("ours") == []
    world["big"] = "1.9"
    del world["small-thing"]
    assert outside_ranges("ours") == ["big 1.9, wanted >=2", "small-thing not installed, wanted >=1"]


def test_the_table_of_the_image_has_what_a_network_needs_in_normal_spelling():
    packages = image_packages()
    assert {"tensorflow", "keras", "numpy", "pandas", "pydicom"} <= set(packages)
    assert "tyro" not in packages and "imagecodecs" not in packages
    assert all(image.normal_name(name) == name for name in packages)
