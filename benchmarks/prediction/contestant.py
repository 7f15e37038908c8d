"""One contestant of engines.py, in a process of its own: reads a number of batches a line, answers seconds.

In: a JSON `Predictor` as the only argument. Out: a line with the seconds and the processor time until the first batch
was predicted, then for each line `n` the seconds of n batches and the peak memory. PyTorch's contestants import neither
Keras nor this package, OpenVINO's no Keras.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Predictor:
    """Who predicts: one step is one batch of the recipe's network and size.

    engine: `MONAI`, or a name of `networks/engines/choice.py`; architecture, size, channels: of a 3D network with a
    stem of stride 2; weights: a `.weights.h5` of it, which MONAI does not read.
    """

    name: str
    engine: str
    architecture: str
    size: int
    channels: int
    batch: int
    pooling: str
    weights: str


def main() -> None:
    predictor = Predictor(**json.loads(sys.argv[1]))
    began = time.perf_counter()
    batch = np.random.default_rng(0).random(
        (predictor.batch, *(predictor.size,) * 3, predictor.channels), dtype=np.float32)
    predict = (_monai if predictor.engine == "MONAI" else _radiogen)(predictor, batch)
    predict()  # compiles, chooses algorithms
    print(json.dumps({"start": time.perf_counter() - began, "processor": time.process_time()}), flush=True)
    for line in sys.stdin:
        predict()  # wakes threads and fills caches that the others have used meanwhile
        began = time.perf_counter()
        for _ in range(int(line)):
            predict()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps({"seconds": time.perf_counter() - began, "peak": peak}), flush=True)


def _radiogen(predictor: Predictor, batch: np.ndarray) -> Callable[[], object]:
    """This package's network by one of its engines."""
    from radiogen.networks.engines.choice import EngineChoice, Use, make_engine
    from radiogen.networks.engines.protocol import NetworkShape
    from radiogen.networks.settings import NetworkSettings

    settings = NetworkSettings(predictor.architecture, pooling=predictor.pooling)
    engine = make_engine(EngineChoice(predictor.engine, ""), NetworkShape(settings, batch.shape[1:]), Use(1000))
    engine.load_weights(Path(predictor.weights))
    return lambda: engine.outputs([batch])


def _monai(predictor: Predictor, batch: np.ndarray) -> Callable[[], object]:
    """MONAI's network, eager, with the same layers but for the pooling, which is its average."""
    import torch
    from monai.networks import nets

    model = getattr(nets, predictor.architecture)(
        spatial_dims=3, n_input_channels=predictor.channels, num_classes=2, conv1_t_stride=2).eval()
    inputs = np.ascontiguousarray(np.moveaxis(batch, -1, 1))

    def predict() -> np.ndarray:
        with torch.inference_mode():
            return torch.softmax(model(torch.from_numpy(inputs)), 1).numpy()

    return predict


if __name__ == "__main__":
    main()
