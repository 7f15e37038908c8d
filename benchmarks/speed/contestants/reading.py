"""A checkout's reading, in a process of its own: reads a task, a folder and a count a line, answers seconds a call.

In: the checkout's folder as the only argument; it need not be the one that this file lies in. Out: for each line
`task folder count` the seconds of one call.
"""

import gc
import importlib
import sys
import time
from pathlib import Path


def main() -> None:
    root = Path(sys.argv[1]).resolve()
    sys.path[:0] = [str(root / "src")]
    from radiogen.imaging import read_series

    older = not (root / "src" / "radiogen" / "arrays").is_dir()  # from before 28 November 2026
    arrays = importlib.import_module("radiogen.imaging.arrays" if older else "radiogen.arrays")
    tasks = {"volume": read_series, "cube": arrays.read_cube, "slices": arrays.read_slices}
    if not Path(sys.modules["radiogen"].__file__ or "").is_relative_to(root):
        sys.exit(f"{root} does not hold the radiogen that is imported")
    for line in sys.stdin:
        task, folder, count = line.rstrip("\n").split("\t")
        gc.collect()
        began = time.perf_counter()
        for _ in range(int(count)):
            tasks[task](Path(folder))
        print((time.perf_counter() - began) / int(count), flush=True)


if __name__ == "__main__":
    main()
