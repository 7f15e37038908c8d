"""The window that the files name is applied as the standard writes it, to the slice it belongs to."""

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from benchmarks.synthetic.series_files import pattern, write_enhanced, write_series
from radiogen.imaging.findings import FindingCode
from radiogen.imaging.series import read_series
from radiogen.imaging.window import apply_window, read_windows

from .made.expected import everywhere, finding

VOXELS = pattern((4, 6, 8))


def _shown(folder):
    volume = read_series(folder)
    windows, findings = read_windows(folder, volume)
    return np.stack([apply_window(*pair) for pair in zip(volume.voxels, windows, strict=True)]), findings


def _scaled(values):
    return (values - values.min()) / np.ptp(values)


def _linear(values, centre, width):
    """PS3.3, C.11.2.1.2.1, to 0..1."""
    return np.clip((values - (centre - 0.5)) / (width - 1) + 0.5, 0, 1)


FUNCTIONS = {
    "LINEAR": _linear,
    "LINEAR_EXACT": lambda values, centre, width: np.clip((values - centre) / width + 0.5, 0, 1),
    "SIGMOID": lambda values, centre, width: 1 / (1 + np.exp(-4 * (values - centre) / width)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_function_of_the_standard_is_known(tmp_path, name):
    write_series(tmp_path, VOXELS, WindowCenter="90", WindowWidth="60", VOILUTFunction=name, BitsStored=12, HighBit=11)
    shown, findings = _shown(tmp_path)
    assert np.allclose(shown / 4095, FUNCTIONS[name](VOXELS.astype(float), 90, 60), atol=1e-5)
    assert findings == []


def test_each_slice_has_its_own_files_window_whatever_the_files_are_called(tmp_path):
    def change(index, dataset):
        dataset.WindowCenter, dataset.WindowWidth = str(30 + 40 * index), "50"

    write_series(tmp_path, VOXELS, numbers=[3, 1, 4, 2], change=change)
    shown, _ = _shown(tmp_path)
    for index, pixels in enumerate(VOXELS.astype(float)):
        assert np.allclose(shown[index] / 65535, _linear(pixels, 30 + 40 * index, 50), atol=1e-5)


def test_a_slice_that_was_interpolated_takes_its_neighbours_window_and_the_others_keep_theirs(tmp_path):
    def change(index, dataset):
        dataset.WindowCenter, dataset.WindowWidth = str(100 + 40 * index), "50"

    voxels = pattern((7, 6, 8))
    paths = write_series(tmp_path, voxels, change=change)
    paths[3].unlink()
    windows, _ = read_windows(tmp_path, read_series(tmp_path))
    centres = [float(window.WindowCenter) for window in windows]
    assert len(centres) == 7 and centres[3] in (180, 260)
    assert centres[:3] == [100, 140, 180] and centres[4:] == [260, 300, 340]


def test_of_several_windows_the_first_counts_and_a_finding_says_so(tmp_path):
    write_series(tmp_path, VOXELS, WindowCenter=["90", "10"], WindowWidth=["60", "5"])
    shown, findings = _shown(tmp_path)
    assert np.allclose(shown / 65535, _linear(VOXELS.astype(float), 90, 60), atol=1e-5)
    assert findings == [finding(FindingCode.WINDOWS_SEVERAL)]


def test_a_lookup_table_comes_before_a_window(tmp_path):
    item = Dataset()
    item.LUTDescriptor = [256, 0, 16]
    item.add_new("LUTData", "OW", (100 * np.arange(255, -1, -1)).astype("<u2").tobytes())
    write_series(tmp_path, VOXELS, WindowCenter="90", WindowWidth="60", VOILUTSequence=Sequence([item]))
    shown, _ = _shown(tmp_path)
    assert np.array_equal(shown, (255 - VOXELS.astype(int)) * 100)


def test_a_file_without_a_window_is_left_as_it_is_and_named(tmp_path):
    def change(index, dataset):
        if index != 2:
            dataset.WindowCenter, dataset.WindowWidth = "90", "60"

    write_series(tmp_path, VOXELS, change=change)
    shown, findings = _shown(tmp_path)
    assert np.array_equal(shown[2], VOXELS[2]) and not np.array_equal(shown[1], VOXELS[1])
    assert findings == [finding(FindingCode.WINDOW_MISSING, "Image-3.dcm", everywhere=False)]


def test_a_window_of_no_width_is_left_out_with_a_finding(tmp_path):
    write_series(tmp_path, VOXELS, WindowCenter="90", WindowWidth="0")
    shown, findings = _shown(tmp_path)
    assert np.array_equal(shown, VOXELS)
    (one,) = findings
    assert one == everywhere(FindingCode.WINDOW_IMPOSSIBLE, 4, error=one.values["error"]) and one.values["error"]


def test_windows_are_of_rescaled_values(tmp_path):
    write_series(tmp_path, VOXELS, RescaleSlope="2", RescaleIntercept="-100", WindowCenter="90", WindowWidth="60")
    shown, _ = _shown(tmp_path)
    assert np.allclose(_scaled(shown), _linear(VOXELS * 2.0 - 100, 90, 60), atol=1e-5)


def test_the_window_of_an_enhanced_frame_is_found_in_its_functional_groups(tmp_path):
    def change(frame, groups):
        item = Dataset()
        item.WindowCenter, item.WindowWidth = str(30 + 40 * [2, 0, 3, 1][frame]), "50"
        groups.FrameVOILUTSequence = Sequence([item])

    write_enhanced(tmp_path / "one.dcm", VOXELS, order=[2, 0, 3, 1], change=change)
    shown, _ = _shown(tmp_path)
    for index, pixels in enumerate(VOXELS.astype(float)):
        assert np.allclose(shown[index] / 65535, _linear(pixels, 30 + 40 * index, 50), atol=1e-5)


def test_an_inverted_series_keeps_its_values_and_says_so(tmp_path):
    write_series(tmp_path, VOXELS, PhotometricInterpretation="MONOCHROME1", WindowCenter="90", WindowWidth="60")
    shown, findings = _shown(tmp_path)
    assert np.array_equal(shown, read_series(tmp_path).voxels)
    assert findings == [finding(FindingCode.WINDOW_OF_INVERTED)]


def test_every_real_series_gets_a_window_for_each_slice_or_a_finding(real_data):
    for name in ("siemens_t1_sag", "ge_pd_ax_obl", "philips_mprage_sag", "siemens_xa_enh_t1"):
        folder = real_data / "dicom" / name
        volume = read_series(folder)
        windows, findings = read_windows(folder, volume)
        assert len(windows) == len(volume.voxels)
        assert all(window is not None for window in windows) or findings


def test_a_window_beside_an_element_of_the_wrong_kind_is_reported_and_the_others_are_applied(tmp_path):
    paths = write_series(tmp_path, VOXELS, WindowCenter="90", WindowWidth="60")
    content = paths[1].read_bytes()
    paths[1].write_bytes(content.replace(b"\x28\x00\x03\x01US", b"\x28\x00\x03\x01FD"))
    windows, findings = read_windows(tmp_path, read_series(tmp_path))
    assert [window is None for window in windows] == [False, True, False, False]
    (one,) = findings
    assert (one.code, one.files) == (FindingCode.WINDOW_UNREADABLE, (paths[1].name,))
