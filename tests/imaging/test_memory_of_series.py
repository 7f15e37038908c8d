"""What a large series takes of memory, as a multiple of its voxels as stored, counted by tracemalloc."""

import itertools
import tracemalloc

import numpy as np
import pytest
from pydicom.uid import JPEGLSLossless

from benchmarks.synthetic.series_files import write_enhanced, write_series
from radiogen.arrays.case_arrays import case_array, read_case
from radiogen.arrays.geometries import values
from radiogen.arrays.series_arrays import read_cube, read_slices
from radiogen.arrays.settings import CacheSettings
from radiogen.imaging import resized
from radiogen.imaging.resampling import resample_isotropic
from radiogen.imaging.series import read_series

AFFINE = np.array([[0, 0, 1.5, -96], [0, 1.5, 0, -96], [0.5, 0, 0, -90], [0, 0, 0, 1]])
SHAPE = (360, 128, 128)
RESCALED = {"RescaleSlope": "1.5", "RescaleIntercept": "-7"}


def _arrays(kind, geometry, how, **more):
    settings = CacheSettings(kind, ("FLAIR",), more.pop("size", 32), geometry, how, **more)
    return lambda folder, fast: case_array(settings, read_case({"FLAIR": folder}, [settings], whole=True, case="00000",
                                                               fast=fast), whole=True)


OUTPUTS = {
    "volume": lambda folder, fast: read_series(folder, fast=fast),
    "cube": lambda folder, fast: read_cube(folder, 32, fast=fast),
    "slices": lambda folder, fast: read_slices(folder, 56, fast=fast),
    "equal steps": lambda folder, fast: resample_isotropic(read_series(folder, fast=fast), 2.0),
    "isotropic cube": _arrays("cubes", "isotropic", "percentile", edge_mm=180.0),
    "isotropic slices": _arrays("slices", "isotropic", "percentile", slices_per_series=8),
    "z-score": _arrays("cubes", "stretch", "z-score", dtype="float16"),
    "slab": _arrays("slabs", "slab", "min-max slices", depth=16, window=True),
    "windowed": _arrays("slices", "stretch", "min-max slices", window=True)}


@pytest.fixture(autouse=True)
def _thrift(monkeypatch):
    """What is done with larger series than these."""
    monkeypatch.setattr(values, "KEPT_BYTES", 0)
    monkeypatch.setattr(resized, "LARGE_BYTES", 0)


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    """Series of a head in noise by kind, each with a small one of the same kind to warm up."""
    root, rng = tmp_path_factory.mktemp("series"), np.random.default_rng(0)
    grid = np.ogrid[tuple(slice(-1, 1, count * 1j) for count in SHAPE)]
    head = (rng.integers(0, 60, SHAPE) + 2000 * (sum(axis ** 2 for axis in grid) < 0.7)).astype(np.uint16)
    for size, voxels in (("large", head), ("small", head[::18, ::4, ::4])):
        write_series(root / "plain" / size, voxels, AFFINE)
        write_series(root / "rescaled" / size, voxels, AFFINE, **RESCALED)
        write_series(root / "jpeg-ls" / size, voxels, AFFINE, syntax=JPEGLSLossless)
        write_enhanced(root / "enhanced" / size / "1.dcm", voxels, AFFINE)
        for kind, header in (("gaps", {}), ("rescaled gaps", RESCALED)):
            for path in write_series(root / kind / size, voxels, AFFINE, **header)[5:-1:10]:
                path.unlink()
        for path in write_series(root / "damaged" / size, voxels, AFFINE)[5:-1:10]:
            path.write_bytes(path.read_bytes()[:-4])
    return root


def _peak(make, folder, fast):
    """The peak of what was allocated while the large series was made, as a multiple of its voxels as stored."""
    make(folder / "small", fast)
    tracemalloc.start()
    try:
        kept = make(folder / "large", fast)
        peak = tracemalloc.get_traced_memory()[1]
        del kept
    finally:
        tracemalloc.stop()
    return peak / (np.prod(SHAPE) * 2)


KINDS = ("plain", "rescaled", "gaps", "rescaled gaps", "enhanced", "jpeg-ls", "damaged")


def _quick(pairs, chosen):
    """All of these pairs as parameters; those that are not chosen run with the slow tests."""
    return [pytest.param(*pair, marks=() if chosen(*pair) else pytest.mark.slow) for pair in pairs]


@pytest.mark.parametrize(("kind", "output"), _quick(itertools.product(KINDS, OUTPUTS), lambda kind, output: (
    kind == "plain" or output in ("volume", "slices"))))
def test_one_series_takes_less_than_two_and_a_half_times_its_voxels_as_stored(series, kind, output):
    assert _peak(OUTPUTS[output], series / kind, True) < 2.5


@pytest.mark.parametrize(("kind", "output"), _quick(
    itertools.product(("plain", "gaps", "enhanced"), ("volume", "slices", "isotropic cube", "z-score")),
    lambda kind, output: output == "volume" or (kind, output) == ("plain", "slices")))
def test_pydicom_takes_no_more(series, kind, output):
    assert _peak(OUTPUTS[output], series / kind, False) < 2.5


@pytest.mark.parametrize(("kind", "size"), _quick(
    itertools.product(("plain", "rescaled"), (32, 56, 80, 96, 112, 128)), lambda kind, size: size in (56, 128)))
def test_bytes_made_while_files_are_read_take_less_than_one_and_a_fifth(series, kind, size):
    assert _peak(lambda folder, fast: read_slices(folder, size), series / kind, True) < 1.2


@pytest.mark.parametrize("kind", ["plain", "rescaled"])
@pytest.mark.parametrize("size", [56, 96, 128, 180])
def test_bytes_in_the_place_of_what_was_read_are_those_that_pydicoms_way_gives(series, kind, size):
    for place in ("small", "large"):
        assert np.array_equal(read_slices(series / kind / place, size),
                              read_slices(series / kind / place, size, fast=False))
