"""What a Kaggle session provides: Python, packages, memory, hours; and which packages a kernel has to bring.

In: the table `kaggle_image.csv` beside this file and the requirements of the installed package. Out: the packages that
the image lacks. Kaggle builds its image on Colab's and lists only what it adds, so the table combines both
lists; `session.py` records where the actual image differs.
"""

import importlib.metadata
from collections.abc import Mapping
from importlib.resources import files as resources

from radiogen.core.errors import UserError

SOURCE = ("Kaggle/docker-python, pull request 1557 of 2026-09-02 (base image release-colab-external-images_20260716) "
          "and kaggle_requirements.txt; googlecolab/backend-info, pip-freeze.gpu.txt at 03a8903 of June 2026")
PYTHON = "3.12"
WHEEL_PYTHONS = ("3.11", "3.12", "3.13")
"""Wheels are bundled for the image's Python, the previous and the next one, because the image is updated."""
WHEEL_PLATFORMS = (*(f"manylinux_2_{minor}_x86_64" for minor in range(35, 16, -1)), "manylinux2014_x86_64")
"""The image is Ubuntu 22.04 (glibc 2.35) or newer."""
MEMORY_BYTES = 30 * 10**9
"""Memory of a GPU session: 29 GiB are displayed, rounded down here."""
SESSION_SECONDS = 9 * 3600
"""A submission of this competition may run for nine hours (its page Code Requirements)."""
MACHINE_SHAPE = "NvidiaTeslaT4"
"""A P100, which Kaggle may choose by itself, is no longer served by the image (Kaggle/kaggle-cli, issue 1151)."""
NOT_IN_SESSION = ("kaggle",)
"""Required by the package, and useless without internet."""
STAND_INS = {"tensorflow": ("tensorflow-cpu",)}
"""Packages that provide the same modules under another name."""
HIDDEN_TEST_CASES = 4 * 87
"""The hidden test set is about four times the 87 visible cases."""


def image_packages() -> dict[str, str]:
    """By normalised package name the version in Kaggle's image; '' where the image installs the newest."""
    rows = resources("radiogen.kaggle.kernels").joinpath("kaggle_image.csv").read_text(encoding="utf-8").split()[1:]
    return {name: version for name, version, _ in (row.split(",") for row in rows)}


def missing_packages(image: Mapping[str, str], package: str = "radiogen") -> dict[str, str]:
    """What `package` needs, directly or through missing packages, and `image` lacks: by package the version here.

    The versions are those of this environment, which are the tested ones. Raises UserError where one of them is not
    installed here.
    """
    missing: dict[str, str] = {}
    for name in _requirements(package):
        if name in image or name in missing:
            continue
        missing |= {name: _version(name)} | missing_packages({**image, **missing, name: ""}, name)
    return dict(sorted(missing.items()))


def outside_ranges(package: str = "radiogen") -> list[str]:
    """The requirements of `package` that this environment does not meet, each as `name version, wanted range`."""
    from packaging.requirements import Requirement

    outside = []
    for wanted in map(Requirement, importlib.metadata.requires(package) or []):
        name = normal_name(wanted.name)
        if name in NOT_IN_SESSION or (wanted.marker is not None and not wanted.marker.evaluate({"extra": ""})):
            continue
        version = next(filter(None, map(_installed, (name, *STAND_INS.get(name, ())))), "")
        if not version or not wanted.specifier.contains(version, prereleases=True):
            outside.append(f"{name} {version or 'not installed'}, wanted {wanted.specifier or 'any'}")
    return outside


def normal_name(name: str) -> str:
    """A package's normalised name (PyPA: name normalisation)."""
    return name.lower().replace("_", "-").replace(".", "-")


def _requirements(package: str) -> list[str]:
    """The names that `package` requires on the image, extras left out."""
    from packaging.requirements import Requirement

    try:
        wanted = [Requirement(text) for text in importlib.metadata.requires(package) or []]
    except importlib.metadata.PackageNotFoundError:
        raise UserError(package, "is not installed here, so its requirements are unknown", "run `make setup`") from None
    where = {"extra": "", "python_version": PYTHON, "python_full_version": f"{PYTHON}.0"}
    return [normal_name(one.name) for one in wanted if one.marker is None or one.marker.evaluate(where)]


def _version(name: str) -> str:
    version = _installed(name)
    if not version:
        raise UserError(name, "is missing here and in Kaggle's image", f"pip install {name}")
    return version


def _installed(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
