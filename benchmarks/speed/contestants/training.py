"""One contestant of training.py, in a process of its own: reads a number of steps a line, answers seconds.

In: a JSON `Contestant` as the only argument. Out: a line with what it is (parameters, FLOP of a forward pass, device),
then for each line `n` the seconds of n steps. PyTorch's contestants import neither Keras nor this package.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Contestant:
    """Who does what: one step is one batch through training (forward, backward, Adam) or prediction."""

    name: str
    engine: str
    rank: int
    size: int
    batch: int
    job: str
    stem_stride: int = 2
    recipe: str = ""
    """Its network and its inputs; '': ResNet-50 of one-channel cubes or of RGB slices."""
    channels: int = 0
    """Of an input; 0: one of a cube, three of a slice."""
    tuned: bool = False
    """PyTorch: channels last, fused Adam. Keras: no layers of this package."""
    compiled: bool = False
    """PyTorch: under torch.compile."""
    precision: str = "float32"
    gpu: bool = False


def main() -> None:
    contestant = Contestant(**json.loads(sys.argv[1]))
    start = {"radiogen": start_radiogen, "keras.applications": start_applications, "MONAI": start_monai,
             "product": start_product}[contestant.engine]
    run, facts = start(contestant)
    run(2)  # compiles, chooses algorithms, makes the optimiser's moments
    print(json.dumps(facts), flush=True)
    for line in sys.stdin:
        began = time.perf_counter()
        run(int(line))
        print(time.perf_counter() - began, flush=True)


def images(contestant: Contestant) -> np.ndarray:
    """One batch, float32 in [0, 1], channels last: RGB slices or one-channel cubes."""
    shape = (contestant.batch, *(contestant.size,) * contestant.rank, _channels(contestant))
    return np.random.default_rng(0).random(shape, dtype=np.float32)


def _channels(contestant: Contestant) -> int:
    return contestant.channels or (3 if contestant.rank == 2 else 1)


def start_radiogen(contestant: Contestant) -> tuple[Callable[[int], Any], dict]:
    """This package's network as its training compiles it, through Keras `fit` and `predict`."""
    from radiogen.training.execution.devices import Devices, placed
    from radiogen.training.fit import compile_network, set_precision
    from radiogen.training.model import make_network
    from radiogen.training.recipe.recipes import find_recipe

    recipe = find_recipe(contestant.recipe or f"report-{contestant.rank}d").replace(
        size=contestant.size, batch_size=contestant.batch, micro_batch_size=contestant.batch, weight_decay=0.0,
        stem_stride=contestant.stem_stride, precision=contestant.precision, label_smoothing=0.0,
        layers="keras" if contestant.tuned else "auto")
    context = placed(Devices("gpu:1" if contestant.gpu else "cpu"))
    context.__enter__()
    set_precision(contestant.precision)
    training = contestant.job == "train"
    model = compile_network(recipe, contestant.batch, 1) if training else make_network(recipe.network, recipe.data)
    return keras_steps(model, images(contestant), contestant.job), _keras_facts(model)


def start_applications(contestant: Contestant) -> tuple[Callable[[int], Any], dict]:
    """keras.applications' ResNet50 in a plain `fit`, as its documentation shows it."""
    from radiogen.networks.backend import keras

    if contestant.precision != "float32":
        keras.mixed_precision.set_global_policy(f"mixed_{contestant.precision}")
    model = keras.applications.ResNet50(weights=None, input_shape=(contestant.size, contestant.size, 3), classes=2)
    model.compile(optimizer=keras.optimizers.Adam(0.001), loss="categorical_crossentropy", metrics=["accuracy"])
    return keras_steps(model, images(contestant), contestant.job), _keras_facts(model)


def start_monai(contestant: Contestant) -> tuple[Callable[[int], Any], dict]:
    """MONAI's ResNet in a plain PyTorch loop; on a GPU under torch.compile, channels last, autocast."""
    import torch
    from monai.networks import nets

    device = torch.device("cuda" if contestant.gpu else "cpu")
    dtype = getattr(torch, contestant.precision)
    torch.manual_seed(0)
    network = nets.resnet10 if contestant.recipe == "isotropic-3d" else nets.resnet50
    model = network(spatial_dims=contestant.rank, n_input_channels=_channels(contestant), num_classes=2,
                    conv1_t_stride=contestant.stem_stride).to(device)
    layout = torch.channels_last if contestant.rank == 2 else torch.channels_last_3d
    facts = {"parameters": sum(each.numel() for each in model.parameters()), "device": str(device)}
    tuned = contestant.gpu or contestant.tuned
    model = model.to(memory_format=layout) if tuned else model
    called = torch.compile(model) if contestant.gpu or contestant.compiled else model
    batch = np.moveaxis(images(contestant), -1, 1)  # in memory its channels are last
    batch = batch if tuned else np.ascontiguousarray(batch)
    labels = torch.from_numpy(np.arange(contestant.batch) % 2)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001, fused=tuned or None)
    loss = torch.nn.CrossEntropyLoss()

    def forward() -> "torch.Tensor":
        with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
            return called(torch.from_numpy(batch).to(device))

    def train(steps: int) -> None:
        model.train()
        for _ in range(steps):
            optimizer.zero_grad()
            error = loss(forward().float(), labels.to(device))
            error.backward()
            optimizer.step()
        float(error)  # waits for the GPU

    def predict(steps: int) -> None:
        model.eval()
        with torch.inference_mode():
            for _ in range(steps):
                forward().float().cpu()

    return (train if contestant.job == "train" else predict), facts


def start_product(contestant: Contestant) -> tuple[Callable[[int], Any], dict]:
    """The machine's limit: a product of two square matrices of `size`; a step is one product."""
    from radiogen.networks.backend import keras

    dtype = contestant.precision
    random = np.random.default_rng(0)
    left, right = (keras.ops.cast(random.random((contestant.size,) * 2, dtype=np.float32), dtype) for _ in range(2))

    def multiply(steps: int) -> None:
        for _ in range(steps):
            product = keras.ops.matmul(left, right)
        float(keras.ops.cast(product[0, 0], "float32"))  # waits for the GPU; TensorFlow's bfloat16 is no NumPy type

    return multiply, {"forward_flop": 2 * contestant.size ** 3}


def keras_steps(model: Any, batch: np.ndarray, job: str) -> Callable[[int], Any]:
    """`fit` or `predict` over so many steps of one batch."""
    from radiogen.networks.backend import keras

    labels = np.eye(2, dtype=np.float32)[np.arange(len(batch)) % 2]

    class Repeated(keras.utils.PyDataset):
        """The same batch `steps` times."""

        def __init__(self, steps: int):
            super().__init__()
            self.steps = steps

        @property
        def num_batches(self) -> int:
            return self.steps

        def __getitem__(self, number: int) -> tuple:
            return (batch, labels) if job == "train" else (batch,)

    if job == "train":
        return lambda steps: model.fit(Repeated(steps), epochs=1, verbose=0, shuffle=False)
    return lambda steps: model.predict(Repeated(steps), verbose=0)


def _keras_facts(model: Any) -> dict:
    """Trainable parameters and the FLOP of one input's forward pass."""
    return {"parameters": sum(int(np.prod(each.shape)) for each in model.trainable_variables),
            "forward_flop": keras_flop(model)}


def keras_flop(model: Any) -> int:
    """The FLOP of one input's forward pass: two for each multiplication of a convolution."""
    flop = 0
    for layer in model.layers:
        kernel = getattr(layer, "kernel", None)
        if kernel is not None:
            places = int(np.prod(layer.output.shape[1:-1])) if len(layer.output.shape) > 2 else 1
            flop += 2 * int(np.prod(kernel.shape)) * places
    return flop


if __name__ == "__main__":
    main()
