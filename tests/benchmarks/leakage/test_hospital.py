"""The facts of the hospital, from small tables of the same form."""

import pandas as pd
import pytest

from benchmarks.leakage.hospital import label_facts, published_test_cases, read_tables


@pytest.fixture
def tables(tmp_path):
    """Six cases, three of them UCSF's, one patient of them twice; two test cases, one with a published label."""
    pd.DataFrame({"BraTS21ID": [f"0000{n}" for n in range(5)], "site": ["18", "18", "18", "1", "1"]}).to_csv(
        tmp_path / "brats21_sites.csv", index=False)
    (tmp_path / "ucsf_pdgm_metadata.csv").write_text(
        "ID,MGMT status,MGMT index,BraTS21 ID\nUCSF-PDGM-004,positive,1,BraTS2021_00000\n"
        "UCSF-PDGM-0004_FU003d,positive,5,BraTS2021_00001\nUCSF-PDGM-005,negative,0,BraTS2021_00002\n"
        "UCSF-PDGM-006,negative,0,BraTS2021_00008\nUCSF-PDGM-007,unknown,,BraTS2021_00009\n"
        "UCSF-PDGM-008,positive,9,\n")
    (tmp_path / "train_labels.csv").write_text(
        "BraTS21ID,MGMT_value\n" + "".join(f"0000{n},{n % 2}\n" for n in range(6)))
    (tmp_path / "sample_submission.csv").write_text("BraTS21ID,MGMT_value\n00008,0.5\n00009,0.5\n")
    (tmp_path / "series_geometry.csv").write_text(
        "BraTS21ID,split,sequence,plane,slices,rows,columns,slice_spacing_mm,row_mm,column_mm\n"
        + "".join(f"0000{n},train,FLAIR,{'coronal' if n < 3 else 'axial'},9,9,9,1,1,1\n" for n in range(6)))
    return read_tables(tmp_path, tmp_path, tmp_path / "series_geometry.csv")


def test_a_case_without_a_site_is_of_no_hospital(tables):
    assert tables.cases["site"].tolist() == ["18", "18", "18", "1", "1", ""]
    assert tables.cases["ucsf"].sum() == 3 and (tables.cases.loc[tables.cases["ucsf"], "plane"] == "coronal").all()


def test_only_test_cases_whose_status_is_stated_have_a_published_label(tables):
    assert published_test_cases(tables).to_numpy().tolist() == [["00008", "UCSF-PDGM-006"]]


def test_a_follow_up_is_the_same_patient(tables):
    found = {fact.claim: fact.found for fact in label_facts(tables)}
    assert found["two patients are in the training set twice"] == "00000 = 00001"


def test_other_tables_do_not_have_the_competitions_facts(tables):
    assert not any(fact.holds for fact in label_facts(tables) if "index 0" not in fact.claim)
