"""What a Kaggle session provides: Python, packages, memory, hours; and which packages a kernel has to bring.

In: the table `kaggle_image.csv` beside this file and the requirements of the installed package. Out: the packages that
an image lacks. The table has rows by the digest of an image. Its `source` says where a row is from: `probe`, a kernel
that `probe_kaggle_image.py` ran in that image; public notebooks that print an image's digest; or the lists that the
image of September 2026 was built from (Kaggle/docker-python, pull request 1557: kaggle_requirements.txt, and Colab's
pip-freeze.gpu.txt at googlecolab/backend-info 03a8903), which no session has confirmed.
"""

import importlib.metadata
import logging
from collections.abc import Mapping
from importlib.resources import files as resources
from typing import TYPE_CHECKING

from radiogen.core.errors import UserError

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet

_LOG = logging.getLogger(__name__)

TABLE, COLUMNS = "kaggle_image.csv", ("image", "package", "version", "source")
PROBE = "probe"
"""The `source` of rows that a session has written."""
WHEEL_PYTHONS = ("3.12", "3.13")
"""Python of the images before and since October 2026; a bundle without a wheel for either is refused."""
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


def image_packages(image: str = "") -> dict[str, str]:
    """By normalised package name the version in an image; '' where the image installs the newest.

    image: its reference or digest; '' for what all images have whose packages are known. A warning is logged where the
    packages of `image` are not known, and those of the others are taken.
    """
    known = _known_images()
    digest = image.rpartition("@")[2]
    if digest in known:
        return known[digest]
    if image:
        _LOG.warning(f"the packages of {image} are not known, and are taken to be those of the images that are")
    tables = list(known.values())
    return {name: version for name, version in tables[0].items() if all(name in table for table in tables)}


def missing_packages(image: Mapping[str, str], package: str = "radiogen") -> dict[str, str]:
    """What `package` needs, directly or through missing packages, and `image` lacks: by package the version here.

    A package whose version in the image is out of range is lacking, too. The versions are those of this environment,
    which are the tested ones. Raises UserError where one of them is not installed here.
    """
    missing: dict[str, str] = {}
    for name in _requirements(package):
        there = image.get(name)
        fits = name in NOT_IN_SESSION or (there is not None and (
            not there or wanted_range(name, package).contains(there, prereleases=True)))
        if fits or name in missing:
            continue
        missing |= {name: _version(name)} | missing_packages({**image, **missing, name: ""}, name)
    return dict(sorted(missing.items()))


def needed_packages(package: str = "radiogen") -> set[str]:
    """All packages that `package` needs, directly or not, as they are installed here."""
    found: set[str] = set()
    todo = [package]
    while todo:
        name = todo.pop()
        if name in (*found, *NOT_IN_SESSION) or (name != package and not installed_version(name)):
            continue
        found.add(name)
        todo += _requirements(name)
    return found - {package}


def wanted_range(name: str, package: str = "radiogen") -> "SpecifierSet":
    """The versions of `name` that `package` wants; all where it does not name it."""
    from packaging.requirements import Requirement
    from packaging.specifiers import SpecifierSet

    wanted = [one.specifier for one in map(Requirement, importlib.metadata.requires(package) or [])
              if normal_name(one.name) == name and (one.marker is None or one.marker.evaluate({"extra": ""}))]
    return wanted[0] if wanted else SpecifierSet()


def outside_ranges(package: str = "radiogen") -> list[str]:
    """The requirements of `package` that this environment does not meet, each as `name version, wanted range`."""
    from packaging.requirements import Requirement

    outside = []
    for wanted in map(Requirement, importlib.metadata.requires(package) or []):
        name = normal_name(wanted.name)
        if name in NOT_IN_SESSION or (wanted.marker is not None and not wanted.marker.evaluate({"extra": ""})):
            continue
        version = next(filter(None, map(installed_version, (name, *STAND_INS.get(name, ())))), "")
        if not version or not wanted.specifier.contains(version, prereleases=True):
            outside.append(f"{name} {version or 'not installed'}, wanted {wanted.specifier or 'any'}")
    return outside


def normal_name(name: str) -> str:
    """A package's normalised name (PyPA: name normalisation)."""
    return name.lower().replace("_", "-").replace(".", "-")


def installed_version(name: str) -> str:
    """The version of an installed package; '' where it is not installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _known_images() -> dict[str, dict[str, str]]:
    """By digest the packages of each image of the table of which more than Python is known."""
    lines = resources("radiogen.kaggle.kernels").joinpath(TABLE).read_text(encoding="utf-8").splitlines()[1:]
    known: dict[str, dict[str, str]] = {}
    for image, name, version, _ in (line.split(",") for line in lines):
        known.setdefault(image, {})[name] = version
    return {image: {name: version for name, version in packages.items() if name != "python"}
            for image, packages in known.items() if len(packages) > 1}


def _requirements(package: str) -> list[str]:
    """The names that `package` requires on any of `WHEEL_PYTHONS`, extras left out."""
    from packaging.requirements import Requirement

    try:
        wanted = [Requirement(text) for text in importlib.metadata.requires(package) or []]
    except importlib.metadata.PackageNotFoundError:
        raise UserError(package, "is not installed here, so its requirements are unknown", "run `make setup`") from None
    places = [{"extra": "", "python_version": python, "python_full_version": f"{python}.0"} for python in WHEEL_PYTHONS]
    return [normal_name(one.name) for one in wanted
            if one.marker is None or any(one.marker.evaluate(place) for place in places)]


def _version(name: str) -> str:
    version = installed_version(name)
    if not version:
        raise UserError(name, "is missing here and in Kaggle's image", f"pip install {name}")
    return version
