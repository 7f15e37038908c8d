"""The system's own calls that compiled code makes, so that a series costs one call of it, not one a file."""

import numba

READ = numba.types.ExternalFunction("pread", numba.types.intp(
    numba.types.int32, numba.types.uintp, numba.types.uintp, numba.types.int64))
"""pread(file, to, bytes, offset): how many bytes were read."""

SEEK = numba.types.ExternalFunction("lseek", numba.types.int64(
    numba.types.int32, numba.types.int64, numba.types.int32))
"""lseek(file, offset, from): the new place in the file; from 2, the end, with offset 0, its size."""
