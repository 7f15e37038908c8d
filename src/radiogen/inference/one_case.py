"""One patient's folder before a trained run: a probability, what it rests on, and where the networks looked.

In: a run and a folder with any of the four series. Out: a `CaseAnswer`. Arrays, batches and arithmetic are those of
prediction.py, so a case of the run's own data set gets the probability that `predictions.csv` has. A case that trained
the run is answered by the one network that did not see it.
"""

import dataclasses
import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from radiogen.arrays.case_arrays import CaseArray, case_array, read_case
from radiogen.arrays.case_mask import mask_refusal
from radiogen.arrays.case_series import CaseSeries
from radiogen.arrays.summary import SUMMARY_SIZE, array_summary
from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.wording import as_run, command, parameter
from radiogen.dataset.geometry import read_geometry
from radiogen.dataset.source import MASK
from radiogen.imaging.findings import Finding, FindingCode
from radiogen.imaging.inspect.recognise import FoundSeries, find_mask, not_used_text, recognise, series_folder_of
from radiogen.imaging.volume import plane, spacing_mm
from radiogen.inference.engine import open_engine
from radiogen.inference.explained import explained_inputs
from radiogen.inference.known_case import Known, find_known, same_id
from radiogen.inference.reference import read_reference
from radiogen.inference.typicality import FEWEST, Typicality, judge_typicality, usual_distances
from radiogen.networks.architecture import probabilities
from radiogen.networks.grad_cam import class_heat
from radiogen.runs.explained import SliceView
from radiogen.runs.fold_locks import note_training
from radiogen.runs.fold_weights import unrecorded
from radiogen.runs.layout import GEOMETRY
from radiogen.runs.predictions import THRESHOLD
from radiogen.task import ID, RSNA_MICCAI, Task
from radiogen.training.input.augmentation import tta_flips
from radiogen.training.input.inputs import CachedImages, InputBatches, list_inputs
from radiogen.training.locator.patient import locate_patient
from radiogen.training.model import load_trained
from radiogen.training.recipe.settings import DataSettings
from radiogen.training.runs import Run, cache_settings, refuse_locator, trained_folds

CASE = "00000"
"""What the case is called where its arrays lie for a moment: its own name need not be an id of the task."""

RARE = 0.05
"""A plane that fewer of the training series lie in is noted."""


DISCLAIMER = "research software: not for diagnosis or treatment"


@dataclass(frozen=True)
class CaseAnswer:
    """What a run says of a case.

    by_fold: the probability by each network that was used; probability is their mean. known: the case of the run that
    this is. series: a line for each series used. notes: what a reader has to know of it, a line each. name, images: as
    in `case_mark`. typicality: how much the patient looks like those that trained; None where that is not known.
    engine: what computed the probabilities, in words.
    """

    name: str
    probability: float
    by_fold: Mapping[str, float]
    known: Known | None
    series: tuple[str, ...]
    notes: tuple[str, ...]
    views: tuple[SliceView, ...]
    images: str = ""
    task: Task = RSNA_MICCAI
    typicality: Typicality | None = None
    engine: str = ""

    @property
    def called(self) -> int:
        """The class that it is called as, 0 or 1."""
        return int(self.probability >= THRESHOLD)

    @property
    def called_as(self) -> str:
        """The name of that class."""
        return self.task.classes[self.called]


def predict_case(run: Run, folder: Path) -> CaseAnswer:
    """Ask the run's networks about the patient whose series lie in `folder`.

    Raises UserError where the run is not trained, no series of the recipe is found or can be read, or two fit one.
    """
    note_training(run.folder)
    refuse_locator(run)
    folder, folds = Path(folder), trained_folds(run)
    if not folds:
        raise UserError(run.folder, "is not trained", f"{command('train')} --run {as_run(run.folder)} --fold all")
    found, left = recognise(folder, run.recipe.data.sequences)
    with tempfile.TemporaryDirectory(prefix="radiogen-") as scratch:
        room = Path(scratch)
        folders = {name: series_folder_of(one, room / name) for name, one in found.items()}
        series, made = _read(run, folder, folders, room)
        path = files.write_array(room / "arrays" / f"{CASE}.npy", made.array)
        perceptual_hash = series[cache_settings(run.recipe.data).first_sequence].perceptual_hash
        known = find_known(run, folders, files.sha256(path), perceptual_hash)
        used = [known.place] if known and known.trained and known.place in folds else folds
        typicality = _typicality(run, made, known.case if known else "")
        moved = dataclasses.replace(run, cache=path.parent)
        by_fold, views, engine = _ask(moved, used, made, series)
    name, images = case_mark(folder)
    notes = [*_known_notes(run, name, known, used), *_missing_notes(run, series), *_odd_notes(run, found, series),
             *filter(None, [unrecorded(run.folder), not_used_text(folder, left)])]
    notes += [str(one) for one in made.findings if one.sequence == MASK]
    lines = [_series_text(name, found[name], series[name], made) for name in found if not series[name].unusable]
    return CaseAnswer(name, float(np.mean(list(by_fold.values()))), by_fold, known, tuple(lines), tuple(notes), views,
                      images, run.task, typicality, engine)


def case_mark(folder: Path) -> tuple[str, str]:
    """How the patient in `folder` is called, as a file may be, and a hash of all files there, which distinguishes
    patients of one name."""
    mark = hashlib.sha256()
    for path in sorted(path for path in Path(folder).rglob("*") if path.is_file()):
        mark.update(files.sha256(path).encode())
    return files.name_from(Path(folder)), mark.hexdigest()


def check_output(output: Path, name: str, images: str) -> None:
    """Raise UserError where `NAME.json` or `NAME.png` in `output` is not an answer on this very patient.

    name, images: of `case_mark`.
    """
    path, remedy = Path(output) / f"{name}.json", f"name another folder with {parameter('output')}, or move it away"
    if path.is_file():
        kept = files.read_json(path)
        if not isinstance(kept, dict) or kept.get("images") != images:
            raise UserError(path, f"is not the answer on these images but on another case {name}, and is not replaced",
                            remedy)
    elif path.with_suffix(".png").exists():
        raise UserError(path.with_suffix(".png"), "lies there without a record, and is not replaced", remedy)


def answer_text(answer: CaseAnswer) -> str:
    """The answer as lines for a terminal."""
    return "\n".join([title_text(answer), *filter(None, [typicality_text(answer)]), *answer.notes, "based on:",
                      *(f"  {line}" for line in answer.series)])


def title_text(answer: CaseAnswer) -> str:
    """Two lines: the probability, and how far the networks agree."""
    values = list(answer.by_fold.values())
    spread = (f"mean of {len(values)} networks, which say {min(values):.3f} to {max(values):.3f} (standard deviation "
              f"{np.std(values, ddof=1):.3f})" if len(values) > 1 else
              f"by one network, that of fold {next(iter(answer.by_fold))}")
    return (f"case {answer.name}: probability of {answer.task.target} {answer.probability:.3f}, called "
            f"{answer.called_as}\n{spread}")


def typicality_text(answer: CaseAnswer) -> str:
    """Whether the run abstains, and why; "" where the patient is like those that trained it."""
    found = answer.typicality
    if found is None:
        return (f"not compared with the training cases: the run has fewer than {FEWEST} of them, or was predicted by "
                "an older version")
    if not found.atypical:
        return ""
    return (f"the run abstains: {', '.join(found.sequences) or 'the patient'} unlike anything that trained it "
            f"(distance {found.distance:.2f}, usual up to {found.limit:.2f}); the probability above says nothing")


def heat_text(answer: CaseAnswer) -> str:
    """What the heat of the views speaks for."""
    return f"Grad-CAM, what speaks for {answer.called_as}"


def record(answer: CaseAnswer, run: Run) -> dict:
    """The answer as plain JSON values."""
    return {"case": answer.name, "images": answer.images, "run": run.folder.name,
            "probability": answer.probability, "called": answer.called, "predicted_by": answer.engine,
            "by_fold": dict(answer.by_fold), "known": dataclasses.asdict(answer.known) if answer.known else None,
            "typicality": None if answer.typicality is None else {
                **dataclasses.asdict(answer.typicality), "abstains": answer.typicality.atypical},
            "series": list(answer.series), "notes": list(answer.notes)}


def write_record(output: Path, answer: CaseAnswer, run: Run, more: Mapping[str, object]) -> Path:
    """Write `record` and what more is known to `NAME.json` in `output`, checked as in `check_output`."""
    check_output(output, answer.name, answer.images)
    return files.write_json(Path(output) / f"{answer.name}.json", {**record(answer, run), **more})


def upright(view: SliceView, steps: np.ndarray | None) -> SliceView:
    """The view as radiology hangs it: seen from the feet, from the front, or from the left; steps: see `_steps`."""
    from radiogen.imaging.inspect.evidence import side

    if steps is None:
        return view
    image, heat = view.image, view.heat
    axes = np.abs(steps).argmax(axis=0)
    across = 1 if 0 not in axes else 0  # sagittal slices run from front to back, all others from right to left
    if axes[1] != across and axes[0] == across:
        image, heat, steps = image.T, heat.T, steps[:, ::-1]
    wanted = 1 if np.abs(steps[:, 0]).argmax() == 1 else -1  # down is to the back, or to the feet
    if steps[np.abs(steps[:, 0]).argmax(), 0] * wanted < 0:
        image, heat, steps = image[::-1], heat[::-1], steps * [-1, 1]
    if steps[np.abs(steps[:, 1]).argmax(), 1] < 0:
        image, heat, steps = image[:, ::-1], heat[:, ::-1], steps * [1, -1]
    lengths = np.linalg.norm(steps, axis=0)
    return SliceView(view.title, image, heat, side(-steps[:, 1]), side(-steps[:, 0]),
                     (float(lengths[0]), float(lengths[1])))


def _read(run: Run, folder: Path, folders: Mapping[str, Path], room: Path) -> tuple[dict[str, CaseSeries], CaseArray]:
    """The case's series and its array, as a test case's: what is missing or refused is left out, but for a mask."""
    settings = cache_settings(run.recipe.data)
    places: dict[str, Path | None] = {name: folders.get(name, room / "missing") for name in settings.sequences}
    places[MASK] = find_mask(folder) if run.recipe.data.mask is None else locate_patient(run, folder, room)
    series = read_case(places, [settings], whole=False, case=CASE, mask_values=run.task.mask_values)
    made = case_array(settings, series, whole=False)
    if made is None:
        placeless = Finding(FindingCode.PLACE_UNKNOWN)
        reasons = "; ".join(f"{name}: {(series[name].unusable or placeless).reason}" for name in folders)
        raise UserError(folder, f"has no series that can be used ({reasons})", "mend its files, or give another folder")
    refused = mask_refusal(made.findings)
    if refused is not None and run.recipe.data.needs_mask:
        raise UserError(folder, f"the recipe of {run.folder.name} needs the tumour's mask, and it {refused.reason}",
                        f"put it there as {MASK}.nii.gz")
    return series, made


def _typicality(run: Run, made: CaseArray, leave_out: str) -> Typicality | None:
    """The case compared with those that trained the run, but for itself; None where these are not known, or too few."""
    reference, sequences = read_reference(run.folder), run.recipe.data.sequences
    if reference is None or reference.summaries.shape[1:] != (len(sequences), SUMMARY_SIZE):
        return None
    usual = usual_distances(reference, leave_out)
    return usual and judge_typicality(usual, array_summary(made.array, made.slices, sequences), sequences)


def _ask(run: Run, folds: Sequence[str], made: CaseArray, series: Mapping[str, CaseSeries]
         ) -> tuple[dict[str, float], tuple[SliceView, ...], str]:
    """The probability by fold, the views, and what computed them; `run.cache` holds the case's array."""
    recipe, index = run.recipe, pd.DataFrame({ID: [CASE], "slices": [made.slices]})
    inputs, shown = list_inputs(recipe.data, index, [CASE]), _shown_inputs(recipe.data, index)
    images, flips = CachedImages(run.cache, recipe.data), tta_flips(recipe.augmentation, recipe.data.rank)
    flipped = [InputBatches(recipe, images, inputs, flip=flip) for flip in flips]
    pictures = {name: list(InputBatches(recipe, images, rows).images_alone()) for name, rows in shown.items()}
    engine, choice = open_engine(recipe, sum(batches.num_batches for batches in flipped))
    by_fold, heat = {}, {(name, called): np.zeros(()) for name in shown for called in (0, 1)}
    for fold in folds:
        load_trained(engine, run, fold)
        answers = [probabilities(engine.outputs(batches.images_alone())) for batches in flipped]
        by_fold[fold] = float(np.concatenate(answers).mean())
        for name, batches in pictures.items():
            features = np.concatenate([engine.features(batch) for batch in batches])
            for called in (0, 1):
                found = class_heat(features, engine.head_kernel(), called, batches[0].shape[1:-1])
                heat[name, called] = heat[name, called] + found / (found.max() or 1)
    called = int(np.mean(list(by_fold.values())) >= THRESHOLD)
    stacks = {name: np.concatenate(batches) for name, batches in pictures.items()}
    mm = {name: _steps(run, series, made, name) for name in recipe.data.sequences if not series[name].unusable}
    views = _views(recipe.data, mm, shown, stacks, {name: heat[name, called] for name in shown})
    return by_fold, views, choice.text


def _shown_inputs(data: DataSettings, index: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """By sequence the inputs to draw; one for all, under the first's name, where the sequences are channels."""
    names = data.sequences[:1] if data.sequences_as_channels else data.sequences
    rows = {name: explained_inputs(data, index, CASE, name) for name in names}
    return {name: one.iloc[np.unique(np.linspace(0, len(one) - 1, min(len(one), 16)).round().astype(int))]
            .reset_index(drop=True) for name, one in rows.items() if len(one)}


def _views(data: DataSettings, mm: Mapping[str, np.ndarray | None], shown: Mapping[str, pd.DataFrame],
           stacks: Mapping[str, np.ndarray], heat: Mapping[str, np.ndarray]) -> tuple[SliceView, ...]:
    """The hottest slice of each sequence that was used; mm: `_steps` of each."""
    views = []
    most = max(float(np.max(one)) for one in heat.values()) or 1.0
    for name, steps in mm.items():
        key = next(iter(shown)) if data.sequences_as_channels else name
        if key not in shown:
            continue
        channel = data.sequences.index(name) if data.sequences_as_channels else 0
        images = stacks[key][..., channel].reshape(-1, *stacks[key].shape[-3:-1])
        hot = np.reshape(heat[key] / most, images.shape)
        place = int(hot.sum(axis=(1, 2)).argmax())
        number, many = ((int(shown[key]["slice"][place]) + 1, None) if data.rank == 2 else (place + 1, len(images)))
        title = f"{name}, slice {number}" + (f" of {many}" if many else "")
        low, high = float(images.min()), float(images.max())
        image = (images[place] - low) / max(high - low, 1e-9)
        views.append(upright(SliceView(title, image, hot[place], "", "", None), steps))
    return tuple(views)


def _steps(run: Run, series: Mapping[str, CaseSeries], made: CaseArray, name: str) -> np.ndarray | None:
    """(3, 2): the mm (x, y, z) from a row, and from a column, of the network's slices to the next; None if unknown."""
    settings, one = cache_settings(run.recipe.data), series[name]
    if settings.kind == "cubes" and settings.geometry == "isotropic" and settings.edge_mm is not None:
        return (made.grid[:3, 1:3] if made.grid is not None else
                settings.edge_mm / settings.size * np.eye(3)[:, [1, 0]])
    if one.header.affine is None:
        return None
    shape = _shown_shape(one.header.voxels.shape, made, name)
    extent = one.header.affine[:3, :3] * shape
    if settings.kind == "cubes":
        extent = np.concatenate([extent[:, [int(shape.argmax())]], np.delete(extent, int(shape.argmax()), 1)], axis=1)
    if settings.geometry == "isotropic":
        lengths = np.linalg.norm(extent[:, 1:], axis=0)
        return extent[:, 1:] / lengths * lengths.max() / settings.size
    return extent[:, 1:] / settings.size


def _shown_shape(shape: tuple[int, ...], made: CaseArray, name: str) -> np.ndarray:
    """(3,): slices, rows and columns of a series that are shown: all, or those around the tumour."""
    kept = {axis: last - first + 1 for one in made.changes
            if one.sequence == name and one.finding.code is FindingCode.CROPPED_TO_TUMOUR
            for axis, first, last, _ in one.finding.values["axes"]}
    return np.array([kept.get(axis, count) for axis, count in zip(("slices", "rows", "columns"), shape, strict=True)])


def _series_text(name: str, found: FoundSeries, one: CaseSeries, made: CaseArray) -> str:
    volume = one.header
    steps = spacing_mm(volume)
    text = f"{len(volume.voxels)} slices of {volume.voxels.shape[1]} x {volume.voxels.shape[2]}"
    text += f", {plane(volume)}, {steps[0]:.3g} mm apart" if steps else ", of unknown plane and spacing"
    findings = [str(one.finding) for one in (*made.findings, *made.changes) if one.sequence == name]
    return f"{name:<6} {text}; {found.by}" + (f"; {'; '.join(findings)}" if findings else "")


def _known_notes(run: Run, name: str, known: Known | None, used: Sequence[str]) -> list[str]:
    if known is None and same_id(run, name):
        return [f"the run has a case {name}, too, but not these images: it is taken for another patient"]
    if known is None or not known.place:
        return []
    if not known.trained:
        how = "held out, not trained on, but it judged the model" if known.place == "holdout" else "not trained on"
        return [f"the run knows this case: it is {known.case} ({known.by}), {how}"]
    line = f"this case trained the model: it is {known.case} of fold {known.place} ({known.by})"
    if list(used) == [known.place]:
        return [f"{line}; only the network of that fold is used, which did not see it"]
    return [f"{line}, and every network here has seen it: its probability says nothing of what the model can do"]


def _missing_notes(run: Run, series: Mapping[str, CaseSeries]) -> list[str]:
    notes, channels = [], run.recipe.data.sequences_as_channels
    for name in run.recipe.data.sequences:
        problem = series[name].unusable
        if problem:
            effect = "its channel is black, as in no training case" if channels else "the others are averaged"
            unused = "" if problem.code is FindingCode.SERIES_MISSING else "is not used: "
            notes.append(f"{name} {unused}{problem.reason}: {effect}")
    return notes


def _odd_notes(run: Run, found: Mapping[str, FoundSeries], series: Mapping[str, CaseSeries]) -> list[str]:
    """What the folder's names leave in doubt, and how the series differ from those that the run was trained on."""
    notes = [f"{name}: {one.doubt}" for name, one in found.items() if one.doubt]
    path = run.folder / GEOMETRY
    if not path.is_file():
        return notes
    table = read_geometry(path)
    table = table[table["split"] == "train"]
    for name in found:
        own, here = table[table["sequence"] == name], series[name].geometry if not series[name].unusable else None
        if here is None or here["plane"] is None or own.empty:
            continue
        alike = int((own["plane"] == here["plane"]).sum())
        if alike < RARE * len(own):
            notes.append(f"{name} is {here['plane']}: {alike} of the {len(own)} training series were")
        low, high = own["slice_spacing_mm"].min(), own["slice_spacing_mm"].max()
        if not low * 0.95 <= here["slice_spacing_mm"] <= high * 1.05:
            notes.append(f"{name} has slices {here['slice_spacing_mm']:.3g} mm apart: {low:.3g} to {high:.3g} mm in "
                         "training")
    return notes
