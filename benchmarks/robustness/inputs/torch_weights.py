"""Initial weights in PyTorch's files and in safetensors: MedicalNet's names, damage, other networks, hostile pickles.

In: a seed's generator. Out: a trial a file. Files are written without PyTorch (`synthetic/weight_files.py`). What must
never happen: a file that runs code, weights that are taken in part without a word, memory for tensors that are not
there.
"""

import io
import pickle
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.robustness.inputs.file_damage import HUGE, Payload, Trial, overwritten, refusal, truncated
from benchmarks.synthetic.weight_files import (
    Tensor,
    pickled,
    safetensors_of,
    state_of,
    tensors,
    write_legacy,
    write_safetensors,
    write_zip,
)

if TYPE_CHECKING:
    import numpy as np

    State = dict[str, np.ndarray]

BLOCKS = (1, 1, 1, 1)
"""Of the network that takes the weights, a ResNet-10 of width 4 with a first layer of 3 x 3 x 3."""
FORMATS: "dict[str, Callable[[Path, State], Path]]" = {
    "new.pth": lambda path, state: write_zip(path, {"state_dict": tensors(state)}),
    "old.pth": lambda path, state: write_legacy(path, {"state_dict": tensors(state)}),
    "x.safetensors": safetensors_of}
"""PyTorch's archive, its format before 1.6 (MedicalNet's), safetensors."""


def torch_trials(folder: Path, random: "np.random.Generator", places: int, mark: Path) -> Iterator[Trial]:
    """The trials, one after the other; each loads a file into the same network."""
    from radiogen.networks.residual import build_network
    from radiogen.networks.settings import NetworkSettings
    from radiogen.networks.weights import load_first_weights

    model = build_network(NetworkSettings("resnet10", width=4, stem_kernel_size=3), (8, 8, 8, 1))
    values = model.get_weights()

    def load(path: Path) -> str:
        return load_first_weights(model, str(path))

    def tried(path: Path) -> str:
        wrong = refusal(lambda: load(path), path.name)
        untouched = all((one == other).all() for one, other in zip(model.get_weights(), values, strict=True))
        model.set_weights(values)
        return wrong or ("" if untouched else "changed the network before it was refused")

    for what, path in _hostile_files(folder, mark):
        yield what, tried(path)
    for what, path in _lying_files(folder):
        yield what, tried(path)
    for what, state in _other_networks(random).items():
        for name, write in FORMATS.items():
            yield what, tried(write(folder / name, state))
    for name, write in FORMATS.items():
        whole = write(folder / f"whole-{name}", state_of(BLOCKS))
        for path in truncated(whole, random, places):
            yield "cut off", tried(path)
        for path in overwritten(whole, random, places):
            yield "bytes changed", refusal(lambda path=path: load(path), path.name,
                                           or_same=lambda _: True)  # another number is a number
        model.set_weights(values)
    yield from _names(folder, model, load)


def _names(folder: Path, model: Any, load: Callable[[Path], str]) -> Iterator[Trial]:
    """MedicalNet's names, with and without `module.`: every layer is filled, with the same numbers."""
    import numpy as np

    state = state_of(BLOCKS)
    head = {f"conv_seg.{place}.weight": np.ones((2, 2, 1, 1, 1), "f4") for place in (0, 1, 3, 4, 6)}
    taken = []
    for what, prefix, more in (("MONAI's names", "", {}), ("MedicalNet's names", "", head),
                               ("MedicalNet's names behind `module.`", "module.", head)):
        for name, write in FORMATS.items():
            said = load(write(folder / name, {f"{prefix}{key}": array for key, array in {**state, **more}.items()}))
            taken.append(model.get_weights())
            same = all(np.array_equal(one, other) for one, other in zip(taken[0], taken[-1], strict=True))
            whole = said.startswith("24 of 24 layers") and ("conv_seg" in said) == bool(more)
            yield what, "" if same and whole else f"{'' if same else 'other weights; '}{said}"


def _hostile_files(folder: Path, mark: Path) -> Iterator[tuple[str, Path]]:
    """Pickles that would run code, as they are, in PyTorch's two formats, and called safetensors."""
    state = tensors(state_of(BLOCKS))
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        for content in (Payload(mark), {"state_dict": Payload(mark)}, {"state_dict": {"conv1.weight": Payload(mark)}}):
            for name in ("pickle.pth", "pickle.pt", "pickle.safetensors"):
                (folder / name).write_bytes(pickle.dumps(content, protocol))
                yield "a pickle", folder / name
            whole = write_zip(folder / "pickle.pth", {}, pickle=pickle.dumps(content, protocol))
            yield "an archive with a pickle", whole
    touch = f"cpathlib\nPath\n(X{struct.pack('<I', len(str(mark))).decode('latin1')}{mark}tR".encode("latin1")
    for instructions in (
            touch + b"cpathlib\nPath.touch\n\x8c\x00\x85R", b"\x8c\x07pathlib\x8c\x04Path\x93" + touch,
            b"(S'import pathlib'\nibuiltins\nexec\n", b"cbuiltins\nexec\n(X\x04\x00\x00\x00passtR",
            b"ctorch.hub\nload\n(X\x01\x00\x00\x00xtR", b"cnumpy.core.multiarray\n_reconstruct\n)R",
            b"ctorch._utils\n_rebuild_wrapper_subclass\n)R"):
        inside = {**state, "conv1.weight": instructions}
        for value in (instructions, {"state_dict": inside}, {**state, "x": instructions}):
            yield "an archive with a pickle", write_zip(folder / "code.pth", {}, pickle=pickled(value))
            yield "an older file with a pickle", write_legacy(folder / "old.pth", value)
    with zipfile.ZipFile(folder / "script.pt", "w") as archive:  # TorchScript: an archive that holds a program
        archive.writestr("m/data.pkl", pickle.dumps(Payload(mark)))
        archive.writestr("m/code/__torch__.py", "def forward(self): pass")
        archive.writestr("m/constants.pkl", pickle.dumps(Payload(mark)))
    yield "a TorchScript archive", folder / "script.pt"


def _lying_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Files that declare more than they have, or that would unpack to far more than they are."""
    import numpy as np

    few = np.ones(4, "f4")
    for tensor in (Tensor(few, HUGE, (1 << 18, 1), "0"), Tensor(few, HUGE, (0, 0), "0"),
                   Tensor(few, (4,), (1,), "0", first=1), Tensor(few, (4,), (1,), "0", first=-4),
                   Tensor(few, (1 << 62, 1 << 62), (1, 1), "0"), Tensor(few, (4,), (-1,), "0"),
                   Tensor(few, (1 << 40,), (1,), "0", count=1 << 40)):
        yield "a tensor of more than is stored", write_zip(folder / "huge.pth", {"conv1.weight": tensor})
        yield "a tensor of more than is stored", write_legacy(folder / "huge-old.pth", {"conv1.weight": tensor})
    bomb = io.BytesIO(b"\x80\x02]" + b"N" * (1 << 28)).getvalue()
    for name in ("archive/data.pkl", "archive/data/0"):
        with zipfile.ZipFile(folder / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as archive:
            if name != "archive/data.pkl":
                archive.writestr("archive/data.pkl", pickled({"conv1.weight": Tensor(few, (4,), (1,), "0")}))
            archive.writestr(name, bomb)
        yield "256 MiB that shrank to nothing", folder / "bomb.pth"
    deep = b"\x80\x02" + b"(" * 500_000 + b"t" * 500_000 + b"."
    yield "tuples nested half a million times", write_zip(folder / "deep.pth", {}, pickle=deep)
    entry = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}
    for header, content in (
            ({"conv1.weight": {**entry, "shape": list(HUGE), "data_offsets": [0, 4 << 38]}}, bytes(16)),
            ({"conv1.weight": {**entry, "data_offsets": [-16, 0]}}, bytes(16)),
            ({"conv1.weight": entry, "bn1.weight": entry}, bytes(16)), ({"conv1.weight": entry}, bytes(64)),
            ({"conv1.weight": {**entry, "dtype": "OBJECT"}}, bytes(16)), (b"[" * 200_000, b""), (b"{}", b""),
            (b'{"conv1.weight": 1e999}', b"")):
        yield "a header that is not true", write_safetensors(folder / "lies.safetensors", header, content)
    for length in (0, 1 << 40, (1 << 64) - 1):
        yield "a header that is not true", write_safetensors(folder / "lies.safetensors", {}, length=length)


def _other_networks(random: "np.random.Generator") -> "dict[str, State]":
    """Weights of other networks, and what are no weights at all, by what they are."""
    import numpy as np

    good = state_of(BLOCKS)
    layer = "layer2.0.conv1.weight"
    return {"of a deeper network": state_of((2, 2, 2, 2)), "of a wider network": state_of(BLOCKS, width=8),
            "of a network of bottlenecks": state_of(BLOCKS, bottleneck=True),
            "of a first layer of another size": state_of(BLOCKS, kernel=7),
            "of a first layer of four channels": state_of(BLOCKS, channels=4),
            "of a 2D network": {name: array[..., 0] if array.ndim == 5 else array for name, array in good.items()},
            "a kernel with axes exchanged": {**good, layer: good[layer].swapaxes(0, 1).copy()},
            "a kernel of one number": {**good, layer: np.array(1.0, "f4")},
            "values that are NaN": {**good, layer: good[layer] * np.float32("nan")},
            "infinite values": {**good, layer: good[layer] / np.float32(0)},
            "whole numbers": {**good, layer: good[layer].astype("i8")},
            "a name with and without `module.`": {**good, f"module.{layer}": good[layer]},
            "of something else": {"decoder.up.weight": random.normal(size=(4, 4)).astype("f4")}, "no tensor": {}}
