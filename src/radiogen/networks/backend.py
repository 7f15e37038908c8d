"""Keras, imported without its back end's chatter: `from radiogen.networks.backend import keras`.

TensorFlow prints through C++ before Python can silence it, so standard error is held back while it is imported. Where
the import fails, what was held back is shown.
"""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator


@contextlib.contextmanager
def held_back_stderr() -> Iterator[None]:
    """Keep what is written to the process's standard error meanwhile to oneself, unless an exception passes."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(kept, held.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


@contextlib.contextmanager
def not_importable(*names: str) -> Iterator[None]:
    """Let `import name` raise ImportError meanwhile, for those that are not imported yet."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# TensorFlow leaves oneDNN off on CPUs without AVX-512; Eigen's gradient of a 3D convolution is up to 100 times slower.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
# Both are optional to Keras, for plots and wrappers that are not used here, and take a third of its import.
with held_back_stderr(), not_importable("matplotlib.pyplot", "sklearn"):
    import keras

__all__ = ["held_back_stderr", "keras"]
