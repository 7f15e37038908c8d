"""The tumour's mask of one case: read as its settings want it, and brought together with the case's series.

In: the mask's file and the series that were read. Out: by sequence a mask that says where it lies in the same patient
space as that series, or the finding for which it cannot be used. A mask has an affine of its own and need not lie on
any series' grid; where it or a series has none, both have to have the same shape and are laid over each other.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from radiogen.arrays.case_findings import CaseFinding
from radiogen.arrays.case_series import CaseSeries
from radiogen.arrays.located import is_located, read_located
from radiogen.core.errors import UserError
from radiogen.core.memory import translate_memory_errors
from radiogen.core.wording import parameter
from radiogen.dataset.source import MASK
from radiogen.imaging.findings import Finding, FindingCode, Policy
from radiogen.imaging.folder import SeriesError
from radiogen.imaging.masks.grids import SMALLEST_SHARE, share_inside
from radiogen.imaging.masks.reading import read_mask
from radiogen.imaging.volume import Volume


class CaseMasks(NamedTuple):
    """by_sequence: the mask in the space of each series; {} where there is no mask that can be used."""

    by_sequence: Mapping[str, Volume]
    findings: list[CaseFinding]

    @property
    def refusal(self) -> Finding | None:
        """Why the mask is not used; None where it is."""
        return mask_refusal(self.findings)


def mask_refusal(findings: Iterable[CaseFinding]) -> Finding | None:
    """Why a case's mask is not used, among the findings of the case; None where it is."""
    return next((each.finding for each in findings
                 if each.sequence == MASK and each.finding.code.policy is Policy.REFUSED), None)


def read_case_mask(path: Path | None, values: Mapping[str, Sequence[int]]) -> CaseSeries:
    """The mask as a series of the case, with why it cannot be used where it cannot."""
    if path is None or not path.exists():
        return CaseSeries(unusable=Finding(FindingCode.MASK_MISSING))
    if is_located(path):
        return read_located(path)
    try:
        with translate_memory_errors(path):
            return CaseSeries(read_mask(path, values))
    except SeriesError as error:
        return CaseSeries(unusable=error.finding)


def masks_of(mask: CaseSeries, series: Mapping[str, CaseSeries]) -> CaseMasks:
    """The case's mask in the space of each of `series`, by sequence."""
    if mask.unusable is not None:
        return CaseMasks({}, [CaseFinding(MASK, mask.unusable)])
    volume, odd = _placed(mask.voxels, series)
    found = [CaseFinding(MASK, finding) for finding in (*mask.voxels.findings, *odd)]
    masks = {}
    for name, one in series.items():
        own = _over(volume, name, one)
        if isinstance(own, Finding):
            return CaseMasks({}, [*found, CaseFinding(MASK, own)])
        if one.affine is None or volume.affine is None:
            found.append(CaseFinding(MASK, Finding(FindingCode.MASK_BY_INDEX, (), {"sequence": name})))
        share = 1.0 if one.affine is None else share_inside(own, one.affine, one.header.voxels.shape)
        if share == 0:
            return CaseMasks({}, [*found, CaseFinding(MASK, Finding(FindingCode.MASK_OUTSIDE, (), {"sequence": name}))])
        if 1 - share >= SMALLEST_SHARE:
            found.append(CaseFinding(name, Finding(FindingCode.MASK_BEYOND_SERIES, (), {"share": 1 - share})))
        masks[name] = own
    return CaseMasks(masks, found)


def unusable_mask(finding: Finding, case: str) -> UserError:
    """The error of a training case, or of one patient, whose mask is needed and cannot be used."""
    return UserError(MASK, f"the tumour's mask, which the recipe needs, {_predicate(finding)}",
                     f"put it right, leave the case out with {parameter('leave_out')} {case}, or show the whole head "
                     f"of such cases with {parameter('data.without_mask', 'head')}")


def _predicate(finding: Finding) -> str:
    return "is missing" if finding.code is FindingCode.MASK_MISSING else f"cannot be used: it {finding.reason}"


def _placed(mask: Volume, series: Mapping[str, CaseSeries]) -> tuple[Volume, list[Finding]]:
    """The mask with an affine of its own or, where it has none, with that of the first series of its shape."""
    if mask.affine is not None:
        return mask, []
    for name, one in series.items():
        if one.affine is not None and one.header.voxels.shape == mask.voxels.shape:
            return replace(mask, affine=one.affine), [Finding(FindingCode.MASK_BY_INDEX, (), {"sequence": name})]
    return mask, []


def _over(mask: Volume, name: str, one: CaseSeries) -> Volume | Finding:
    """The mask in the space of one series; why not, where neither affines nor shapes relate them."""
    if mask.affine is not None and one.affine is not None:
        return mask
    if mask.voxels.shape == one.header.voxels.shape:
        return replace(mask, affine=one.affine)
    return Finding(FindingCode.MASK_OTHER_SHAPE, (), {
        "voxels": mask.voxels.shape, "sequence": name, "other_voxels": one.header.voxels.shape})
