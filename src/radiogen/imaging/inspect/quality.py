"""What a data set is like before it is used: a table with a row a series, pictures of some, a summary in words.

In: a data set of the competition's layout, or any folder of series. Out: a table (`COLUMNS`) and what can be said of
it. Nothing is written, and nothing stops at a bad series: it is a row with its reason.
"""

import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from radiogen.core.errors import UserError
from radiogen.core.memory import translate_memory_errors
from radiogen.core.parallel import map_items
from radiogen.core.types import ByteVoxels, Voxels
from radiogen.core.wording import listing, parameter
from radiogen.dataset.fingerprint import KEY, data_fingerprint, series_fingerprint
from radiogen.dataset.known_cases import known_bad
from radiogen.dataset.layout import Split, case_ids, check_data, is_data_set, sequences_present, series_path
from radiogen.dataset.source import MASK, read_source
from radiogen.imaging.cubes import resize
from radiogen.imaging.dicom.pixels import is_rescaled
from radiogen.imaging.dicom.stacks import natural_order
from radiogen.imaging.findings import FindingCode
from radiogen.imaging.folder import is_nifti
from radiogen.imaging.inspect.evidence import Evidence, file_name_order, gather, instance_order, oblique_degrees, side
from radiogen.imaging.inspect.nifti import nifti_row, picture_sides, volume_cells
from radiogen.imaging.intensity import normalise
from radiogen.imaging.series import read_series
from radiogen.imaging.volume import spacing_mm
from radiogen.task import ID, read_task

COLUMNS = (
    ID, "split", "sequence", "plane", "oblique_degrees", "rows", "columns", "slices", "slice_spacing_mm",
    "row_spacing_mm", "column_spacing_mm", "ordered_by", "file_names", "instance_numbers", "missing_slices",
    "smallest_gap_mm", "largest_gap_mm", "uneven", "blank_share", "dtype", "lowest", "highest", "signed", "rescaled",
    "files", "reader", "reader_reason", "findings", "finding_codes", "known_bad", "refused", "refused_code")
"""Of the table. `file_names`, `instance_numbers`: whether their order is the `same` as that of the slices, `reversed`
or `mixed`. `slices` counts the `missing_slices` too, which are interpolated; gaps are those between slices that are
there. `reader`: `fast`, `imagecodecs`, `pydicom` or `nibabel`; `reader_reason`: why it was not the compiled one.
`finding_codes`: names of `FindingCode` divided by spaces; `refused_code`: one of them, or `OUT_OF_MEMORY`. Yes and no
are `yes` and an empty cell."""

FEW_SLICES = 64
"""With fewer slices than this a cube of that edge has to be interpolated between them."""

PICTURE_EDGE = 192
"""Pixels of a picture's longer side."""

NIFTI_READER = "nibabel"
_UNEVEN = (FindingCode.SLICES_UNEVEN, FindingCode.SLICES_UNEVEN_INTERPOLATED)


@dataclass(frozen=True)
class Series:
    """Where one series lies. split is "" in a folder that has not the competition's layout, sequence may be."""

    split: str
    case: str
    sequence: str
    folder: Path

    @property
    def name(self) -> str:
        """`train/00000/FLAIR`."""
        return "/".join(filter(None, (self.split, self.case, self.sequence)))


class Picture(NamedTuple):
    """pixels: (rows, columns) uint8, square pixels. left, top: the patient's side there (R, L, A, P, F, H) or ""."""

    pixels: np.ndarray
    left: str
    top: str


def list_series(data: Path) -> list[Series]:
    """The series of a data set, also those that a case should have and has not; else every folder that holds files,
    and every NIfTI file.

    A case should have what any case of the data set has. Raises UserError where there is nothing to inspect.
    """
    data = Path(data)
    if not data.is_dir() or is_data_set(data):
        check_data(data)
        splits: tuple[Split, ...] = ("train", "test")
        cases = [(split, case) for split in splits for case in case_ids(data, split)]
        task = read_task(data)
        present = {name for split, case in cases for name in sequences_present(data, split, case, task)}
        found = [Series(split, case, name, series_path(data, split, case, name))
                 for split, case in cases for name in task.sequences if name in present]
    else:
        found = _folders_with_files(data)
    if not found:
        raise UserError(data, "holds no series", "give a data set, or a folder of folders of DICOM files")
    return found


def output_folder(data: Path, output: Path | None, cache: Path = Path("input/cache")) -> Path:
    """Where the table and the sheet go: `output`, else `<cache>/<data set>-<fingerprint>` beside the data set's arrays.

    Two data sets of one name, or one that has changed, thus have tables of their own. Raises UserError where there is
    no data set, and where the place is inside it, for it is never changed.
    """
    folder = Path(cache) / f"{Path(data).resolve().name}-{_mark(Path(data))}" if output is None else Path(output)
    sources = [Path(data), *([read_source(data).images] if Path(data).is_dir() else [])]
    if any(folder.resolve().is_relative_to(source.resolve()) for source in sources):
        raise UserError(folder, "lies inside the data set, which is not to be changed",
                        f"name another folder with {parameter('output')}")
    return folder


def inspect_dataset(data: Path, *, drawn: int = 0, workers: int | None = None, scheduler: str | None = None
                    ) -> tuple[pd.DataFrame, dict[int, Picture | None]]:
    """The table of a data set, and by row number the pictures of `drawn` cases, spread evenly over all.

    A series that is missing or refused is a row, and its picture None. Raises UserError where there is no data set.
    """
    series = list_series(data)
    cases = list(dict.fromkeys((each.split, each.case) for each in series))
    spread = np.linspace(0, len(cases) - 1, min(max(drawn, 0), len(cases))).round().astype(int)
    chosen = {cases[index] for index in spread}
    draw = [(each.split, each.case) in chosen for each in series]
    known = known_bad(data)
    bad = [known.get(each.case, "") if each.split == "train" else "" for each in series]
    results = map_items(_inspect, list(zip(series, draw, bad, strict=True)), "inspect", workers=workers,
                        scheduler=scheduler, unit="series")
    table = pd.DataFrame([row for row, _ in results], columns=COLUMNS).convert_dtypes()
    table = table.fillna({name: "" for name in table.columns if isinstance(table[name].dtype, pd.StringDtype)})
    return table, {number: picture for number, (_, picture) in enumerate(results) if draw[number]}


def inspect_series(folder: Path) -> dict[str, Any]:
    """The cells of one series, by `COLUMNS` but for its case; of a refused one only why it is refused."""
    return _inspect((Series("", "", "", Path(folder)), False, ""))[0]


def slice_picture(voxels: Voxels, spacing: Sequence[float]) -> ByteVoxels:
    """(rows, columns) uint8 of one slice, square pixels; spacing: mm between rows and between columns."""
    height, width = voxels.shape[0] * spacing[0], voxels.shape[1] * spacing[1]
    rows, columns = (max(1, round(edge * PICTURE_EDGE / max(height, width))) for edge in (height, width))
    shown = normalise(voxels[None], "percentile")
    return np.rint(np.clip(resize(shown, (1, rows, columns))[0], 0, 1) * 255).astype(np.uint8)


def summarise(table: pd.DataFrame, sequences: Sequence[str]) -> list[str]:
    """What a reader of the table would count first, in lines to print; sequences: those of the data set's task."""
    read = table[table["refused"] == ""]
    missing = int(_is_missing(table).sum())
    lines = [f"cases: {len(table.groupby(['split', ID]))}; series: {len(table)}, of which {len(read)} can be "
             f"read, {len(table) - len(read) - missing} refused, {missing} missing", "", *_planes(table, read), ""]
    if (table["split"] != "").any():
        absent = [name for name in sequences if name not in set(table["sequence"])]
        lines += [f"in no case: {', '.join(absent)}"] if absent else []
        lines.append(_one_plane(read))
    lines.append(f"fewer than {FEW_SLICES} slices: {(read['slices'] < FEW_SLICES).sum()} of {len(read)} series")
    return [*lines, *_readers(read), *_findings(read), *_not_read(table)]


def _meanings(cell: str) -> list[str]:
    """What the codes in a cell of `finding_codes` mean, by which the findings of many series can be counted."""
    return [FindingCode[name].meaning for name in cell.split()]


def name_of(row: pd.Series) -> str:
    """`00000 FLAIR`, and whether it is a test case."""
    return f"{row[ID]} {row['sequence']}{' (test)' if row['split'] == 'test' else ''}".strip()


def caption(row: pd.Series) -> str:
    """`axial, 256 x 256, 22 slices` of a row of the table; `refused`, or nothing, where there is no volume."""
    if row["refused"]:
        return "" if _is_missing(row) else "refused"
    slices = "1 slice" if row["slices"] == 1 else f"{row['slices']} slices"
    return f"{row['plane'] or 'plane not known'}, {row['rows']} x {row['columns']}, {slices}"


def note(row: pd.Series) -> str:
    """What is wrong with the series of a row, in a few words; "" where nothing is."""
    known = "known bad case" if row["known_bad"] else ""
    refused = "" if _is_missing(row) else row["refused"]
    return "; ".join(filter(None, (known, refused, *_meanings(row["finding_codes"])))) or row["refused"]


def _is_missing(rows: Any) -> Any:
    """Whether the series of a row, or of each row of a table, is missing in its case."""
    return rows["refused_code"] == FindingCode.SERIES_MISSING.name


def _mark(data: Path) -> str:
    """The fingerprint of all series that are inspected: the one in the name of the data set's cache, if it has one."""
    if not data.is_dir() or is_data_set(data):
        return data_fingerprint(data).key
    text = "".join(f"{series.name} {series_fingerprint(series.folder)}\n" for series in _folders_with_files(data))
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:KEY]


def _folders_with_files(data: Path) -> list[Series]:
    """Every folder below `data` that holds files, and every NIfTI file; of `data` itself where it has no folders.

    A mask that lies beside the series of its case, as in the competition's layout, is none of them.
    """
    found = []
    for root, folders, names in os.walk(data):
        folders[:] = sorted((name for name in folders if not name.startswith(".")), key=natural_order)
        folder = Path(root)
        shown = sorted((folder / name for name in names if not name.startswith(".")), key=lambda path: path.name)
        if shown and (folder != data or not folders):
            volumes = [path for path in shown if is_nifti(path)]
            places = [folder] if len(volumes) < len(shown) else []
            places += [path for path in volumes if path.name.split(".")[0] != MASK
                       and not (".img" in path.name and path.with_name(path.name.replace(".img", ".hdr")) in volumes)]
            for place in places:
                parts = place.relative_to(data).parts or (data.resolve().name,)
                found.append(Series("", "/".join(parts[:-1]) or parts[0], parts[-1] if len(parts) > 1 else "", place))
    return found


def _inspect(job: tuple[Series, bool, str]) -> tuple[dict[str, Any], Picture | None]:
    """The row of a series, and its picture where one is wanted; known: why its case is bad, where that is known."""
    series, draw, known = job
    row = {ID: series.case, "split": series.split, "sequence": series.sequence, "findings": "",
           "finding_codes": "", "known_bad": known}
    if not series.folder.exists():
        return {**row, "refused": "missing", "refused_code": FindingCode.SERIES_MISSING.name}, None
    try:
        with translate_memory_errors(series.folder):
            if is_nifti(series.folder):
                return _inspect_nifti(series, draw, row)
            evidence = gather(series.folder)
    except UserError as error:
        return {**row, "refused": error.problem, "refused_code": error.code}, None
    return {**row, **_row(evidence)}, _picture(evidence) if draw else None


def _inspect_nifti(series: Series, draw: bool, row: dict[str, Any]) -> tuple[dict[str, Any], Picture | None]:
    volume = read_series(series.folder)
    if not draw:
        return {**row, **nifti_row(volume)}, None
    steps = spacing_mm(volume) or (1.0, 1.0, 1.0)
    pixels = slice_picture(volume.voxels[len(volume.voxels) // 2], steps[1:])
    return {**row, **nifti_row(volume)}, Picture(pixels, *picture_sides(volume))


def _row(evidence: Evidence) -> dict[str, Any]:
    affine, slices = evidence.volume.affine, evidence.slices
    between_rows, between_columns = slices[0].pixel_spacing or (None, None)
    gaps: list[float] = [] if evidence.along_mm is None else np.diff(evidence.along_mm).tolist()
    return {
        **volume_cells(evidence.volume),
        "plane": evidence.plane,
        "oblique_degrees": None if evidence.normal is None else round(oblique_degrees(evidence.normal), 2),
        "rows": slices[0].rows, "columns": slices[0].columns,
        "slice_spacing_mm": None if affine is None else round(float(np.linalg.norm(affine[:3, 0])), 4),
        "row_spacing_mm": between_rows, "column_spacing_mm": between_columns,
        "ordered_by": evidence.ordered_by.value, "file_names": file_name_order(slices),
        "instance_numbers": instance_order(slices), "missing_slices": evidence.missing,
        "smallest_gap_mm": round(float(min(gaps)), 4) if len(gaps) else None,
        "largest_gap_mm": round(float(max(gaps)), 4) if len(gaps) else None,
        "uneven": _yes(any(finding.code in _UNEVEN for finding in evidence.volume.findings)),
        "signed": _yes(slices[0].storage.signed), "rescaled": _yes(any(map(is_rescaled, slices))),
        "files": len(evidence.paths)}


def _picture(evidence: Evidence) -> Picture:
    """The middle slice as it is stored, in true proportions."""
    first = evidence.slices[0]
    voxels = evidence.volume.voxels
    pixels = slice_picture(voxels[len(voxels) // 2], first.pixel_spacing or (1.0, 1.0))
    if first.orientation is None:
        return Picture(pixels, "", "")
    row, column = first.orientation[:3], first.orientation[3:]
    return Picture(pixels, side([-each for each in row]), side([-each for each in column]))


def _yes(value: bool) -> str:
    return "yes" if value else ""


def _planes(table: pd.DataFrame, read: pd.DataFrame) -> list[str]:
    """Series by sequence and plane, as an aligned table."""
    planes = [plane for plane in ("axial", "coronal", "sagittal", "") if (read["plane"] == plane).any()]
    heads = [*(plane or "no plane" for plane in planes), "not read"]
    names = list(dict.fromkeys(table["sequence"]))
    width = max(len("sequence"), *map(len, names)) + 2
    lines = ["sequence".ljust(width) + "".join(f"{head:>10}" for head in heads)]
    for name in names:
        rows = table[table["sequence"] == name]
        unread = rows["refused"] != ""
        counts = [*(((rows["plane"] == plane) & ~unread).sum() for plane in planes), unread.sum()]
        lines.append((name or "series").ljust(width) + "".join(f"{count:>10}" for count in counts))
    return lines


def _one_plane(read: pd.DataFrame) -> str:
    planes = read.groupby(["split", ID], sort=False)["plane"].nunique()
    several = planes.index[planes > 1].get_level_values(ID).tolist()
    named = f": {listing(several, 8)}" if several else ""
    return f"cases whose series are not all in one plane: {len(several)} of {len(planes)}{named}"


def _readers(read: pd.DataFrame) -> list[str]:
    """Of NIfTI files how many there are. Of DICOM series how their slices are ordered, how many the compiled reader
    read, and why it did not read the others."""
    is_file = read["reader"] == NIFTI_READER
    lines, read = [f"NIfTI files: {is_file.sum()} of {len(read)} series"] if is_file.any() else [], read[~is_file]
    if lines and read.empty:
        return lines
    for column, what in (("file_names", "file names"), ("instance_numbers", "InstanceNumber")):
        counts = read[column].value_counts()
        parts = [f"{counts[order]} {order}" for order in ("same", "reversed", "mixed") if order in counts]
        lines.append(f"order by {what} against the order of the slices: {', '.join(parts) or 'not reported'}")
    others = Counter(f"{name}: {reason}" for name, reason in zip(read["reader"], read["reader_reason"], strict=True)
                     if reason)
    return [*lines, f"read by the compiled reader: {(read['reader'] == 'fast').sum()} of {len(read)} series",
            *(f"{count:7} by {reader}" for reader, count in others.most_common())]


def _findings(read: pd.DataFrame) -> list[str]:
    counts = Counter(meaning for cell in read["finding_codes"] for meaning in _meanings(cell))
    return [f"series without a finding: {(read['finding_codes'] == '').sum()} of {len(read)}",
            *(f"{count:7} with {meaning}" for meaning, count in counts.most_common())]


def _not_read(table: pd.DataFrame, most: int = 20) -> list[str]:
    """Series that were not read, one a line, and the known-bad cases."""
    unread = table[table["refused"] != ""]
    refused = [f"  {'/'.join(filter(None, (row['split'], row[ID], row['sequence'])))}: {row['refused']}"
            for _, row in unread.iterrows()]
    more = [f"  and {len(refused) - most} more: see the table"] if len(refused) > most else []
    known = dict(zip(table[ID], table["known_bad"], strict=True))
    bad = ", ".join(f"{case} ({why})" for case, why in known.items() if why)
    return [*(["not read:", *refused[:most], *more] if refused else []),
            *([f"known-bad cases, left out where training reads that: {bad}"] if bad else [])]
