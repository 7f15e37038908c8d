"""A data set in the competition's layout with a known answer: heads with a tumour whose look depends on the label.

In: `PhantomSettings`. Out: a folder with train/, test/, the label tables, `phantom.json` (settings, the best AUC that
is possible) and `phantom_cases.csv` (the answer key). A latent variable, normal with unit variance and its mean moved
by `effect` for label 1, sets the share of the tumour that is necrotic core, and so how thin the rim is; nothing else
depends on the label. Every case is drawn from (seed, split, number) alone: more cases leave the first as they were.
"""

import logging
import math
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.parallel import map_items
from radiogen.core.wording import parameter
from radiogen.dataset.layout import PHANTOM_RECORD
from radiogen.dataset.source import LABELS_TABLE
from radiogen.imaging.export.series_export import write_nifti
from radiogen.imaging.volume import Volume
from radiogen.phantom.anatomy import Head, draw_head
from radiogen.phantom.geometry import Grid, draw_grid, draw_planes, read_mix
from radiogen.phantom.hospitals import Hospital, Shift, draw_hospital, draw_vendor, hospital_of
from radiogen.phantom.mask import GRID_OF, write_mask
from radiogen.phantom.namings import Format, Naming
from radiogen.phantom.series import draw_image, write_series
from radiogen.task import ID, LABEL, RSNA_MICCAI, Task

if TYPE_CHECKING:
    import pandas as pd

_LOG = logging.getLogger(__name__)

FORMAT = 1
"""Raised with every change of what a phantom looks like, so that an old one is not taken for a new one."""

_KEY = "phantom_cases.csv"
_SPLITS = ("train", "test")
_LABEL, _LATENT, _ANATOMY, _GEOMETRY, _ACQUISITION, _IDS, _HOSPITAL = range(7)


@dataclass(frozen=True)
class PhantomSettings:
    """What a phantom is made of."""

    cases: int = 200
    """Training cases; half of them, or one more or less, have label 1."""
    test_cases: int = 16
    """Test cases, whose labels are in phantom_cases.csv only."""
    effect: float = 3.0
    """How far label 1 moves the mean of the latent variable, in standard deviations; 0 is the negative control."""
    confound: bool = False
    """Tie the label to the acquisition planes (FLAIR is coronal in 93 % of label 1 and 7 % of label 0) instead of the
    tumour: --effect is not used."""
    scale: float = 0.2
    """Matrix and number of slices as a share of the real ones (1: real sizes, 100 times the bytes); pixels are at
    most 4 mm and slices 8 mm, or the real spacing where that is wider."""
    noise: float = 0.03
    """Standard deviation of the Rician noise, as a share of the brightest tissue."""
    bias: float = 0.12
    """Standard deviation of the coil's shading along each axis, as a share of the signal."""
    seed: int = 42
    """Same seed, same bytes."""
    format: Format = "dicom"
    """The competition's layout with series as DICOM or NIfTI, or the namings of BIDS and of published cohorts."""
    shift: Shift = "none"
    """Another hospital: more noise and shading, other contrast, coarser grids, more of label 1; give another seed,
    too, or its patients are the same."""
    site_confound: bool = False
    """Tie the label to the hospital instead of the tumour: four hospitals, each with its own look, have label 1 in 9 of
    10 or in 1 of 10 patients; patients.csv says which."""
    vendor_confound: bool = False
    """Tie the label to the scanner's maker instead of the tumour: its headers and the noise of the air outside the head
    go with the label in 9 of 10 patients; planes and sizes do not."""


@dataclass(frozen=True)
class Case:
    """One case before its images are made: number, label, latent variable, its rows of the mix of series, hospital."""

    name: str
    split: str
    index: int
    label: int
    latent: float
    rows: tuple[int, ...]
    hospital: Hospital = field(default_factory=Hospital)


def write_phantom(folder: Path, settings: PhantomSettings, workers: int | None = None) -> None:
    """Make the data set `folder`, or resume it; a finished one is left as it is.

    workers: processes (default: the cores that may be used); the bytes do not depend on it.
    Raises UserError for settings that make no phantom, a folder with something else in it, or a phantom of other
    settings.
    """
    folder = Path(folder)
    _check_settings(settings)
    _check_folder(folder, settings)
    with files.working_folder(folder):
        if not (folder / PHANTOM_RECORD).is_file():
            files.write_json(folder / PHANTOM_RECORD, _record(settings))
        cases = list_cases(settings)
        naming = Naming(settings.format)
        missing = [case for case in cases if not (folder / naming.mask(case.split, case.name)).is_file()]
        if not missing and (folder / LABELS_TABLE).is_file():
            _LOG.info(f"{folder}: complete already, with these settings")
            return
        map_items(partial(_write_case, folder, settings), missing, "phantom", workers=workers)
        _write_tables(folder, settings)


def read_phantom(folder: Path) -> dict[str, Any] | None:
    """The content of phantom.json: `settings`, `ceiling_auc` (None with confound), `ceiling` (why); or None."""
    path = Path(folder) / PHANTOM_RECORD
    return files.read_json(path) if path.is_file() else None


def ceiling_auc(effect: float) -> float:
    """The AUC of the latent itself, which no method can beat: Phi(effect / sqrt 2) for two normals of unit variance."""
    return (1 + math.erf(effect / 2)) / 2


def core_fraction(latent: float) -> float:
    """The share of the tumour's volume that is necrotic core: 0.05 to 0.85, rising with the latent, steepest at 0."""
    return 0.05 + 0.80 / (1 + math.exp(-latent))


def phantom_cases(settings: PhantomSettings) -> "pd.DataFrame":
    """The answer key, without making any image: a row a case, sorted by split and id.

    Columns: ID, split, LABEL (of test cases, too), latent, core_fraction, and the plane of each sequence.
    """
    import pandas as pd

    mix = read_mix()
    sites = {"site": [case.hospital.name for case in list_cases(settings)]} if settings.site_confound else {}
    return pd.DataFrame([{
        ID: case.name, "split": case.split, LABEL: case.label, "latent": case.latent,
        "core_fraction": core_fraction(case.latent),
        **{f"{name}_plane": mix.at[row, f"{name}_plane"]
           for name, row in zip(RSNA_MICCAI.sequences, case.rows, strict=True)},
    } for case in list_cases(settings)]).assign(**sites)


def list_cases(settings: PhantomSettings) -> list[Case]:
    """Every case of a phantom, training before test, sorted by id."""
    cases = [_draw_case(settings, split, index, name) for split, count in zip(
        _SPLITS, (settings.cases, settings.test_cases), strict=True)
        for index, name in enumerate(_names(settings.seed, split, count))]
    return sorted(cases, key=lambda case: (_SPLITS.index(case.split), case.name))


def _rng(settings: PhantomSettings, split: str, index: int, *purpose: int) -> np.random.Generator:
    return np.random.default_rng([settings.seed, _SPLITS.index(split), index, *purpose])


def _names(seed: int, split: str, count: int) -> list[str]:
    """Ids in the order in which cases are drawn: 00000 first, then scattered, of each thousand 870 for training."""
    names: list[str] = []
    block = 0
    while len(names) < count:
        ids = np.random.default_rng([seed, _IDS, block]).permutation(np.arange(1, 1000)) + 1000 * block
        ids = np.concatenate([[1000 * block], ids])
        ids = ids[:870] if split == "train" else ids[870:]
        names += [name for name in (f"{number:05d}" for number in ids) if name not in RSNA_MICCAI.blank_series]
        block += 1
    return names[:count]


def _draw_case(settings: PhantomSettings, split: str, index: int, name: str) -> Case:
    """Labels come in pairs, one of each in random order, so any number of cases is balanced up to one; in another
    hospital each is drawn by itself."""
    hospital = hospital_of(settings.shift)
    first = int(_rng(settings, split, index // 2, _LABEL).integers(2))
    label = first if index % 2 == 0 else 1 - first
    if hospital.prevalence is not None:
        label = int(_rng(settings, split, index, _LABEL).random() < hospital.prevalence)
    if settings.site_confound:
        hospital = draw_hospital(_rng(settings, split, index, _HOSPITAL), label)
    if settings.vendor_confound:
        hospital = draw_vendor(_rng(settings, split, index, _HOSPITAL), label)
    tied = settings.confound or settings.site_confound or settings.vendor_confound
    moved = 0.0 if tied else settings.effect * (label - 0.5)
    latent = moved + float(_rng(settings, split, index, _LATENT).normal())
    rows = draw_planes(_rng(settings, split, index, _GEOMETRY), label if settings.confound else None)
    return Case(name=name, split=split, index=index, label=label, latent=latent, rows=rows, hospital=hospital)


def _write_case(folder: Path, settings: PhantomSettings, case: Case) -> None:
    """Write a case's files, the mask last; into a folder that was made before phantoms had masks, the mask alone."""
    naming = Naming(settings.format)
    if naming.format != "dicom":
        _fill_case(folder, settings, case)
        return
    place = folder / case.split / case.name
    if place.is_dir():
        head = _head(settings, case)
        write_mask(folder / naming.mask(case.split, case.name), head, _grid(settings, case, GRID_OF, head)[0])
    else:
        files.write_folder(place, partial(_fill_case, settings=settings, case=case))


def _head(settings: PhantomSettings, case: Case) -> Head:
    return draw_head(_rng(settings, case.split, case.index, _ANATOMY), core_fraction(case.latent))


def _grid(settings: PhantomSettings, case: Case, sequence: str, head: Head) -> tuple[Grid, np.random.Generator]:
    """The grid of one series, and the generator from which its image is drawn next."""
    number = RSNA_MICCAI.sequences.index(sequence)
    rng = _rng(settings, case.split, case.index, _ACQUISITION, number)
    return draw_grid(rng, sequence, case.rows[number], settings.scale * case.hospital.scale, head.centre), rng


def _fill_case(folder: Path, settings: PhantomSettings, case: Case) -> None:
    """Write a case's files: as DICOM into its own folder, `folder`; as NIfTI where they belong in the data set."""
    head, hospital, naming = _head(settings, case), case.hospital, Naming(settings.format)
    grids = {}
    for sequence in RSNA_MICCAI.sequences:
        grid, rng = _grid(settings, case, sequence, head)
        grids[sequence] = grid
        image = draw_image(rng, head, sequence, grid, settings.noise * hospital.noise, settings.bias * hospital.bias,
                           hospital.contrast)
        if settings.format == "dicom":
            write_series(folder / sequence, image, grid, case.name, sequence, settings.seed, hospital)
        else:
            write_nifti(folder / naming.series(case.split, case.name, sequence), Volume(image.voxels, grid.affine))
    mask = naming.mask(case.split, case.name)
    write_mask(folder / (mask.name if settings.format == "dicom" else mask), head, grids[GRID_OF])


def _write_tables(folder: Path, settings: PhantomSettings) -> None:
    """The label table comes last: where it is, all is there."""
    key, naming = phantom_cases(settings), Naming(settings.format)
    task = RSNA_MICCAI if naming.cohort is None else Task("phantom")
    files.write_csv(folder / _KEY, task.to_file(key.assign(**{ID: key[ID].map(naming.case)})))
    naming.write_tables(folder, key)


def _record(settings: PhantomSettings) -> dict[str, Any]:
    if settings.site_confound:
        ceiling, why = None, "the label is tied to the hospital; the tumour tells nothing of it (AUC 0.5)"
    elif settings.vendor_confound:
        ceiling, why = None, "the label is tied to the scanner's maker; the tumour tells nothing of it (AUC 0.5)"
    elif settings.confound:
        ceiling, why = None, "the label is tied to the acquisition planes; the tumour tells nothing of it (AUC 0.5)"
    else:
        ceiling, why = ceiling_auc(settings.effect), "Phi(effect / sqrt 2): the AUC of the latent variable itself"
    return {"format": FORMAT, "settings": asdict(settings), "ceiling_auc": ceiling, "ceiling": why, "answer_key": _KEY}


def _check_settings(settings: PhantomSettings) -> None:
    for name, low, high in (("cases", 2, 80_000), ("test_cases", 0, 12_000), ("effect", 0, 100), ("scale", 0.02, 1),
                            ("noise", 0, 1), ("bias", 0, 0.5), ("seed", 0, 2**63)):
        value = getattr(settings, name)
        if not low <= value <= high:
            raise UserError(f"--{name.replace('_', '-')}", f"is {value}", f"give a number from {low} to {high}")
    tied = [f"--{name.replace('_', '-')}" for name in ("confound", "site_confound", "vendor_confound")
            if getattr(settings, name)]
    if len(tied) > 1:
        raise UserError(tied[-1], f"and {tied[0]} both tie the label", "give one of them")
    largest = max(int(case.name) for case in list_cases(settings))
    if largest > Naming(settings.format).most:
        raise UserError(f"--format {settings.format}", f"has no id for case {largest}", "make fewer cases")


def _check_folder(folder: Path, settings: PhantomSettings) -> None:
    record = read_phantom(folder)
    if isinstance(record, dict) and isinstance(record.get("settings"), dict):  # of before a setting was added
        record = {**record, "settings": {**asdict(PhantomSettings()), **record["settings"]}}
    if record is None:
        if folder.exists() and (not folder.is_dir() or any(not path.name.startswith(".") for path in folder.iterdir())):
            raise UserError(folder, "exists already and is not a phantom",
                            f"give a new folder with {parameter('data')}")
        return
    wanted = _record(settings)
    if record == wanted:
        return
    kept = record.get("settings", {}) if isinstance(record, dict) else {}
    other = [f"{name} {kept.get(name)} instead of {value}" for name, value in wanted["settings"].items()
             if kept.get(name) != value] or ["another version of radiogen"]
    raise UserError(folder, f"is a phantom with {', '.join(other)}",
                    f"give another folder with {parameter('data')}, or delete this one")
