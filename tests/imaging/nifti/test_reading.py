"""NIfTI files become the volume that the same head has as DICOM: every voxel in its place, and nothing guessed."""

import gzip
import itertools

import nibabel
import numpy as np
import pytest
from nibabel.orientations import apply_orientation, inv_ornt_aff, ornt2axcodes

from benchmarks.synthetic.series_files import AXIAL, pattern, planes, write_series
from radiogen.imaging import Volume, read_series, reorient
from radiogen.imaging.export.series_export import write_nifti
from radiogen.imaging.findings import FindingCode, codes
from radiogen.imaging.folder import SeriesError
from radiogen.imaging.nifti import files, read_nifti
from radiogen.imaging.nifti.place import LPS_TO_RAS
from radiogen.imaging.volume import plane, slice_normal

from ..made.other_readers import compare

ORIENTATIONS = [np.array(list(zip(axes, flips, strict=True))) for axes in itertools.permutations(range(3))
                for flips in itertools.product((1, -1), repeat=3)]
RAS = np.diag([1.0, 2.0, 3.0, 1.0]) + np.array([[0, 0, 0, -11], [0, 0, 0, 7], [0, 0, 0, 5], [0, 0, 0, 0]])
OBLIQUE = np.eye(4)
OBLIQUE[:3, :3] = [[0.90, -0.35, 0.26], [0.40, 0.89, -0.20], [-0.16, 0.28, 0.94]]


def save(path, voxels, affine=RAS, *, sform=1, qform=1, **fields):
    """A NIfTI file of voxels (i, j, k); fields: of its header."""
    image = nibabel.Nifti1Image(voxels, None)
    image.set_sform(affine, code=sform)
    image.set_qform(affine, code=qform)
    for name, value in fields.items():
        image.header[name] = value
    nibabel.save(image, path)
    return path


def numbers(shape=(4, 5, 6)):
    return np.arange(np.prod(shape), dtype=np.int16).reshape(shape)


def itk_points(path):
    """By value of each voxel its place in LPS mm, as SimpleITK reads them."""
    itk = pytest.importorskip("SimpleITK", reason="install the extra `test` for SimpleITK")
    image = itk.ReadImage(str(path))
    voxels = itk.GetArrayFromImage(image)
    return {int(voxels[k, j, i]): image.TransformIndexToPhysicalPoint((i, j, k))
            for k, j, i in np.ndindex(voxels.shape)}


def points(volume):
    places = np.array(list(np.ndindex(volume.voxels.shape)), float)
    return dict(zip(volume.voxels.ravel().tolist(), (places @ volume.affine[:3, :3].T + volume.affine[:3, 3]).tolist(),
                    strict=True))


@pytest.mark.parametrize("oblique", [np.eye(4), OBLIQUE], ids=["straight", "oblique"])
@pytest.mark.parametrize("orientation", ORIENTATIONS, ids=lambda each: "".join(map(str, ornt2axcodes(each))))
def test_in_all_48_orientations_every_voxel_keeps_the_place_that_two_readers_give_it(tmp_path, orientation, oblique):
    head = numbers()
    turned = apply_orientation(head, orientation)
    path = save(tmp_path / "x.nii", turned, RAS @ oblique @ inv_ornt_aff(orientation, head.shape), qform=0)
    volume, image = read_nifti(path), nibabel.load(path)
    ours = points(volume)
    theirs = {int(turned[place]): LPS_TO_RAS[:3] @ image.affine @ [*place, 1] for place in np.ndindex(turned.shape)}
    assert all(np.abs(np.subtract(ours[value], theirs[value])).max() < 1e-4 for value in theirs)
    if oblique is not OBLIQUE:  # ITK refuses an sform of axes that are not quite at right angles
        itk = itk_points(save(tmp_path / "q.nii", turned, RAS @ inv_ornt_aff(orientation, head.shape)))
        assert all(np.abs(np.subtract(ours[value], itk[value])).max() < 1e-4 for value in itk)


@pytest.mark.parametrize("orientation", ORIENTATIONS, ids=lambda each: "".join(map(str, ornt2axcodes(each))))
def test_slices_lie_as_a_radiologist_looks_at_their_plane_and_ascend_as_those_of_dicom(tmp_path, orientation):
    head = numbers()
    volume = read_nifti(save(tmp_path / "x.nii", apply_orientation(head, orientation),
                             RAS @ inv_ornt_aff(orientation, head.shape)))
    picture = reorient(volume, plane(volume))
    assert np.array_equal(volume.voxels, picture.voxels) and np.array_equal(volume.affine, picture.affine)
    assert slice_normal(volume) @ volume.affine[:3, 0] > 0


@pytest.mark.parametrize(("name", "affine"), planes(), ids=lambda value: value if isinstance(value, str) else "")
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_a_series_goes_to_nifti_and_back_without_a_change(tmp_path, name, affine, suffix):
    write_series(tmp_path / "series", pattern(), affine)
    series = read_series(tmp_path / "series")
    for again in (read_nifti(write_nifti(tmp_path / f"x{suffix}", series), order="file"),
                  read_nifti(tmp_path / f"x{suffix}")):
        apart_mm, difference = compare((series.voxels, series.affine), (again.voxels, again.affine))
        assert apart_mm < 1e-4 and difference == 0
    same = read_nifti(tmp_path / f"x{suffix}", order="file")
    assert np.array_equal(same.voxels, series.voxels) and same.voxels.dtype == series.voxels.dtype
    assert np.abs(same.affine - series.affine).max() < 1e-4


def test_a_series_in_the_usual_planes_comes_back_in_its_own_order(tmp_path):
    for number, (_, affine) in enumerate(list(planes())[:3]):
        volume = reorient(Volume(pattern(), affine), plane(Volume(pattern(), affine)))
        again = read_nifti(write_nifti(tmp_path / f"{number}.nii.gz", volume))
        assert np.array_equal(again.voxels, volume.voxels) and np.abs(again.affine - volume.affine).max() < 1e-4


def test_dim_info_says_which_axis_is_that_of_the_slices(tmp_path):
    image = nibabel.Nifti1Image(numbers(), RAS)
    image.header.set_dim_info(freq=1, phase=2, slice=0)
    nibabel.save(image, tmp_path / "x.nii")
    volume = read_nifti(tmp_path / "x.nii")
    assert plane(volume) == "sagittal" and volume.voxels.shape == (4, 6, 5)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int16, ">i2", np.uint16, np.int32, ">f4", np.float64])
def test_values_stay_what_is_stored_in_native_byte_order(tmp_path, dtype):
    image = nibabel.Nifti1Image(numbers((3, 4, 5)).astype(dtype), RAS, dtype=np.dtype(dtype))
    if np.dtype(dtype).byteorder == ">":
        image = nibabel.Nifti1Image(numbers((3, 4, 5)).astype(dtype), RAS, image.header.as_byteswapped(">"))
    nibabel.save(image, tmp_path / "x.nii")
    volume = read_nifti(tmp_path / "x.nii")
    assert volume.voxels.dtype == np.dtype(dtype).newbyteorder("=") and volume.voxels.dtype.isnative
    assert sorted(volume.voxels.ravel().tolist()) == list(range(60)) and volume.findings == ()
    assert volume.voxels.flags.c_contiguous and str(volume.reader) == "nibabel"


def test_a_rescale_is_applied_as_nibabel_applies_it(tmp_path):
    path = save(tmp_path / "x.nii", numbers(), scl_slope=0.5, scl_inter=-10)
    raw = bytearray(path.read_bytes())  # nibabel writes its own slope: these are the bytes of 0.5 and -10
    raw[112:120] = np.array([0.5, -10], "<f4").tobytes()
    path.write_bytes(raw)
    volume = read_nifti(path, order="file")
    assert volume.voxels.dtype == np.float32
    assert np.array_equal(volume.voxels.transpose(2, 1, 0), nibabel.load(path).get_fdata())
    raw[112:120] = np.array([np.inf, 0], "<f4").tobytes()
    path.write_bytes(raw)
    assert codes(read_nifti(path).findings) == (FindingCode.RESCALE_NO_NUMBER,)


def test_pairs_compressed_pairs_and_the_second_version_are_read_like_single_files(tmp_path):
    expected = read_nifti(save(tmp_path / "x.nii", numbers()))
    nibabel.save(nibabel.Nifti1Pair(numbers(), RAS), tmp_path / "pair.img")
    nibabel.save(nibabel.Nifti1Pair(numbers(), RAS), tmp_path / "packed.img.gz")
    nibabel.save(nibabel.Nifti2Image(numbers(), RAS), tmp_path / "second.nii.gz")
    for name in ("pair.img", "pair.hdr", "packed.img.gz", "packed.hdr.gz", "second.nii.gz"):
        volume = read_nifti(tmp_path / name)
        assert np.array_equal(volume.voxels, expected.voxels) and np.allclose(volume.affine, expected.affine)


def test_a_file_of_one_volume_in_four_axes_is_read_and_of_more_is_refused_by_name(tmp_path):
    one = read_nifti(save(tmp_path / "one.nii", numbers()[..., None]))
    assert one.voxels.shape == (6, 5, 4)
    with pytest.raises(SeriesError, match=r"many\.nii: holds 3 volumes, not one; split it"):
        read_nifti(save(tmp_path / "many.nii", np.stack([numbers()] * 3, axis=-1)))
    with pytest.raises(SeriesError, match="has 2 axes, not three"):
        read_nifti(save(tmp_path / "flat.nii", numbers()[..., 0]))


def test_the_sform_is_used_before_the_qform_each_by_its_code(tmp_path):
    shifted = RAS + np.array([[0, 0, 0, 9], [0] * 4, [0] * 4, [0] * 4])
    path, image = tmp_path / "x.nii", nibabel.Nifti1Image(numbers(), None)
    for sform, qform, affine, odd in ((1, 1, RAS, (FindingCode.NIFTI_FORMS_DIFFER,)), (2, 0, RAS, ()),
                                      (0, 1, shifted, ()), (0, 0, None, (FindingCode.NIFTI_PLACE_MISSING,))):
        image.set_sform(RAS, code=sform)
        image.set_qform(shifted, code=qform)
        nibabel.save(image, path)
        volume = read_nifti(path, order="file")
        assert codes(volume.findings) == odd
        if affine is None:
            assert volume.affine is None and volume.voxels.shape == (6, 5, 4)
        else:
            assert np.abs(volume.affine - LPS_TO_RAS @ affine[:, [2, 1, 0, 3]]).max() < 1e-4
    with pytest.raises(Exception, match="reports position"):
        reorient(read_nifti(path))


def test_units_are_converted_and_an_affine_that_cannot_be_is_not_used(tmp_path):
    path = save(tmp_path / "x.nii", numbers(), np.diag([1e-3, 1e-3, 1e-3, 1]) @ RAS, xyzt_units=1)
    volume = read_nifti(path, order="file")
    assert codes(volume.findings) == (FindingCode.NIFTI_UNITS,)
    assert np.abs(volume.affine - LPS_TO_RAS @ RAS[:, [2, 1, 0, 3]]).max() < 1e-4
    save(path, numbers(), qform=0)
    for broken in (np.diag([1e-9, 1, 1, 1]), np.diag([np.nan, 1, 1, 1]), np.array(
            [[1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])):
        content = bytearray(path.read_bytes())
        content[280:328] = broken[:3].astype("<f4").tobytes()
        path.write_bytes(content)
        odd = read_nifti(path)
        assert odd.affine is None
        assert codes(odd.findings) == (FindingCode.NIFTI_FORM_IMPOSSIBLE, FindingCode.NIFTI_PLACE_MISSING)


def test_voxels_that_are_nan_or_infinite_and_blank_slices_are_findings_and_nothing_else_is_refused(tmp_path):
    voxels = numbers().astype(np.float32)
    voxels[0, 0, 0], voxels[1, 0, 0], voxels[..., 5] = np.nan, np.inf, 0
    volume = read_nifti(save(tmp_path / "x.nii", voxels), order="file")
    assert [str(each) for each in volume.findings] == [
        "2 of 120 voxels are NaN or infinite: they count as 0", "1 of 6 slices blank: slice 6"]
    for value, sentence in ((np.nan, "no voxel that is a finite number"), (7, "every pixel of its 6 slices is 7")):
        with pytest.raises(SeriesError, match=sentence):
            read_nifti(save(tmp_path / "x.nii", np.full_like(voxels, value)))


def _cut(content):
    return content[:-40]


def _lying(content):
    """A header that declares a third axis of 3,000 slices."""
    return content[:46] + np.int16(3000).tobytes() + content[48:]


def _bad_axes(content):
    return content[:42] + np.int16(-4).tobytes() + content[44:]


@pytest.mark.parametrize(("damage", "reason"), [
    (lambda content: b"", "is not a NIfTI file"), (lambda content: b"DICM" * 200, "is not a NIfTI file"),
    (_cut, "is cut off: 200 of 240 bytes of voxels are there"),
    (_lying, r"is cut off: 240 of 120000 bytes of voxels are there"),
    (_bad_axes, r"is damaged \(3 axes of -4 x 5 x 6 voxels\)"),
    (lambda content: content[:40] + np.int16(9).tobytes() + content[42:], r"is damaged \(9 axes"),
    (lambda content: content[:70] + np.int16(32).tobytes() + content[72:], "complex numbers, not grey values"),
    (lambda content: content[:70] + np.int16(128).tobytes() + content[72:], "colours, not grey values"),
    (lambda content: content[:70] + np.int16(77).tobytes() + content[72:], "is damaged"),
    (lambda content: content[:108] + np.float32(17).tobytes() + content[112:], "voxels begin at byte 17"),
    (lambda content: content[:108] + np.float32(np.nan).tobytes() + content[112:], "is damaged"),
    (lambda content: content[:344] + b"abc\0" + content[348:], "is not a NIfTI file"),
    (lambda content: gzip.compress(content)[:-30], r"is damaged \(its compressed stream is cut off\)"),
    (lambda content: gzip.compress(content)[:30] + bytes(9) + gzip.compress(content)[39:], "is damaged")])
def test_a_damaged_file_is_refused_in_a_line_that_names_it(tmp_path, damage, reason):
    path = save(tmp_path / "x.nii", numbers())
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(SeriesError, match=reason) as raised:
        read_nifti(path)
    assert str(raised.value).startswith(str(path)) and "\n" not in str(raised.value)


def test_a_missing_file_a_folder_half_a_pair_and_analyze_are_refused(tmp_path):
    nibabel.save(nibabel.Nifti1Pair(numbers(), RAS), tmp_path / "pair.img")
    (tmp_path / "pair.hdr").unlink()
    nibabel.save(nibabel.AnalyzeImage(numbers(), RAS), tmp_path / "old.img")
    for name, reason in (("none.nii", "no such folder or file"), ("", "is not a NIfTI file; name the file in it"),
                         ("pair.img", "half a pair: pair.hdr is missing; put pair.hdr beside it"),
                         ("old.img", "ANALYZE 7.5 file, which does not say where left is")):
        with pytest.raises(SeriesError, match=reason):
            read_nifti(tmp_path / name)


def test_bytes_behind_the_voxels_are_a_finding(tmp_path):
    path = save(tmp_path / "x.nii", numbers())
    path.write_bytes(path.read_bytes() + b"more")
    assert codes(read_nifti(path).findings) == (FindingCode.PIXELS_IN_EXCESS,)


def test_a_bomb_is_refused_before_it_is_inflated(tmp_path, monkeypatch):
    path = save(tmp_path / "x.nii", np.zeros((2, 2, 2), np.uint8))
    header = bytearray(path.read_bytes()[:352])
    header[42:48] = np.array([1500, 1500, 1500], "<i2").tobytes()
    path.write_bytes(gzip.compress(bytes(header) + bytes(1 << 20)))
    most = []
    read = files._up_to
    monkeypatch.setattr(files, "_up_to", lambda source, count: most.append(count) or read(source, count))
    with pytest.raises(SeriesError, match=r"declares 3219 MiB of voxels in 0\.00\d+ MiB of compressed file"):
        read_nifti(path)
    assert max(most) < 1000


def test_a_mask_that_is_nearly_all_zero_is_no_bomb(tmp_path):
    mask = np.zeros((240, 240, 155), np.uint8)
    mask[100:104, 90:94, 60:64] = 1
    path = save(tmp_path / "seg.nii.gz", mask)
    assert path.stat().st_size * files.MOST_TIMES < mask.nbytes  # it passes by its size alone
    assert read_nifti(path).voxels.sum() == mask.sum()


def test_a_header_of_more_voxels_than_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "available_memory", lambda: 100)
    with pytest.raises(SeriesError, match="declares 6 x 5 x 4 voxels, more than fit into memory"):
        read_nifti(save(tmp_path / "x.nii", numbers()))


def test_an_axial_dicom_series_and_the_nifti_of_a_converter_that_turns_rows_give_one_volume(tmp_path):
    write_series(tmp_path / "series", pattern(), AXIAL)
    series = read_series(tmp_path / "series")
    affine = LPS_TO_RAS @ series.affine[:, [2, 1, 0, 3]]
    turned = np.flip(series.voxels.transpose(2, 1, 0), 1)  # as dcm2niix stores rows, from the back of the head
    flip = np.diag([1.0, -1.0, 1.0, 1.0])
    flip[1, 3] = turned.shape[1] - 1
    volume = read_nifti(save(tmp_path / "x.nii.gz", turned, affine @ flip))
    assert np.array_equal(volume.voxels, series.voxels) and np.abs(volume.affine - series.affine).max() < 1e-4
