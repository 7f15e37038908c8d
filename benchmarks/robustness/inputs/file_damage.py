"""What the trials of damaged models, caches and runs share: damage to bytes, and the check of a refusal.

In: files and a generator. Out: damaged files, and what is wrong with how one was read, as text.
"""

import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

MEMORY = 1 << 30
"""Bytes that a process may hold more after a trial than before."""
HUGE = (1 << 20, 1 << 18)
"""A shape that nothing can hold: 1 TiB of float32."""
Trial = tuple[str, str]
"""What was done, and what is wrong with what came of it ("": nothing)."""


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
        message = str(error)
        good = "\n" not in message and name in message
        wrong = "" if good else f"does not name {name} in one line: {message[:160]!r}"
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


def truncated(whole: Path, random: "np.random.Generator", places: int) -> Iterator[Path]:
    content, path = whole.read_bytes(), whole.with_name(f"damaged{''.join(whole.suffixes)}")
    for _ in range(places):
        path.write_bytes(content[:int(random.integers(len(content)))])
        yield path


def overwritten(whole: Path, random: "np.random.Generator", places: int, bytes_each: int = 8) -> Iterator[Path]:
    whole_content, path = whole.read_bytes(), whole.with_name(f"damaged{''.join(whole.suffixes)}")
    for _ in range(places):
        content = bytearray(whole_content)
        for place in random.integers(len(content), size=bytes_each):
            content[place] = int(random.integers(256))
        path.write_bytes(content)
        yield path


def damaged_texts(content: bytes, random: "np.random.Generator", places: int) -> Iterator[bytes]:
    for _ in range(places):
        yield content[:int(random.integers(len(content)))]
        place = int(random.integers(len(content)))
        yield content[:place] + random.bytes(3) + content[place + 3:]
    yield from (b"", b"\xff\xfe\x00", b"[" * 200_000, b"PK\x03\x04" + random.bytes(99))


def begin_small_run(folder: Path) -> Any:
    """A run on a phantom of eight cases, prepared and not trained."""
    from radiogen.phantom.data_set import PhantomSettings, write_phantom
    from radiogen.training.recipe.recipes import DEMO_3D
    from radiogen.training.workflow import begin_run

    recipe = DEMO_3D.replace(size=8, width=4, folds=2, epochs=1, batch_size=4, micro_batch_size=4, holdout_fraction=0.0)
    write_phantom(folder / "phantom", PhantomSettings(cases=8, test_cases=1, scale=0.05), workers=1)
    return begin_run(folder / "phantom", recipe, folder / "models" / "one", folder / "cache", workers=1)
