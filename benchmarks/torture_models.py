"""Damaged and hostile weights, checkpoints, caches and runs: refused in a line, made again, or read as they were.

In: a seed, which draws places and bytes. Out: an outcome a kind of damage. Each group works in a process of its own, so
that a crash of a library is an outcome, too. What must never happen: code out of a file that runs (each payload would
leave a mark), more than 1 GiB of memory for a file that lies, an array that is not the series' own in a batch.
"""

import contextlib
import io
import json
import pickle
import resource
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torture_outcome import Outcome

if TYPE_CHECKING:
    import numpy as np

PART = "bad models and caches"
MEMORY = 1 << 30
"""Bytes that a process may hold more after a trial than before."""
HUGE = (1 << 20, 1 << 18)
"""A shape that nothing can hold: 1 TiB of float32."""
Random = "np.random.Generator"
Trial = tuple[str, str]
"""What was done, and what is wrong with what came of it ("": nothing)."""


def run(seed: int, many: float, folder: Path) -> list[Outcome]:
    """One outcome a kind of damage; `12 * many` places are drawn where damage needs a place."""
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    places, trials = max(1, round(12 * many)), []
    for name in GROUPS:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            try:
                trials += pool.submit(try_group, name, seed, places, folder / name).result()
            except BrokenProcessPool:
                trials.append((name, "the process died"))
    outcomes = []
    for what in dict.fromkeys(what for what, _ in trials):
        own = [wrong for one, wrong in trials if one == what]
        bad = list(dict.fromkeys(filter(None, own)))
        note = f"{len(own)} file{'s' * (len(own) != 1)}" + (f": {'; '.join(bad)}" if bad else "")
        outcomes.append(Outcome(PART, what, not bad, note))
    return outcomes


def try_group(name: str, seed: int, places: int, folder: Path) -> list[Trial]:
    """The trials of one group, made in this process; `folder` is made."""
    import numpy as np

    folder.mkdir(parents=True, exist_ok=True)
    mark, trials = folder / "payload-ran", []
    random = np.random.default_rng([seed, list(GROUPS).index(name)])
    told = io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(told), contextlib.redirect_stderr(told):
        for what, wrong in GROUPS[name](folder, random, places, mark):
            trials.append((f"{name}: {what}", "code out of the file ran" if mark.exists() else wrong))
            mark.unlink(missing_ok=True)
    return trials


def refusal(call: Callable[[], object], name: str, *, or_same: Callable[[Any], bool] | None = None) -> str:
    """"" where `call` raises a UserError of one line that names `name` and holds little memory; else what is wrong.

    or_same: says of what it returned whether that is as good as undamaged.
    """
    from radiogen.core.errors import UserError

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        found = call()
        wrong = "" if or_same is not None and or_same(found) else "was taken"
    except UserError as error:
        told = str(error)
        wrong = "" if "\n" not in told and name in told else f"does not name {name} in one line: {told[:160]!r}"
    except Exception as error:  # noqa: BLE001  (whatever it is, it is the finding)
        wrong = f"{type(error).__name__}: {str(error)[:120]}"
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    return f"{grown / 2**30:.1f} GiB of memory" if grown > MEMORY else wrong


class Payload:
    """What a pickle would run: it leaves a mark."""

    def __init__(self, mark: Path):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


def _weights(folder: Path, random: "np.random.Generator", places: int, mark: Path) -> Iterator[Trial]:
    """First weights, as given with --weights."""
    from radiogen.networks.residual import build_network
    from radiogen.networks.settings import NetworkSettings
    from radiogen.networks.weights import load_first_weights

    model = build_network(NetworkSettings("resnet6", width=4), (16, 16, 1))
    whole = folder / "whole.weights.h5"
    model.save_weights(whole)
    values = model.get_weights()

    def tried(path: Path) -> str:
        model.set_weights(values)
        return refusal(lambda: load_first_weights(model, str(path)), path.name)

    yield "as they are", "" if "layers took" in load_first_weights(model, str(whole)) else "not read"
    for path in _truncated(whole, random, places):
        yield "cut off", tried(path)
    for path in _overwritten(whole, random, places):
        yield "bytes changed", refusal(lambda path=path: load_first_weights(model, str(path)), path.name,
                                       or_same=lambda _: True)  # HDF5 has no checksums: another number is a number
    for what, path in _hostile_files(folder, mark):
        yield what, tried(path)


def _hostile_files(folder: Path, mark: Path) -> Iterator[tuple[str, Path]]:
    """Files that would run code, read other files or fill the memory, were they taken at their word."""
    import h5py
    import numpy as np

    from radiogen.networks.backend import keras

    lambdas = keras.Sequential([keras.layers.Input((2,)), keras.layers.Lambda(
        lambda x, touch=Path.touch, mark=str(mark): (touch(Path(mark)), x)[1], output_shape=(2,))])
    lambdas.save(folder / "lambda.keras")
    mark.unlink(missing_ok=True)  # its own calls while it was built
    yield "a .keras with a Lambda layer", folder / "lambda.keras"
    (folder / "lambda.h5").write_bytes((folder / "lambda.keras").read_bytes())
    yield "a .keras with a Lambda layer", folder / "lambda.h5"
    for name in ("pickle.keras", "pickle.h5", "pickle.weights.h5"):
        (folder / name).write_bytes(pickle.dumps(Payload(mark)))
        yield "a pickle", folder / name
    with zipfile.ZipFile(folder / "pickled.keras", "w") as archive:
        archive.writestr("config.json", json.dumps({"module": "builtins", "class_name": "exec", "config": {}}))
        archive.writestr("model.weights.npz", pickle.dumps(Payload(mark)))
    yield "a pickle", folder / "pickled.keras"
    np.save(folder / "objects.npy", np.array([Payload(mark)], object), allow_pickle=True)
    yield "a pickle", folder / "objects.npy"
    kernel = np.ones((7, 7, 1, 4), np.float32)
    with h5py.File(folder / "target.h5", "w") as file:
        file["secret"] = kernel
    (folder / "raw").write_bytes(kernel.tobytes())
    layout = h5py.VirtualLayout(kernel.shape, "f4")
    layout[:] = h5py.VirtualSource(str(folder / "target.h5"), "secret", kernel.shape)
    for what, name, write in (
            ("an array in another file", "link", lambda group: group.__setitem__(
                "k", h5py.ExternalLink(str(folder / "target.h5"), "secret"))),
            ("an array in another file", "storage", lambda group: group.create_dataset(
                "k", kernel.shape, "f4", external=[(str(folder / "raw"), 0, kernel.nbytes)])),
            ("an array in another file", "virtual", lambda group: group.create_virtual_dataset("k", layout)),
            ("an array of 1 TiB that is not there", "huge", lambda group: group.create_dataset(
                "k", HUGE, "f4", chunks=(1024, 1024))),
            ("an array of 4 GiB that shrank to nothing", "bomb", lambda group: group.create_dataset(
                "k", (1 << 10, 1 << 20), "f4", chunks=(1, 1 << 20), compression="gzip")),
            ("values that are no numbers", "scalar", lambda group: group.create_dataset("k", data=1.0)),
            ("values that are no numbers", "text", lambda group: group.create_dataset("k", data=np.array([b"a"]))),
            ("values that are no numbers", "nan", lambda group: group.create_dataset("k", data=kernel * np.nan)),
            ("values that are no numbers", "group", lambda group: group.create_group("k")),
            ("values that are no numbers", "absent", lambda group: None)):
        yield what, _legacy(folder / f"{name}.h5", write)
    yield "nothing", folder / "not-there.h5"
    (folder / "empty.h5").write_bytes(b"")
    yield "nothing", folder / "empty.h5"
    (folder / "folder.h5").mkdir()
    yield "nothing", folder / "folder.h5"


def _legacy(path: Path, write: Callable[[Any], object]) -> Path:
    """A file in Keras's legacy layout whose one layer's kernel is what `write` makes of it."""
    import h5py

    with h5py.File(path, "w") as file:
        group = file.create_group("conv1_conv")
        group.attrs["weight_names"] = [b"k"]
        write(group)
    return path


def _folds(folder: Path, random: "np.random.Generator", places: int, mark: Path) -> Iterator[Trial]:
    """The weights of a trained fold."""
    from radiogen.training.model import load_trained, make_network
    from radiogen.training.runs import fold_folder

    run = _begun(folder)
    model, path = make_network(run.recipe.network, run.recipe.data), fold_folder(run, "0") / "model.weights.h5"
    path.parent.mkdir()
    model.save_weights(path)

    def tried() -> str:
        return refusal(lambda: load_trained(model, run, "0"), path.name)

    yield "as they are", "" if load_trained(model, run, "0") is None else "not read"
    for damaged in _truncated(path, random, places):
        damaged.replace(path)
        yield "cut off", tried()
    make_network(run.recipe.replace(width=8).network, run.recipe.data).save_weights(path)
    yield "of another network", tried()
    for what, hostile in _hostile_files(folder, mark):
        if hostile.is_file():
            shutil.copyfile(hostile, path)
            yield what, tried()


def _checkpoints(folder: Path, random: "np.random.Generator", places: int, mark: Path) -> Iterator[Trial]:
    """The checkpoint of a fold that is being trained."""
    import numpy as np

    from radiogen.networks.backend import keras
    from radiogen.training.checkpoints import FoldState, epochs_done, load_checkpoint, save_checkpoint

    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(4), keras.layers.Dense(2)])
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    whole, owner = folder / "checkpoint.npz", {"fold": "0"}
    state = FoldState(({"epoch": 1, "loss": 0.5},), (1.0,))
    save_checkpoint(whole, model, state, owner)
    kept = [np.array(variable) for variable in (*model.variables, *model.optimizer.variables)]

    def tried(path: Path) -> str:
        load_checkpoint(whole, model, owner)
        return refusal(lambda: load_checkpoint(path, model, owner), path.name, or_same=same) or refusal(
            lambda: epochs_done(path), path.name, or_same=lambda count: count == 1)

    def same(found: FoldState) -> bool:
        now = [np.array(variable) for variable in (*model.variables, *model.optimizer.variables)]
        return found == state and all(np.array_equal(*pair) for pair in zip(now, kept, strict=True))

    yield "as it is", "" if same(load_checkpoint(whole, model, owner)) else "another state"
    for path in _truncated(whole, random, places):
        yield "cut off", tried(path)
    for path in _overwritten(whole, random, 4 * places, bytes_each=1):
        yield "a byte changed", tried(path)
    with np.load(whole) as kept_arrays:
        arrays = dict(kept_arrays)
    note = json.loads(arrays["note"].tobytes())
    for name in note:
        lacking = {key: value for key, value in note.items() if key != name}
        yield "of an older version, without a field", refusal(
            lambda lacking=lacking: load_checkpoint(_checkpoint(folder, arrays, lacking), model, owner), "damaged.npz",
            or_same=same)
    for text in ("[]", "null", "7", "[" * 100_000, "\ufeff{}"):
        yield "a note that is none", tried(_checkpoint(folder, arrays, text))
    np.savez(folder / "damaged.npz", **{**arrays, "00000": np.array([Payload(mark)], object)})
    yield "a pickle", tried(folder / "damaged.npz")
    np.savez_compressed(folder / "damaged.npz", **{**arrays, "00000": np.zeros(1 << 28, np.float32)})
    yield "an array of 1 GiB that shrank to nothing", tried(folder / "damaged.npz")
    with zipfile.ZipFile(folder / "damaged.npz", "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w") as file:
                if name == "00000":
                    np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": HUGE})
                else:
                    np.save(file, array)
    yield "an array of 1 TiB that is not there", tried(folder / "damaged.npz")


def _checkpoint(folder: Path, arrays: dict, note: object) -> Path:
    import numpy as np

    text = note if isinstance(note, str) else json.dumps(note)
    np.savez(folder / "damaged.npz", **{**arrays, "note": np.frombuffer(text.encode(), np.uint8)})
    return folder / "damaged.npz"


def _caches(folder: Path, random: "np.random.Generator", places: int, mark: Path) -> Iterator[Trial]:
    """Arrays, notes, index and settings of a cache: made again, and no batch of anything else meanwhile."""
    import numpy as np

    from radiogen.arrays.cache import check_arrays, read_index
    from radiogen.training.input.batches import Batches, CachedImages, list_inputs

    run = _begun(folder)
    index = read_index(run.cache)
    case = index["BraTS21ID"][0]
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
        if what != "with a byte changed":  # which only the checksum tells
            wrong = wrong or refusal(unchecked, array.name, or_same=lambda found: np.array_equal(found, good))
        yield f"an array {what}", wrong or _made_again(run, whole)
    for name in (f"{case}.json", "settings.json", "index.csv", "geometry.csv"):
        for content in _damaged_texts(whole[name], random, places):
            (run.cache / name).write_bytes(content)
            # it is written anew before anything is trained, so one that can be read is as good as one that cannot
            wrong = refusal(lambda: read_index(run.cache), name, or_same=lambda _: True) if name == "index.csv" else ""
            yield f"{'a note' if name.startswith(case) else name} damaged", wrong or _made_again(run, whole)
    note = json.loads(whole[f"{case}.json"])
    for lacking in ([], {}, {**note, "row": {"sha256": note["row"]["sha256"]}}, {**note, "geometry": 7},
                    {**note, "row": 7}, *({k: v for k, v in note.items() if k != name} for name in note)):
        (run.cache / f"{case}.json").write_text(json.dumps(lacking))
        yield "a note of an older version", _made_again(run, whole, f"{case}.json")


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


def _runs(folder: Path, random: "np.random.Generator", places: int, mark: Path) -> Iterator[Trial]:
    """A run's own tables, damaged or of another version."""
    from radiogen.runs.recipe_fields import recipe_fields
    from radiogen.training.recipe.recipe import as_flat_dict
    from radiogen.training.runs import open_run
    from radiogen.training.workflow import begin_run

    run = _begun(folder)

    def again() -> Any:
        found = open_run(run.folder)
        begin_run(found.data, found.recipe, found.folder, found.cache.parent.parent, workers=1)
        return found

    def tried(name: str, content: bytes, named: str = "") -> str:
        kept = (run.folder / name).read_bytes()
        (run.folder / name).write_bytes(content)
        try:
            return refusal(again, named, or_same=as_told)
        finally:
            (run.folder / name).write_bytes(kept)

    def as_told(found: Any) -> bool:
        told = {path.rpartition(".")[2]: value for path, value in as_flat_dict(found.recipe).items()}
        return found.folds.equals(run.folds.astype(found.folds.dtypes)) and all(
            told[name] == value for name, value in recipe_fields(run.folder / "recipe.json").items())

    for name in ("run.json", "recipe.json", "folds.csv"):
        content = (run.folder / name).read_bytes()
        yield f"{name} as it is", tried(name, content)
        for damaged in _damaged_texts(content, random, places):
            yield f"{name} damaged", tried(name, damaged, "" if name == "run.json" else name)
        for fields in _other_versions(json.loads(content)) if name.endswith(".json") else ():
            yield f"{name} of another version", tried(name, json.dumps(fields).encode())


def _other_versions(fields: dict) -> Iterator[object]:
    """Without each field, with one more, and with a wrong value in each."""
    yield from ([], {}, None, 7)
    yield {**fields, "a field of the future": 1}
    for name in fields:
        yield {key: value for key, value in fields.items() if key != name}
        for value in ({}, [[]], "some/other/place", -1, None, True):
            yield {**fields, name: value}


def _damaged_texts(content: bytes, random: "np.random.Generator", places: int) -> Iterator[bytes]:
    for _ in range(places):
        yield content[:int(random.integers(len(content)))]
        place = int(random.integers(len(content)))
        yield content[:place] + random.bytes(3) + content[place + 3:]
    yield from (b"", b"\xff\xfe\x00", b"[" * 200_000, b"PK\x03\x04" + random.bytes(99))


def _truncated(whole: Path, random: "np.random.Generator", places: int) -> Iterator[Path]:
    content, path = whole.read_bytes(), whole.with_name(f"damaged{''.join(whole.suffixes)}")
    for _ in range(places):
        path.write_bytes(content[:int(random.integers(len(content)))])
        yield path


def _overwritten(whole: Path, random: "np.random.Generator", places: int, bytes_each: int = 8) -> Iterator[Path]:
    whole_content, path = whole.read_bytes(), whole.with_name(f"damaged{''.join(whole.suffixes)}")
    for _ in range(places):
        content = bytearray(whole_content)
        for place in random.integers(len(content), size=bytes_each):
            content[place] = int(random.integers(256))
        path.write_bytes(content)
        yield path


def _begun(folder: Path) -> Any:
    """A run on a phantom of eight cases, begun and not trained."""
    from radiogen.phantom.data_set import PhantomSettings, write_phantom
    from radiogen.training.recipe.recipes import DEMO_3D
    from radiogen.training.workflow import begin_run

    recipe = DEMO_3D.replace(size=8, width=4, folds=2, epochs=1, batch_size=4, micro_batch_size=4, holdout_fraction=0.0)
    write_phantom(folder / "phantom", PhantomSettings(cases=8, test_cases=1, scale=0.05), workers=1)
    return begin_run(folder / "phantom", recipe, folder / "models" / "one", folder / "cache", workers=1)


GROUPS: dict[str, Callable[[Path, "np.random.Generator", int, Path], Iterator[Trial]]] = {
    "first weights": _weights, "weights of a fold": _folds, "a checkpoint": _checkpoints, "a cache": _caches,
    "a run": _runs}
