"""Findings of a case as cells of an index: sentences beside codes, and what programs read of the codes."""

from radiogen.arrays.case_findings import CaseFinding, index_cells, of_sequence, unused_sequences
from radiogen.imaging.findings import Finding, FindingCode, Policy

BLANK = Finding(FindingCode.SERIES_BLANK, (), {"slices": 4, "value": 0.0})
COPIES = Finding(FindingCode.COPIES, ("a",))


def test_cells_hold_sentences_and_codes_with_their_sequences():
    found = [*of_sequence("FLAIR", [COPIES, None, COPIES]), CaseFinding("T1w", BLANK)]
    assert index_cells(found, []) == {
        "findings": f"FLAIR: {COPIES}; FLAIR: {COPIES}; T1w: not used: {BLANK}",
        "finding_codes": "FLAIR:COPIES T1w:SERIES_BLANK", "changes": "", "change_codes": ""}


def test_a_sequence_is_unused_where_a_code_of_it_is_of_the_refused_policy():
    assert unused_sequences("FLAIR:COPIES T1w:SERIES_BLANK T2w:PLACE_UNKNOWN") == ["T1w", "T2w"]
    assert unused_sequences("") == []


def test_every_code_can_be_read_back_from_a_cell():
    for code in FindingCode:
        assert unused_sequences(f"T1w:{code.name}") == (["T1w"] if code.policy is Policy.REFUSED else [])
