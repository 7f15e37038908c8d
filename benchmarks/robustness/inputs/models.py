"""Damaged and hostile weights, checkpoints, caches and runs: refused in a line, made again, or read as they were.

In: a seed, for random places and bytes. Out: an outcome a kind of damage. Each group works in a process of its own, so
that a crash of a library is an outcome, too. What must never happen: code out of a file that runs (each payload would
leave a mark), more than 1 GiB of memory for a file that lies, an array that is not the series' own in a batch.
"""

import contextlib
import io
import json
import pickle
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.robustness.inputs.caches import cache_trials, run_trials
from benchmarks.robustness.inputs.file_damage import (
    HUGE,
    Payload,
    Trial,
    begin_small_run,
    overwritten,
    refusal,
    truncated,
)
from benchmarks.robustness.inputs.torch_weights import torch_trials
from benchmarks.robustness.outcome import Outcome

if TYPE_CHECKING:
    import numpy as np

PART = "bad models and caches"


def run(seed: int, fraction: float, folder: Path) -> list[Outcome]:
    """One outcome a kind of damage; `12 * fraction` random places where damage needs a place."""
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    places, trials = max(1, round(12 * fraction)), []
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
    printed = io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        for what, wrong in GROUPS[name](folder, random, places, mark):
            trials.append((f"{name}: {what}", "code out of the file ran" if mark.exists() else wrong))
            mark.unlink(missing_ok=True)
    return trials


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
    for path in truncated(whole, random, places):
        yield "cut off", tried(path)
    for path in overwritten(whole, random, places):
        yield "bytes changed", refusal(lambda path=path: load_first_weights(model, str(path)), path.name,
                                       or_same=lambda _: True)  # HDF5 has no checksums: another number is a number
    for what, path in _hostile_files(folder, mark):
        yield what, tried(path)


def _folds(folder: Path, random: "np.random.Generator", places: int, mark: Path) -> Iterator[Trial]:
    """The weights of a trained fold."""
    from radiogen.training.model import load_trained, make_network
    from radiogen.training.runs import fold_folder

    run = begin_small_run(folder)
    model, path = make_network(run.recipe.network, run.recipe.data), fold_folder(run, "0") / "model.weights.h5"
    path.parent.mkdir()
    model.save_weights(path)

    def tried() -> str:
        return refusal(lambda: load_trained(model, run, "0"), path.name)

    yield "as they are", "" if load_trained(model, run, "0") is None else "not read"
    for damaged in truncated(path, random, places):
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
    for path in truncated(whole, random, places):
        yield "cut off", tried(path)
    for path in overwritten(whole, random, 4 * places, bytes_each=1):
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
    for what, path in _hostile_checkpoints(folder / "damaged.npz", arrays, mark):
        yield what, tried(path)


def _hostile_checkpoints(path: Path, arrays: dict, mark: Path) -> Iterator[tuple[str, Path]]:
    """A pickle in place of an array, and arrays that are far too large."""
    import numpy as np

    np.savez(path, **{**arrays, "00000": np.array([Payload(mark)], object)})
    yield "a pickle", path
    np.savez_compressed(path, **{**arrays, "00000": np.zeros(1 << 28, np.float32)})
    yield "an array of 1 GiB that shrank to nothing", path
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w") as file:
                if name == "00000":
                    np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": HUGE})
                else:
                    np.save(file, array)
    yield "an array of 1 TiB that is not there", path


def _checkpoint(folder: Path, arrays: dict, note: object) -> Path:
    import numpy as np

    text = note if isinstance(note, str) else json.dumps(note)
    np.savez(folder / "damaged.npz", **{**arrays, "note": np.frombuffer(text.encode(), np.uint8)})
    return folder / "damaged.npz"


def _hostile_files(folder: Path, mark: Path) -> Iterator[tuple[str, Path]]:
    """Files that would run code, read other files or fill the memory, if what they declare were believed."""
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
    yield from _hostile_hdf5(folder)
    yield "nothing", folder / "not-there.h5"
    (folder / "empty.h5").write_bytes(b"")
    yield "nothing", folder / "empty.h5"
    (folder / "folder.h5").mkdir()
    yield "nothing", folder / "folder.h5"


def _hostile_hdf5(folder: Path) -> Iterator[tuple[str, Path]]:
    """HDF5 files whose arrays are elsewhere, far too large, or no numbers."""
    import h5py
    import numpy as np

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


def _legacy(path: Path, write: Callable[[Any], object]) -> Path:
    """A file in Keras's legacy layout whose one layer's kernel is what `write` makes of it."""
    import h5py

    with h5py.File(path, "w") as file:
        group = file.create_group("conv1_conv")
        group.attrs["weight_names"] = [b"k"]
        write(group)
    return path


GROUPS: dict[str, Callable[[Path, "np.random.Generator", int, Path], Iterator[Trial]]] = {
    "first weights": _weights, "first weights of PyTorch": torch_trials, "weights of a fold": _folds,
    "a checkpoint": _checkpoints, "a cache": cache_trials, "a run": run_trials}
