"""A record of what the program makes, to be compared bit for bit with what it makes after a refactoring.

In: nothing but a seed, and folders of real series (--folder). Out: a JSON file: hashes of every array, every network's
weights, every table and submission of a small demo, and of every real series' voxels with affine and findings.
`--compare OTHER` prints what differs and ends with exit code 1 where anything does. Only commands and the public reader
are used, so that it outlives what it watches.
"""

if not __package__:  # run as a file
    import environment  # noqa: F401

import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tyro

from radiogen.core.errors import UserError, run_command

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"
Manifest = dict[str, str]
"""Hash, or text, by what it describes."""


def main(folder: tuple[Path, ...] = (), cases: int = 24, seed: int = 42, output: Path | None = None,
         compare: Path | None = None) -> None:
    """Record what the program makes of a phantom and of real series; compare with an earlier record.

    Args:
        folder: Folders that are searched for real series.
        cases: Labelled cases of the phantom.
        seed: Of the phantom.
        output: JSON file to write.
        compare: JSON file of an earlier record.
    """
    from radiogen.core import files

    before = files.read_json(compare) if compare else None
    with tempfile.TemporaryDirectory(prefix="manifest-") as room:
        _run(room, "demo", "--data", "input/phantom", "--cases", cases, "--seed", seed)
        _run(room, "preprocess", "--data", "input/phantom", "--recipe", "isotropic-3d")
        made = dict(sorted([*_of_arrays(Path(room)), *_of_weights(Path(room)), *_of_tables(Path(room)),
                            *_of_series(folder)]))
    if output:
        files.write_json(output, made)
    print(f"{len(made)} entries; all of them: {_hash(json.dumps(made).encode())}")
    if before is not None:
        _compare(before, made)


def _run(room: str, script: str, *arguments: object) -> None:
    """Run a command in `room`; its output is shown only where it fails."""
    done = subprocess.run([sys.executable, str(SCRIPTS / f"{script}.py"), *map(str, arguments)], cwd=room, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise UserError(f"scripts/{script}.py", f"ended with exit code {done.returncode}:\n{done.stdout[-2000:]}",
                        "fix it first")


def _of_arrays(room: Path) -> Iterator[tuple[str, str]]:
    """Each cached array: by recipe's settings and case, whatever the folders are named."""
    for path in room.glob("input/cache/**/*.npy"):
        array = np.load(path)
        yield f"array {path.parent.name} {path.name}", _hash_array(array)


def _of_weights(room: Path) -> Iterator[tuple[str, str]]:
    """Each network's weights, as numbers in the order in which the file holds them; an HDF5 file also holds times."""
    import h5py

    for path in room.glob("models/*/fold-*/model.weights.h5"):
        digest = hashlib.sha256()
        with h5py.File(path) as file:
            file.visititems(lambda name, item, digest=digest: digest.update(_bytes_of(item[...])) if isinstance(
                item, h5py.Dataset) else None)
        yield f"weights {path.relative_to(room / 'models').parent}", digest.hexdigest()


def _of_tables(room: Path) -> Iterator[tuple[str, str]]:
    """Every table of a run and every submission, as text."""
    for path in sorted((*room.glob("models/*/*.csv"), *room.glob("submissions/*.csv"))):
        if path.name not in ("provenance.csv", "holdout_scorings.csv", "looks.csv"):  # these hold times
            yield f"table {path.relative_to(room)}", _hash(path.read_bytes())


def _of_series(folders: tuple[Path, ...]) -> Iterator[tuple[str, str]]:
    """Voxels, affine and findings of each real series, by both ways of reading."""
    from radiogen.arrays import read_cube, read_slices
    from radiogen.core.errors import UserError
    from radiogen.imaging import read_series

    for folder in sorted(each for top in folders for each in (top, *top.rglob("*")) if each.is_dir()):
        if not any(each.is_file() for each in folder.iterdir()):
            continue
        for fast in (True, False):
            try:
                volume = read_series(folder, fast=fast)
            except UserError as refused:
                yield f"series {folder.name} fast={fast}", str(refused).replace(str(folder), folder.name)
                continue
            parts = [volume.voxels, read_cube(folder, 64, fast=fast), read_slices(folder, 224, fast=fast)]
            affine = np.zeros(0) if volume.affine is None else volume.affine
            sentences = "; ".join(map(str, volume.findings))
            yield (f"series {folder.name} fast={fast}",
                   f"{_hash(b''.join(_bytes_of(part) for part in (*parts, affine)))} {sentences}")


def _compare(before: Manifest, after: Manifest) -> None:
    differing = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    for name in differing:
        print(f"{name}\n  before: {before.get(name)}\n  after:  {after.get(name)}")
    print(f"{len(differing)} of {len(before)} entries differ")
    if differing:
        sys.exit(1)


def _hash_array(array: np.ndarray) -> str:
    return _hash(_bytes_of(array))


def _bytes_of(array: np.ndarray) -> bytes:
    """Shape, dtype and content."""
    array = np.asarray(array)
    return f"{array.shape} {array.dtype.str}".encode() + array.tobytes()


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
