"""Keras, imported without its back end's chatter: `from radiogen.learning.backend import keras`.

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


os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# TensorFlow leaves oneDNN off on CPUs without AVX-512; Eigen's gradient of a 3D convolution is up to 100 times slower.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
with held_back_stderr():
    import keras

__all__ = ["held_back_stderr", "keras"]
