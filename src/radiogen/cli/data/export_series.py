"""Export series for viewers: the cube as one DICOM file, the series as NIfTI, its slices as PNG."""

from pathlib import Path
from typing import Annotated, Literal

import tyro

from radiogen.cli.given import require

VIEWERS = {
    "dicom": "3D Slicer: Add DICOM Data, Import, then load it; or dcm2niix, SimpleITK",
    "nifti": "FSLeyes, ITK-SNAP, MRIcroGL, 3D Slicer (drag the file in); or nibabel.load",
    "png": "any picture viewer; or the 2D network of another framework",
}


def main(folders: Annotated[tuple[Path, ...], tyro.conf.Positional],
         to: tuple[Literal["dicom", "nifti", "png"], ...] = ("dicom", "nifti", "png"), cube: int = 64,
         geometry: Literal["stretch", "isotropic"] = "stretch", whole: bool = False, picture: int = 224,
         output: Path = Path("input/exports"), patient_id: str | None = None, key: Path | None = None,
         keep_uids: bool = False) -> None:
    """Export series for viewers: the cube as one DICOM file, the series as NIfTI, its slices as PNG.

    Example: export-series input/phantom/train/00000/FLAIR --to nifti png

    Args:
        folders: Folders of one series each, such as input/phantom/train/00000/FLAIR, or NIfTI files.
        to: dicom: the cube in one multi-frame file; nifti: all voxels of the series; png: every slice.
        cube: Edge of the cube in DICOM, in voxels.
        geometry: Of the cube and the PNG slices: stretch resizes every axis to the same number, as in the report;
            isotropic keeps millimetres.
        whole: Write all voxels of the series to DICOM instead of the cube.
        picture: Edge of the PNG slices in pixels.
        output: Output folder.
        patient_id: Patient's id in the files and their names (default: the case id in the competition's
            layout, else a pseudonym; the folder's name is not used).
        key: File with the secret from which pseudonyms and new UIDs are derived (default: your own, created once in
            ~/.config/radiogen). The same key yields the same bytes.
        keep_uids: Keep the series' UIDs and frame of reference in DICOM, so that viewers link both.
    """
    require(series=folders)
    from radiogen.core.errors import UserError
    from radiogen.imaging.export.pseudonyms import read_key
    from radiogen.imaging.export.series_export import ExportSettings, export_series

    for option, number in (("--cube", cube), ("--picture", picture)):
        if number < 1:
            raise UserError(f"{option} {number}", "is too small", "give 1 or more")
    if not folders:
        raise UserError("folders", "none is named", "name a series, as in input/phantom/train/00000/FLAIR")
    written = set()
    settings = ExportSettings(to, cube, geometry, whole, picture)
    for name, path in export_series(folders, output, settings, patient=patient_id, key=read_key(key),
                                    keep_uids=keep_uids):
        print(f"{name}: {path}", flush=True)
        written.add(name)
    for name in to:
        print(f"next: open {name} in {VIEWERS[name]}")
