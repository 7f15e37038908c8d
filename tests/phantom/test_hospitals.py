"""Another hospital scans with more noise and less contrast on coarser grids, and its patients may be of one class."""

import numpy as np
import pytest

from radiogen.core.errors import UserError
from radiogen.dataset.patients import read_patients
from radiogen.imaging.series import read_series
from radiogen.phantom.data_set import PhantomSettings, list_cases, phantom_cases, write_phantom


def _series(folder):
    return [read_series(path) for path in sorted(folder.glob("train/*/T1wCE"))]


@pytest.fixture(scope="module")
def shifted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shifted")
    for shift in ("none", "mild", "strong"):
        write_phantom(folder / shift, PhantomSettings(cases=4, test_cases=0, shift=shift), workers=1)
    return {shift: _series(folder / shift) for shift in ("none", "mild", "strong")}


def test_a_shifted_hospital_has_noisier_air(shifted):
    def air(volume):
        voxels = volume.voxels.astype(float)
        return voxels[:, :3, :3].std() / np.percentile(voxels, 99)

    noise = {shift: np.median([air(one) for one in series]) for shift, series in shifted.items()}
    assert noise["none"] < noise["mild"] < noise["strong"]


def test_a_shifted_hospital_has_coarser_grids(shifted):
    voxels = {shift: sum(one.voxels.size for one in series) for shift, series in shifted.items()}
    assert voxels["none"] > voxels["mild"] > voxels["strong"]


def test_a_shifted_hospital_has_more_patients_of_label_1_and_the_same_tumours():
    key = phantom_cases(PhantomSettings(cases=2000, test_cases=0, effect=2, shift="strong"))
    assert abs(key["label"].mean() - 0.65) < 4 * np.sqrt(0.65 * 0.35 / 2000)
    means = key.groupby("label")["latent"].mean()
    assert abs(means[1] - means[0] - 2) < 4 * np.sqrt(1 / 700 + 1 / 1300)


def test_where_the_label_goes_with_the_hospital_the_tumour_says_nothing(tmp_path):
    key = phantom_cases(PhantomSettings(cases=2000, test_cases=0, site_confound=True))
    shares = key.groupby("site")["label"].mean()
    assert shares["north"] > 0.85 and shares["south"] > 0.85 and shares["east"] < 0.15 and shares["west"] < 0.15
    assert abs(key.groupby("label")["latent"].mean().diff().iloc[-1]) < 4 * np.sqrt(2 / 1000)
    write_phantom(tmp_path / "p", PhantomSettings(cases=6, test_cases=2, scale=0.05, site_confound=True), workers=1)
    assert set(read_patients(tmp_path / "p")["site"]) <= {"north", "east", "south", "west"}


def test_the_label_is_tied_to_one_thing(tmp_path):
    with pytest.raises(UserError, match="--site-confound: and --confound both tie the label"):
        write_phantom(tmp_path / "p", PhantomSettings(confound=True, site_confound=True))


def test_where_the_label_goes_with_the_maker_headers_and_air_show_it_and_planes_do_not():
    settings = PhantomSettings(cases=2000, test_cases=0, vendor_confound=True)
    key, cases = phantom_cases(settings), list_cases(settings)
    second = np.array([case.hospital.noise for case in cases]) > 1
    label = np.array([case.label for case in cases]) == 1
    assert abs(second[label].mean() - 0.9) < 0.03 and abs(second[~label].mean() - 0.1) < 0.03
    assert len({case.hospital.manufacturer for case in cases}) == 2
    coronal = (key["FLAIR_plane"] == "coronal").to_numpy()
    assert abs(coronal[label].mean() - coronal[~label].mean()) < 4 * np.sqrt(0.5 / 1000)
    assert abs(key.groupby("label")["latent"].mean().diff().iloc[-1]) < 4 * np.sqrt(2 / 1000)
