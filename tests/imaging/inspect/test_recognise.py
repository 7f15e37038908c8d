"""A series is recognised by its folder, else by what its files say; what fits none, or fits twice, is never guessed."""

import numpy as np
import pytest

from benchmarks.synthetic.series_files import write_series
from radiogen.core.errors import UserError
from radiogen.imaging.export.series_export import write_nifti
from radiogen.imaging.inspect.recognise import (
    FoundSeries,
    _kind_of_words,
    find_mask,
    not_used_text,
    recognise,
    series_folder_of,
)
from radiogen.imaging.series import read_series
from radiogen.imaging.volume import Volume

VOXELS = np.arange(1, 65, dtype=np.uint16).reshape(4, 4, 4)


def _flat(folder, **series):
    """Several series in one folder, distinguished by their headers; file names are theirs one after the other."""
    for number, (description, more) in enumerate(series.values()):
        write_series(folder, VOXELS + number, first=1 + 10 * number, SeriesDescription=description,
                     SeriesInstanceUID=f"1.2.{number + 1}", **more)


@pytest.mark.parametrize(("words", "sequence"), [
    ("FLAIR", "FLAIR"), ("T1w", "T1w"), ("T1wCE", "T1wCE"), ("T2w", "T2w"), ("t1_mprage_sag_p2_iso", "T1w"),
    ("t1_mprage_post", "T1wCE"), ("AX T2 FLAIR", "FLAIR"), ("AX T1 FLAIR", "T1w"), ("AX T1 FLAIR +C", "T1wCE"),
    ("t2_tirm_tra_dark-fluid", "FLAIR"), ("T1 pre-op post gd", "T1wCE"), ("T1 post op", "T1w"), ("Ax T2*", ""),
    ("t2_tse_tra", "T2w"), ("t1_km", "T1wCE"), ("T1 nativ", "T1w"), ("3D BRAVO POST", "T1wCE"), ("DWI b1000", ""),
    ("T1Gd", "T1wCE"), ("T1c", "T1wCE"), ("t1 without contrast", "T1w"), ("T2 FLAIR post contrast", "FLAIR"),
    ("T1_MAP", ""), ("AX PD/T2", ""), ("localizer", ""), ("*spcir_242ns", "FLAIR"), ("T1 C+", "T1wCE"),
    ("T1 SE no gd", "T1w"), ("ADNI_Sag3D MPRAGE", "T1w"), ("FSE PD AXIAL OBL", ""), ("3-Plane Localizer", ""),
    ("", ""), ("T1 subtraction", "")])
def test_words_tell_the_sequence_in_the_spellings_of_several_hospitals(words, sequence):
    assert _kind_of_words(words).sequence == sequence


def test_the_competitions_layout_is_taken_by_its_folders_whatever_the_files_say(tmp_path):
    for name in ("FLAIR", "T1w", "T1wCE", "T2w"):
        write_series(tmp_path / name, VOXELS, SeriesDescription="")
    found, left = recognise(tmp_path)
    assert {name: one.folder for name, one in found.items()} == {
        name: tmp_path / name for name in ("FLAIR", "T1w", "T1wCE", "T2w")}
    assert left == [] and {one.by for one in found.values()} == {"by its folder's name"}


def test_series_in_one_flat_folder_are_distinguished_and_recognised_by_description_and_agent(tmp_path):
    _flat(tmp_path / "dicom", a=("AX T1", {}), b=("AX T1", {"ContrastBolusAgent": "Gadovist"}), c=("t2_flair", {}),
          d=("T2 TSE", {}))
    found, _ = recognise(tmp_path)
    assert list(found) == ["FLAIR", "T1w", "T1wCE", "T2w"]
    assert "contrast agent 'Gadovist'" in found["T1wCE"].by
    for number, name in enumerate(("T1w", "T1wCE", "FLAIR", "T2w")):
        volume = read_series(series_folder_of(found[name], tmp_path / "links" / name))
        assert (volume.voxels == VOXELS + number).all()


def test_an_agent_field_that_says_none_is_no_contrast(tmp_path):
    _flat(tmp_path, a=("AX T1", {"ContrastBolusAgent": "NONE"}), b=("AX T1 POST", {"ContrastBolusAgent": "NONE"}))
    found, _ = recognise(tmp_path, ("T1w", "T1wCE"))
    assert (found["T1w"].by, found["T1wCE"].by) == ("by 'AX T1'", "by 'AX T1 POST'")


def test_a_folder_within_a_named_folder_adds_what_it_says(tmp_path):
    write_series(tmp_path / "T1" / "before", VOXELS)
    write_series(tmp_path / "T1" / "post" / "DICOM", VOXELS)
    found, _ = recognise(tmp_path, ("T1w", "T1wCE"))
    assert found["T1w"].folder.name == "before" and found["T1wCE"].folder == tmp_path / "T1" / "post" / "DICOM"


def test_two_series_that_fit_one_sequence_are_named_with_the_remedy_that_helps(tmp_path):
    for name in ("t1_axial_post", "t1_coronal_post"):
        write_series(tmp_path / name, VOXELS)
    with pytest.raises(UserError, match=r"2 series fit T1wCE: t1_axial_post: 4 files .* t1_coronal_post.*named T1wCE"):
        recognise(tmp_path)
    (tmp_path / "t1_axial_post").rename(tmp_path / "T1wCE")
    found, left = recognise(tmp_path)
    assert found["T1wCE"].folder == tmp_path / "T1wCE"
    assert not_used_text(tmp_path, left) == "not used: t1_coronal_post: 4 files (by its folder's name)"


def test_a_sequence_that_is_not_wanted_may_be_there_twice(tmp_path):
    for name in ("t2_a", "t2_b", "FLAIR"):
        write_series(tmp_path / name, VOXELS)
    assert list(recognise(tmp_path, ("FLAIR",))[0]) == ["FLAIR"]


def test_where_nothing_fits_what_was_found_is_named(tmp_path):
    _flat(tmp_path / "scan", a=("DWI b1000", {}), b=("3-Plane Localizer", {}))
    with pytest.raises(UserError, match=r"holds no FLAIR or T1w; found scan: 4 files \('DWI b1000'\), scan: 4 files"):
        recognise(tmp_path, ("FLAIR", "T1w"))


def test_an_empty_folder_an_absent_one_and_one_of_other_files_are_reported_in_one_line(tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "letter.bin").write_bytes(b"dear colleague")
    for folder, message in ((tmp_path, "found no series"), (tmp_path / "x", "there is no such folder")):
        with pytest.raises(UserError, match=message) as error:
            recognise(folder)
        assert "\n" not in str(error.value)


def test_a_whole_data_set_is_no_patient(tmp_path):
    for case in ("00000", "00002"):
        write_series(tmp_path / "train" / case / "FLAIR", VOXELS)
    with pytest.raises(UserError, match="2 series fit FLAIR: train/00000/FLAIR.*give one patient's folder"):
        recognise(tmp_path)


def test_a_folder_that_contradicts_its_files_is_believed_and_doubted(tmp_path):
    write_series(tmp_path / "FLAIR", VOXELS, SeriesDescription="AX T1 SE")
    write_series(tmp_path / "T1wCE", VOXELS, SeriesDescription="AX T1 SE")
    found, _ = recognise(tmp_path)
    assert found["FLAIR"].doubt == "the folder says FLAIR, the files say T1w; the folder is believed"
    assert found["T1wCE"].doubt == ""


def test_files_with_a_series_uid_each_are_one_series(tmp_path):
    def own(index, dataset):
        dataset.SeriesInstanceUID = f"1.2.3.{index}"

    write_series(tmp_path / "scan", VOXELS, SeriesDescription="t2_flair", change=own)
    found, _ = recognise(tmp_path)
    assert list(found) == ["FLAIR"] and len(found["FLAIR"].files or list((tmp_path / "scan").iterdir())) == 4


def test_a_ct_is_not_taken_for_mri(tmp_path):
    _flat(tmp_path, a=("T1 vertebra", {"Modality": "CT"}))
    with pytest.raises(UserError, match=r"\(a CT\)"):
        recognise(tmp_path)


@pytest.mark.parametrize(("name", "sequence"), [
    ("siemens_t1_sag", "T1w"), ("philips_mprage_sag", "T1w"), ("philips_cl_t1_ffe", "T1w"),
    ("siemens_xa_t1_jpegll", "T1w"), ("siemens_xa_enh_t1", "T1w")])
def test_real_t1_series_of_several_vendors_are_recognised_by_their_headers(real_data, name, sequence):
    found, _ = recognise(real_data / "dicom" / name)
    assert list(found) == [sequence] and found[sequence].by.startswith("by '")


@pytest.mark.parametrize("name", ["ge_pd_ax_obl", "ge_localizer_3plane", "canon_enh_dti", "ge_fmri_5vol",
                                  "siemens_mosaic_cor", "bad_not_dicom"])
def test_real_series_that_are_none_of_the_four_are_not_guessed(real_data, name):
    with pytest.raises(UserError, match="holds no FLAIR or T1w or T1wCE or T2w"):
        recognise(real_data / "dicom" / name)


def _nifti(path, number=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_nifti(path, Volume(VOXELS + number, np.eye(4)))


@pytest.mark.parametrize("names", [
    {"FLAIR": "FLAIR.nii.gz", "T1w": "T1w.nii", "T1wCE": "T1wCE.nii.gz", "T2w": "T2w.nii.gz"},
    {"FLAIR": "B_1_flair.nii.gz", "T1w": "B_1_t1.nii.gz", "T1wCE": "B_1_t1ce.nii.gz", "T2w": "B_1_t2.nii.gz"},
    {"FLAIR": "U-4_FLAIR_bias.nii.gz", "T1w": "U-4_T1_bias.nii.gz", "T1wCE": "U-4_T1gad_bias.nii.gz",
     "T2w": "U-4_T2_bias.nii.gz"},
    {"FLAIR": "P_11_FLAIR.nii.gz", "T1w": "P_11_T1.nii.gz", "T1wCE": "P_11_T1GD.nii.gz", "T2w": "P_11_T2.nii.gz"},
    {"FLAIR": "anat/sub-1_FLAIR.nii.gz", "T1w": "anat/sub-1_T1w.nii.gz",
     "T1wCE": "anat/sub-1_ce-gadolinium_T1w.nii.gz", "T2w": "anat/sub-1_T2w.nii.gz"}])
def test_nifti_files_are_recognised_by_their_names_and_segmentations_left(tmp_path, names):
    for name in names.values():
        _nifti(tmp_path / name)
    _nifti(tmp_path / "B_1_seg.nii.gz")
    _nifti(tmp_path / "mask.nii.gz")
    found, left = recognise(tmp_path)
    assert {name: one.folder for name, one in found.items()} == {name: tmp_path / names[name] for name in names}
    assert [one.folder.name for one in left] == ["B_1_seg.nii.gz"]
    assert (read_series(series_folder_of(found["T1w"], tmp_path / "room")).voxels.size == VOXELS.size)


def test_two_nifti_files_that_fit_one_sequence_are_not_guessed_and_one_with_its_name_counts(tmp_path):
    _nifti(tmp_path / "U_T2.nii.gz")
    _nifti(tmp_path / "U_T2_bias.nii.gz")
    with pytest.raises(UserError, match=r"2 series fit T2w: U_T2.nii.gz .*call it T2w.nii.gz"):
        recognise(tmp_path, ("T2w",))
    _nifti(tmp_path / "T2w.nii.gz")
    assert recognise(tmp_path, ("T2w",))[0]["T2w"].folder.name == "T2w.nii.gz"


@pytest.mark.parametrize("name", ["mask.nii.gz", "mask.nii", "deep/er/mask.nii.gz", "mask/1.dcm"])
def test_a_mask_is_found_by_its_name_at_any_depth(tmp_path, name):
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_bytes(b"")
    assert find_mask(tmp_path).name == ("mask" if name == "mask/1.dcm" else name.split("/")[-1])


@pytest.mark.parametrize("name", ["masks.nii.gz", "my_mask.nii.gz", "mask.txt", "mask.nii.json"])
def test_what_is_only_like_a_mask_by_name_is_none(tmp_path, name):
    (tmp_path / name).write_bytes(b"")
    assert find_mask(tmp_path) is None


def test_two_masks_of_one_patient_are_not_chosen_between(tmp_path):
    for name in ("a/mask.nii.gz", "b/mask.nii"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(UserError, match="holds 2 masks of a tumour: mask.nii.gz and mask.nii; keep the one"):
        find_mask(tmp_path)


def test_of_many_series_that_are_not_used_the_first_are_named(tmp_path):
    left = [FoundSeries("", tmp_path / f"{number}.nii", None, f"reason {number}") for number in range(5)]
    for one in left:
        one.folder.write_bytes(b"")
    assert not_used_text(tmp_path, left[:1]) == "not used: 0.nii (reason 0)"
    assert not_used_text(tmp_path, left).endswith("2.nii (reason 2) and 2 more") and not_used_text(tmp_path, []) == ""


@pytest.mark.parametrize(("words", "enhanced"), [
    ("T1 post", True), ("T1 post op", None), ("T1 pre", False), ("T1 pre op", None), ("T1 w/o", False), ("T1", None),
    ("T1 +C", True), ("T1 CE", True), ("T1 unenhanced", False), ("T1 ohne KM", False), ("T1 nonenhanced", False),
    ("T1 pre contrast", False), ("T2 post gad", True)])
def test_words_say_with_an_agent_without_one_or_nothing_of_it(words, enhanced):
    assert _kind_of_words(words).enhanced is enhanced
