"""Which scaling of MRI slices looks most like photographs to ImageNet's weights; prints Markdown tables for docs/.

In: folders of DICOM series (none: a small phantom) and weights of ResNet-50, whole or in part. Out: for each folder a
row a scaling: how far each layer's activations are from the statistics that its batch normalisation carries. Nothing
is trained. The two colour photographs that scikit-learn brings are the measure of what near is.
"""

if not __package__:  # run as a file
    import environment  # noqa: F401

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from radiogen.core.errors import UserError, run_command

if TYPE_CHECKING:
    import keras
    import numpy as np
    import pandas as pd

NORMALISATIONS = "min-max", "min-max slices", "percentile", "z-score"
SIZE = 224


def main(data: tuple[Path, ...] = (), weights: str = "imagenet", series: int = 8, slices: int = 4,
         output: Path | None = None) -> None:
    """Which scaling of MRI slices looks most like photographs to ImageNet's weights; prints Markdown tables.

    Args:
        data: Folders with DICOM series anywhere below (default: a phantom, made for the purpose).
        weights: imagenet, or a file of ResNet-50's ImageNet weights, whole or in part.
        series: How many series of each folder, spread evenly over it.
        slices: How many slices of the middle half of each series.
        output: Markdown file to write the tables to as well.
    """
    import tempfile

    from radiogen.core import files
    from radiogen.networks.pretrained.hdf5_file import read_layers
    from radiogen.networks.residual import build_network
    from radiogen.networks.settings import NetworkSettings
    from radiogen.networks.weights import imagenet_file, load_first_weights
    from radiogen.phantom.data_set import PhantomSettings, write_phantom

    model = build_network(NetworkSettings("resnet50"), (SIZE, SIZE, 3), "photographs")
    message = load_first_weights(model, weights)
    stored = read_layers(imagenet_file() if weights == "imagenet" else Path(weights))
    names = [layer.name for layer in model.layers if layer.name.endswith("_bn") and layer.name in stored]
    parts = []
    with tempfile.TemporaryDirectory(prefix="radiogen-benchmark-") as room:
        if not data:
            data = (Path(room) / "phantom",)
            write_phantom(data[0], PhantomSettings(cases=4, test_cases=0))
        for folder in data:
            parts.append(table(folder, rows(model, names, read_all(folder, series, slices))))
    text = "\n\n".join([*parts, f"{message}; {len(names)} batch normalisations compared."])
    print(text)
    if output:
        files.write_text(output, text + "\n")


def read_all(folder: Path, series: int, slices: int) -> "dict[str, np.ndarray]":
    """(slice, row, column) float32 by normalisation: slices of the middle half of each of `series` series."""
    import numpy as np

    from radiogen.core.progress import progress
    from radiogen.imaging import SeriesError, read_series
    from radiogen.imaging.cubes import resize
    from radiogen.imaging.intensity import normalise

    folders = [path for path in sorted(folder.rglob("*")) if path.is_dir() and any(each.is_file() for each in
                                                                                  path.iterdir())]
    chosen = [folders[int(place)] for place in np.linspace(0, len(folders) - 1, min(series, len(folders)))]
    read = {how: [] for how in NORMALISATIONS}
    for path in progress(chosen, folder.name, unit="series"):
        try:
            voxels = read_series(path).voxels
        except SeriesError:
            continue  # the folder may hold whatever it likes
        places = np.linspace(len(voxels) / 4, 3 * len(voxels) / 4, slices).astype(int)
        for how, made in read.items():
            made.append(resize(normalise(voxels, how)[places], (slices, SIZE, SIZE)))
    if not read["min-max"]:
        raise UserError(folder, "holds no series that can be read", "name a folder of DICOM series with --data")
    return {how: np.concatenate(made) for how, made in read.items()}


def scalings(read: "dict[str, np.ndarray]") -> "Iterator[tuple[str, np.ndarray]]":
    """Name and what reaches the first layer: (slice, row, column, 3) grey values of blue, green, red about 0."""
    import numpy as np

    from radiogen.networks.architecture import IMAGENET_DEVIATION, MRI_STATISTICS, PHOTOGRAPHS

    blue_first = PHOTOGRAPHS[::-1] * 255
    grey = {how: np.repeat(slices[..., None], 3, axis=-1) for how, slices in read.items()}
    between_0_and_1 = NORMALISATIONS[:3]
    yield "percentile, to -1..1", grey["percentile"] * 2 - 1
    yield "percentile, PyTorch's (mean 0.45, deviation 0.226)", (grey["percentile"] - 0.449) / 0.226
    for how in between_0_and_1:
        yield f"{how}, as photographs (x 255 less 104, 117, 124)", grey[how] * 255 - blue_first
    for how in NORMALISATIONS:
        name = "imagenet z-score" if how == "z-score" else "imagenet"
        mean, deviation = MRI_STATISTICS[name]
        yield f"{how}, `{name}` ({mean} to 0, {deviation} to {IMAGENET_DEVIATION:g})", \
            (grey[how] - mean) / deviation * IMAGENET_DEVIATION
    each = read["percentile"]
    each = (each - each.mean(axis=(1, 2), keepdims=True)) / (each.std(axis=(1, 2), keepdims=True) + 1e-6)
    yield "every slice by itself to mean 0, deviation 58", np.repeat(each[..., None], 3, axis=-1) * IMAGENET_DEVIATION
    for how in ("percentile", "z-score"):
        own = (grey[how] - grey[how].mean()) / grey[how].std() * IMAGENET_DEVIATION
        yield f"{how}, these slices' own {grey[how].mean():.2f} to 0, {grey[how].std():.2f} to 58", own


def rows(model: "keras.Model", names: list[str], read: "dict[str, np.ndarray]") -> list[tuple]:
    """(scaling, mean, deviation, shift, ratio, divergence) of each scaling and of the photographs."""
    import numpy as np

    from radiogen.core.progress import progress
    from radiogen.networks.architecture import PHOTOGRAPHS

    def row(name: str, seen: np.ndarray) -> tuple:
        inputs = (seen / 255 + PHOTOGRAPHS[::-1])[..., ::-1].astype(np.float32)  # what "photographs" turns into `seen`
        found = compare_statistics(model, inputs, names)
        each = found.assign(shift=found["shift"].abs()).groupby("layer")[["shift", "ratio", "divergence"]]
        middle = each.median().mean()
        return name, seen.mean(), seen.std(), middle["shift"], middle["ratio"], each.mean().mean()["divergence"]

    photographs = crops()
    grey = np.repeat(photographs.mean(axis=-1, keepdims=True), 3, axis=-1)
    todo = [("two photographs", photographs[..., ::-1] - PHOTOGRAPHS[::-1] * 255),
            ("two photographs, grey", grey - PHOTOGRAPHS[::-1] * 255), *scalings(read)]
    return [row(name, seen) for name, seen in progress(todo, "compare", unit="scaling")]


def compare_statistics(model: "keras.Model", images: "np.ndarray", names: "Sequence[str]") -> "pd.DataFrame":
    """How far the activations of `images` are from the statistics that batch normalisations carry: a row a channel.

    images: the model's inputs. names: batch normalisations, such as `conv1_bn`. Columns: layer, channel; shift, the
    mean before the layer less the stored mean, in stored deviations; ratio of deviations, measured to stored;
    divergence, of the normal distribution measured from the stored one (Kullback-Leibler, in nats): 0 where the
    images look to the weights like those that they were trained on.
    """
    import numpy as np
    import pandas as pd

    from radiogen.networks.backend import keras

    layers = [model.get_layer(name) for name in names]
    inside = keras.Model(model.input, [layer.input for layer in layers])
    sums = {name: np.zeros((3, layer.gamma.shape[0])) for name, layer in zip(names, layers, strict=True)}
    for start in range(0, len(images), 8):
        for name, values in zip(names, inside(images[start:start + 8], training=False), strict=True):
            values = keras.ops.convert_to_numpy(values).reshape(-1, values.shape[-1]).astype(np.float64)
            sums[name][0] += len(values)
            sums[name][1:] += values.sum(axis=0), (values ** 2).sum(axis=0)
    tables = []
    for layer in layers:
        count, first, second = sums[layer.name]
        mean, stored_mean, stored_variance = first / count, *map(np.asarray, layer.get_weights()[2:])
        variance, stored = second / count - mean ** 2 + layer.epsilon, stored_variance + layer.epsilon
        shift, ratio = (mean - stored_mean) / np.sqrt(stored), np.sqrt(variance / stored)
        tables.append(pd.DataFrame({"layer": layer.name, "channel": np.arange(len(mean)), "shift": shift,
                                    "ratio": ratio, "divergence": (ratio ** 2 + shift ** 2 - 1) / 2 - np.log(ratio)}))
    return pd.concat(tables, ignore_index=True)


def crops() -> "np.ndarray":
    """(24, 224, 224, 3) float32, red, green and blue in 0..255: crops of scikit-learn's china.jpg and flower.jpg."""
    import numpy as np
    from sklearn.datasets import load_sample_images

    return np.stack([image[row:row + SIZE, column:column + SIZE] for image in load_sample_images().images
                     for row in (0, 100, 200) for column in (0, 130, 260, 390)]).astype(np.float32)


def table(folder: Path, found: list[tuple]) -> str:
    """A Markdown table, nearest first behind the photographs."""
    lines = [f"{folder.name}:", "", "| scaling | mean | deviation | shift | ratio | divergence |",
             "| --- | --- | --- | --- | --- | --- |"]
    for name, mean, deviation, shift, ratio, divergence in [*found[:2], *sorted(found[2:], key=lambda row: row[-1])]:
        lines.append(f"| {name} | {mean:.1f} | {deviation:.1f} | {shift:.2f} | {ratio:.2f} | {divergence:.3f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
