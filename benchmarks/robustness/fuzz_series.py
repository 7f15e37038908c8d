"""Coverage-guided fuzzing of the readers by atheris: a file that it makes is read beside whole ones and checked.

In: a folder for what it learns, and atheris in an environment of its own (it is in no requirement of this project):
`pip install atheris`, then `PYTHONPATH=src:<site-packages of .venv> python benchmarks/robustness/fuzz_series.py CORPUS
-max_total_time=600`. Out: a crash file where a check fails. The compiled scan has no coverage to guide by:
the guide is the Python around it and pydicom, the check is that both read the same.
"""

if not __package__:  # run as a file
    import environment  # noqa: F401

import os
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

GUIDES = ["pydicom", "radiogen"]
COMPILED = [f"radiogen.imaging.{name}" for name in (
    "fast.elements_at", "fast.scan", "fast.groups", "fast.decimals", "compiled.kernels", "compiled.line_sums",
    "compiled.vector_instructions", "compiled.whole_blocks")]
"""numba compiles these and cannot read what atheris would make of them."""


def main() -> None:
    """Fuzz until libFuzzer's own options say so."""
    import atheris

    with atheris.instrument_imports(include=GUIDES, exclude=COMPILED):
        import radiogen.imaging.fast.uniform  # noqa: F401
        from benchmarks.robustness.inputs import series, series_damage
    warnings.simplefilter("ignore")
    room = Path(tempfile.mkdtemp(prefix="fuzz-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None))
    corpus = Path(next((word for word in sys.argv[1:] if not word.startswith("-")), room / "corpus"))
    corpus.mkdir(parents=True, exist_ok=True)
    for kind in dict.fromkeys(series_damage.KINDS):
        series_damage.write_base(room / kind, kind)
        shutil.copyfile(room / kind / "Image-1.dcm", corpus / kind.replace(" ", "-"))
    folder = room / "plain"
    for path in sorted(folder.iterdir())[3:]:
        path.unlink()

    def judge(content: bytes) -> None:
        (folder / "Image-1.dcm").write_bytes(content)
        result = series.check_reading(folder)
        if result not in series.FINE:
            raise AssertionError(result)

    atheris.Setup(sys.argv, judge)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
