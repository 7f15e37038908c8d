"""The geometries: one class a way from the series of a case to its array.

To add one, write a class as `protocol.py` describes it and enter it below; nothing else has to know of it.
"""

from collections.abc import Callable

from radiogen.arrays.geometries.head_slab import HeadSlab
from radiogen.arrays.geometries.isotropic_cube import IsotropicCube
from radiogen.arrays.geometries.protocol import Built, CaseGeometry
from radiogen.arrays.geometries.slice_stack import IsotropicSlices, StretchedSlices
from radiogen.arrays.geometries.stretched_cube import StretchedCube
from radiogen.arrays.settings import CacheSettings

__all__ = ["Built", "CaseGeometry", "geometry_of"]

_GEOMETRIES: dict[tuple[str, str], Callable[[CacheSettings], CaseGeometry]] = {
    ("cubes", "stretch"): StretchedCube,
    ("cubes", "isotropic"): IsotropicCube,
    ("slabs", "slab"): HeadSlab,
    ("slices", "stretch"): StretchedSlices,
    ("slices", "isotropic"): IsotropicSlices,
}
"""By kind and geometry of the settings."""


def geometry_of(settings: CacheSettings) -> CaseGeometry:
    """The geometry that makes the arrays of these settings."""
    return _GEOMETRIES[settings.kind, settings.geometry](settings)
