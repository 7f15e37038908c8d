"""Masks of another space are written beside the series of the same patients, and of nobody else."""

import json
import shutil

import numpy as np
import pytest

from benchmarks.masks.registration import draw_motion
from radiogen.core.errors import UserError
from radiogen.imaging.export.series_export import write_nifti
from radiogen.imaging.masks.grids import mask_on_grid
from radiogen.imaging.registration import rigid
from radiogen.imaging.registration.case_masks import register_masks, summarise
from radiogen.imaging.series import read_series
from radiogen.imaging.volume import Volume
from radiogen.phantom.data_set import PhantomSettings, write_phantom
from radiogen.task import ID

pytest.importorskip("SimpleITK")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A phantom of two cases, and its T1wCE series and masks in an atlas' space, moved each by its own motion."""
    root = tmp_path_factory.mktemp("registration")
    data, atlas = root / "data", root / "atlas"
    write_phantom(data, PhantomSettings(cases=2, test_cases=0, scale=0.12), workers=1)
    truth = {}
    for number, case in enumerate(sorted((data / "train").iterdir())):
        series, mask = read_series(case / "T1wCE"), read_series(case / "mask.nii.gz")
        motion = draw_motion(np.random.default_rng([8, number]), 10, 20)
        name = f"BraTS2021_{case.name}"
        (atlas / "train" / name).mkdir(parents=True)
        for volume, stem in ((series, "T1wCE"), (mask, "mask")):
            write_nifti(atlas / "train" / name / f"{stem}.nii.gz", Volume(volume.voxels, motion @ volume.affine))
        truth[case.name] = mask
        (case / "mask.nii.gz").unlink()
    (atlas / "dataset.json").write_text(json.dumps({"name": "atlas", "id_pattern": r"BraTS2021_\d{5}",
                                                    "sequences": ["T1wCE"]}))
    return data, atlas, truth


@pytest.fixture
def sets(made, tmp_path, monkeypatch):
    """The same, to be written to, with registrations that take half a second."""
    monkeypatch.setattr(rigid, "GRIDS_MM", (8.0, 8.0, 8.0))
    monkeypatch.setattr(rigid, "REFINED", 2)
    data, atlas, truth = made
    for folder in (data, atlas):
        shutil.copytree(folder, tmp_path / folder.name)
    return tmp_path / "data", tmp_path / "atlas", truth


def test_each_mask_lies_on_its_patients_tumour_again(sets):
    data, atlas, truth = sets
    table = register_masks(data, atlas, "T1wCE", workers=1)
    assert list(table["mask"]) == ["written"] * 2, list(table["why"])
    assert list(table["image_of"]) == [f"BraTS2021_{case}" for case in table[ID]]
    for case, mask in truth.items():
        brought = read_series(data / "train" / case / "mask.nii.gz")
        assert np.array_equal(np.unique(brought.voxels), np.unique(mask.voxels))
        found = mask_on_grid(Volume(brought.voxels, brought.affine), mask.affine, mask.voxels.shape)
        true = mask.voxels != 0
        assert 2 * (found & true).sum() / (found.sum() + true.sum()) > 0.8
    assert summarise(table)[0].split(maxsplit=1) == ["2", "masks are written"]


def test_a_mask_that_is_there_is_kept_and_a_case_that_the_atlas_lacks_is_named(sets):
    data, atlas, _ = sets
    first, second = sorted(case.name for case in (data / "train").iterdir())
    write_nifti(data / "train" / first / "mask.nii.gz", Volume(np.ones((2, 2, 2), np.uint8), np.eye(4)))
    before = (data / "train" / first / "mask.nii.gz").read_bytes()
    (atlas / "train" / f"BraTS2021_{second}" / "mask.nii.gz").unlink()
    table = register_masks(data, atlas, "T1wCE", workers=1).set_index(ID)
    assert table["mask"].to_dict() == {first: "kept", second: "missing"} and table["why"][second] == "mask"
    shutil.rmtree(atlas / "train" / f"BraTS2021_{second}")
    assert register_masks(data, atlas, "T1wCE", workers=1)["image_of"].tolist() == [f"BraTS2021_{first}", ""]
    assert (data / "train" / first / "mask.nii.gz").read_bytes() == before
    assert not (data / "train" / second / "mask.nii.gz").exists()


def test_what_is_not_to_be_trusted_is_not_written_and_its_reason_is_said(sets, monkeypatch):
    data, atlas, _ = sets
    monkeypatch.setattr(rigid, "LEAST_INFORMATION", 99.0)
    table = register_masks(data, atlas, "T1wCE", workers=1)
    assert set(table["mask"]) == {"refused"} and not list(data.glob("train/*/mask*"))
    assert any("the two images hardly tell of one another" in line for line in summarise(table))
    assert table["information"].between(0.1, 3).all()


def test_a_damaged_image_is_refused_by_name_and_ends_nothing(sets):
    data, atlas, _ = sets
    broken = sorted((atlas / "train").iterdir())[0] / "T1wCE.nii.gz"
    broken.write_bytes(broken.read_bytes()[:400])
    table = register_masks(data, atlas, "T1wCE", workers=1)
    assert list(table["mask"]) == ["refused", "written"] and "T1wCE.nii.gz" in table["why"][0]


def test_sets_without_a_common_patient_sequence_or_room_for_masks_are_refused(sets):
    data, atlas, _ = sets
    with pytest.raises(UserError, match="has no sequence DWI"):
        register_masks(data, atlas, "DWI")
    for case in list((atlas / "train").iterdir()):
        case.rename(case.with_name(f"BraTS2021_9{case.name[-4:]}"))
    with pytest.raises(UserError, match="has no patient of"):
        register_masks(data, atlas, "T1wCE")
    (data / "dataset.json").write_text(json.dumps({"mask": "{case}/m.nii.gz"}))
    with pytest.raises(UserError, match="says where masks lie"):
        register_masks(data, atlas, "T1wCE")
