"""What compiled code costs and leaves behind in the process that uses it."""

import subprocess
import sys

import pytest


def output_of(program):
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()


def test_a_kernel_runs_without_scipy_linear_algebra():
    assert output_of("import sys, numpy as np\nfrom radiogen.imaging import kernels\n"
                     "kernels.is_blank(np.zeros((2, 2), np.uint16))\nprint('scipy.linalg' in sys.modules)") == ["False"]


def test_importing_the_package_imports_neither_numba_nor_pydicom():
    assert output_of("import sys, radiogen.imaging\n"
                     "print('numba' in sys.modules, 'pydicom' in sys.modules)") == ["False", "False"]


@pytest.mark.parametrize(("function", "expected"), [("np.dot(a, a)", "7.0"), ("np.linalg.inv(a)", "-2.0")])
def test_linear_algebra_of_ones_own_is_compiled_after_a_kernel(function, expected):
    pytest.importorskip("scipy")
    assert output_of("import numba, numpy as np\nfrom radiogen.imaging import kernels\n"
                     "kernels.is_blank(np.zeros((2, 2), np.uint16))\n"
                     f"@numba.njit\ndef own(a):\n    return {function}\n"
                     "print(round(own(np.array([[1.0, 2.0], [3.0, 4.0]]))[0, 0], 9))") == [expected]


def test_numba_finds_linear_algebra_where_it_would_have_without_this_package():
    assert output_of("from radiogen.imaging import compiling\nfrom numba.np import arraymath, linalg\n"
                     "print(arraymath.ensure_blas is linalg.ensure_blas, linalg.ensure_blas.__name__)"
                     ) == ["True", "ensure_blas"]
