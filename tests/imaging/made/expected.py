"""Findings as tests expect them: by code, files and values, never by their sentences."""

import contextlib
from collections.abc import Iterable, Iterator

import pytest

from radiogen.imaging import SeriesError
from radiogen.imaging.dicom.geometry import NotAVolume
from radiogen.imaging.dicom.headers import NotAnImage
from radiogen.imaging.findings import Finding, FindingCode


def finding(code: FindingCode, *files: str, **values: object) -> Finding:
    """A finding of these files and values."""
    return Finding(code, files, values)


def everywhere(code: FindingCode, count: int, **values: object) -> Finding:
    """A finding of every file of a series that `write_series` wrote."""
    return Finding(code, [f"Image-{number}.dcm" for number in range(1, count + 1)], {**values, "everywhere": True})


def only(findings: Iterable[Finding], code: FindingCode) -> Finding:
    """The one finding of this code."""
    (one,) = [each for each in findings if each.code is code]
    return one


@contextlib.contextmanager
def refused(code: FindingCode, **values: object) -> Iterator[None]:
    """Assert that a series, a stack or a file is refused for this, and with these among the values."""
    with pytest.raises((SeriesError, NotAVolume, NotAnImage)) as caught:
        yield
    assert caught.value.finding.code is code
    assert {name: caught.value.finding.values[name] for name in values} == values
