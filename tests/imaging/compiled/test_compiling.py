"""What compiled code costs and leaves behind in the process that uses it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from radiogen.imaging.compiled import compiling


def output_of(program):
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()


def test_a_kernel_runs_without_scipy_linear_algebra():
    assert output_of("import sys, numpy as np\nfrom radiogen.imaging.compiled import kernels\n"
                     "kernels.is_blank(np.zeros((2, 2), np.uint16))\nprint('scipy.linalg' in sys.modules)") == ["False"]


def test_importing_the_package_imports_neither_numba_nor_pydicom():
    assert output_of("import sys, radiogen.imaging\n"
                     "print('numba' in sys.modules, 'pydicom' in sys.modules)") == ["False", "False"]


@pytest.mark.parametrize(("function", "expected"), [("np.dot(a, a)", "7.0"), ("np.linalg.inv(a)", "-2.0")])
def test_linear_algebra_of_ones_own_is_compiled_after_a_kernel(function, expected):
    pytest.importorskip("scipy")
    assert output_of("import numba, numpy as np\nfrom radiogen.imaging.compiled import kernels\n"
                     "kernels.is_blank(np.zeros((2, 2), np.uint16))\n"
                     f"@numba.njit\ndef own(a):\n    return {function}\n"
                     "print(round(own(np.array([[1.0, 2.0], [3.0, 4.0]]))[0, 0], 9))") == [expected]


def test_numba_finds_linear_algebra_where_it_would_have_without_this_package():
    assert output_of("from radiogen.imaging.compiled import compiling\nfrom numba.np import arraymath, linalg\n"
                     "print(arraymath.ensure_blas is linalg.ensure_blas, linalg.ensure_blas.__name__)"
                     ) == ["True", "ensure_blas"]


def _compiles(folder, stamp):
    """Whether a process with these stamps of the sources compiles a function that an earlier one has kept."""
    (folder / "kept.py").write_text("from radiogen.imaging.compiled.compiling import compiled\n\n\n"
                                    "@compiled()\ndef twice(number):\n    return 2 * number\n")
    os.utime(folder / "kept.py", (1, 1))
    code = ("from numba.core import event\nfrom radiogen.imaging.compiled import compiling\n"
            f"compiling._sources_stamp = lambda: {stamp!r}\nimport kept\n"
            "with event.install_recorder('numba:compile') as recorder:\n    assert kept.twice(4) == 8\n"
            "print(len(recorder.buffer) > 0)")
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder / "kernels"), "PYTHONPATH": os.pathsep.join(
        [str(folder), *sys.path])}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True,
                          check=True).stdout.split() == ["True"]


def test_kept_kernels_are_compiled_again_when_another_source_file_has_changed(tmp_path):
    first, changed = (("elements.py", 1, 100),), (("elements.py", 2, 100),)
    assert [_compiles(tmp_path, stamp) for stamp in (first, first, changed, changed)] == [True, False, True, False]


def test_the_stamp_of_the_sources_covers_every_file_that_is_compiled():
    room = Path(compiling.__file__).parents[1]
    stamped = {name for name, _, _ in compiling._sources_stamp()}
    using = {path.relative_to(room).as_posix() for path in room.rglob("*.py")
             if "import compiled\n" in path.read_text(encoding="utf-8")}
    assert len(using) >= 5 and using <= stamped
    tables = {f"dicom/{name}.py" for name in ("elements", "traits", "uih", "mosaic")}
    assert tables <= stamped, "tables of tags become machine code, too"
