"""Damaged caches and runs: made again, refused in a line, or read as they were; no batch of anything else meanwhile.

In: an empty folder, a generator, the number of random places. Out: trials, one a damaged file.
"""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.robustness.inputs.file_damage import HUGE, Payload, Trial, begin_small_run, damaged_texts, refusal

if TYPE_CHECKING:
    import numpy as np


def cache_trials(folder: Path, random: "np.random.Generator", places: int, mark: Path) -> Iterator[Trial]:
    """Arrays, notes, index and settings of a cache: made again, and no batch of anything else meanwhile."""
    import numpy as np

    from radiogen.arrays.stored_arrays import check_arrays, read_index
    from radiogen.training.input.batches import Batches, CachedImages, list_inputs

    run = begin_small_run(folder)
    index = read_index(run.cache)
    case = index["case"][0]
    array = run.cache / f"{case}.npy"
    whole = {path.name: path.read_bytes() for path in run.cache.iterdir() if path.is_file()}

    def unchecked() -> "np.ndarray":
        images = CachedImages(run.cache, run.recipe.data)
        return Batches(run.recipe, images, list_inputs(run.recipe.data, index, [case]))[0][0]

    def batch() -> "np.ndarray":
        check_arrays(run.cache, index, [case])
        return unchecked()

    good = batch()
    for what, content in _damaged_arrays(np.load(array), array.read_bytes(), random, places, mark):
        array.write_bytes(content)
        wrong = refusal(batch, array.name)
        if what != "with a byte changed":  # which only the checksum detects
            wrong = wrong or refusal(unchecked, array.name, or_same=lambda found: np.array_equal(found, good))
        yield f"an array {what}", wrong or _made_again(run, whole)
    for name in (f"{case}.json", "settings.json", "index.csv", "geometry.csv"):
        for content in damaged_texts(whole[name], random, places):
            (run.cache / name).write_bytes(content)
            # it is written again before anything is trained, so one that can be read is as good as one that cannot
            wrong = refusal(lambda: read_index(run.cache), name, or_same=lambda _: True) if name == "index.csv" else ""
            yield f"{'a note' if name.startswith(case) else name} damaged", wrong or _made_again(run, whole)
    note = json.loads(whole[f"{case}.json"])
    for lacking in ([], {}, {**note, "row": {"sha256": note["row"]["sha256"]}}, {**note, "geometry": 7},
                    {**note, "row": 7}, *({k: v for k, v in note.items() if k != name} for name in note)):
        (run.cache / f"{case}.json").write_text(json.dumps(lacking))
        yield "a note of an older version", _made_again(run, whole, f"{case}.json")


def run_trials(folder: Path, random: "np.random.Generator", places: int, mark: Path) -> Iterator[Trial]:
    """A run's own tables, damaged or of another version."""
    from radiogen.runs.records import read_recipe, recipe_fields
    from radiogen.training.recipe.recipe import as_flat_dict
    from radiogen.training.runs import open_run
    from radiogen.training.workflow import begin_run

    run = begin_small_run(folder)

    def again() -> Any:
        found = open_run(run.folder)
        begin_run(found.data, found.recipe, found.folder, found.cache.parent.parent, workers=1)
        return found

    def tried(name: str, content: bytes, named: str = "") -> str:
        kept = (run.folder / name).read_bytes()
        (run.folder / name).write_bytes(content)
        try:
            return refusal(again, named, or_same=as_declared)
        finally:
            (run.folder / name).write_bytes(kept)

    def as_declared(found: Any) -> bool:
        declared = {path.rpartition(".")[2]: value for path, value in as_flat_dict(found.recipe).items()}
        return found.folds.equals(run.folds.astype(found.folds.dtypes)) and all(
            declared[name] == value for name, value in recipe_fields(read_recipe(run.folder)).items())

    for name in ("run.json", "recipe.json", "folds.csv"):
        content = (run.folder / name).read_bytes()
        yield f"{name} as it is", tried(name, content)
        for damaged in damaged_texts(content, random, places):
            yield f"{name} damaged", tried(name, damaged, "" if name == "run.json" else name)
        for fields in _other_versions(json.loads(content)) if name.endswith(".json") else ():
            yield f"{name} of another version", tried(name, json.dumps(fields).encode())


def _damaged_arrays(array: "np.ndarray", content: bytes, random: "np.random.Generator", places: int,
                    mark: Path) -> Iterator[tuple[str, bytes]]:
    import numpy as np

    for _ in range(places):
        yield "cut off", content[:int(random.integers(len(content)))]
        place = int(random.integers(len(content) - array.nbytes, len(content)))
        yield "with a byte changed", content[:place] + bytes([content[place] ^ 1]) + content[place + 1:]
    yield "longer", content + b"\0"
    for what, other in (("of another shape", array[..., :-1]), ("of another shape", array.reshape(-1)),
                        ("of another shape", array[0]), ("of another type", array.astype(np.float32)),
                        ("of another type", array.astype(np.int8)), ("of another type", array.astype(">f2")),
                        ("in another order", np.asfortranarray(array)), ("of none", array[:0]),
                        ("of pickled objects", np.array([Payload(mark)], object))):
        yield what, _npy(other)
    for what, shape in (("of 1 TiB that is not there", HUGE), ("of less than nothing", (-1, 8, 8))):
        yield what, _npy(array, shape=shape)


def _npy(array: "np.ndarray", shape: tuple[int, ...] | None = None) -> bytes:
    import numpy as np

    file = io.BytesIO()
    if shape is None:
        np.save(file, array, allow_pickle=True)
    else:
        np.lib.format.write_array_header_1_0(
            file, {"descr": array.dtype.str, "fortran_order": False, "shape": shape})
        file.write(array.tobytes())
    return file.getvalue()


def _made_again(run: Any, whole: dict[str, bytes], but: str = "") -> str:
    """"" where preprocess brings every file of the cache back, byte for byte; `but`: one that need not be the same."""
    from radiogen.arrays.cache import build_caches
    from radiogen.training.runs import cache_settings

    settings = [cache_settings(run.recipe.data)]
    wrong = refusal(lambda: build_caches(run.data, settings, run.cache.parent.parent, workers=1),
                    run.cache.name, or_same=lambda _: True)
    now = {path.name: path.read_bytes() for path in run.cache.iterdir() if path.is_file()}
    other = [name for name in {**whole, **now} if whole.get(name) != now.get(name) and name not in (".lock", but)]
    for name, content in whole.items():
        (run.cache / name).write_bytes(content)
    return wrong or (f"was not made again: {', '.join(other)}" if other else "")


def _other_versions(fields: dict) -> Iterator[object]:
    """Without each field, with one more, and with a wrong value in each."""
    yield from ([], {}, None, 7)
    yield {**fields, "a field of the future": 1}
    for name in fields:
        yield {key: value for key, value in fields.items() if key != name}
        for value in ({}, [[]], "some/other/place", -1, None, True):
            yield {**fields, name: value}
