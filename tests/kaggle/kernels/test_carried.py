"""In a session only what is missing or out of range is installed; what is in range is never replaced."""

import pytest

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.kaggle.kernels import carried, image

NEEDS = {"ours": ["pillow>=10", "tyro>=0.9", "numpy>=2"]}


@pytest.fixture
def there(monkeypatch, tmp_path):
    """The session's packages, by name the version; pip installs into it what the bundle has."""
    packages = {"pillow": "11.3.0", "numpy": "1.9", "shtab": "1.0"}

    def version(name):
        if name not in packages:
            raise image.importlib.metadata.PackageNotFoundError(name)
        return packages[name]

    def pip(words, check):
        assert check and "--no-index" in words and "--no-deps" in words
        packages.update(word.split("==") for word in words if "==" in word)

    monkeypatch.setattr(image.importlib.metadata, "requires", NEEDS.get)
    monkeypatch.setattr(image.importlib.metadata, "version", version)
    monkeypatch.setattr(carried.subprocess, "run", pip)
    return packages


def _bundle(tmp_path, *wheels):
    files.write_json(tmp_path / "radiogen-bundle.json", {"wheels": list(wheels)})
    return tmp_path


def test_what_the_session_has_in_range_is_not_replaced(there, tmp_path):
    installed = carried.install_carried(_bundle(tmp_path, "pillow==13.0.0", "tyro==1.0", "numpy==2.4", "shtab==2.0"),
                                        "ours")
    assert installed == ["tyro==1.0", "numpy==2.4"]
    assert there == {"pillow": "11.3.0", "numpy": "2.4", "shtab": "1.0", "tyro": "1.0"}


def test_what_is_still_missing_is_named_with_the_probe(there, tmp_path):
    with pytest.raises(UserError, match="lack what ours needs: tyro not installed.*probe_kaggle_image"):
        carried.install_carried(_bundle(tmp_path, "numpy==2.4"), "ours")
