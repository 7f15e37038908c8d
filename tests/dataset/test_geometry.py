"""Tables of geometry: ours and others' headings, empty cells, and wrong rows that are named."""

import pandas as pd
import pytest

from radiogen.core.errors import UserError
from radiogen.dataset.geometry import COLUMNS, planes_together, read_geometry
from radiogen.task import Task

HEADING = "BraTS21ID,split,sequence,plane,slices,rows,columns,slice_spacing_mm,row_mm,column_mm"


def _written(folder, *rows, heading=HEADING):
    path = folder / "geometry.csv"
    path.write_text("\n".join([heading, *rows]) + "\n")
    return path


def test_ids_stay_text_and_empty_cells_are_missing(tmp_path):
    table = read_geometry(_written(tmp_path, "00000,train,FLAIR,coronal,60,256,232,3,1,", "00000,train,T1w,,,,,,,"))
    assert table["case"].tolist() == ["00000", "00000"]
    assert table.loc[0, ["plane", "slices", "rows"]].tolist() == ["coronal", 60, 256]
    assert table.isna().sum(axis=1).tolist() == [1, 7]


def test_the_competitions_measured_geometry_is_read_by_its_own_headings(tmp_path):
    heading = ("BraTS21ID,split,series,plane,rows,columns,slices,pixel_spacing_row_mm,pixel_spacing_col_mm,"
               "slice_spacing_mm,plane_from")
    table = read_geometry(_written(tmp_path, "00002,train,T2w,axial,512,448,60,0.5,0.6,3.3,seen", heading=heading))
    assert tuple(table.columns) == COLUMNS
    assert table.loc[0, ["sequence", "row_mm", "column_mm"]].tolist() == ["T2w", 0.5, 0.6]


@pytest.mark.parametrize(("row", "said"), [
    ("2,train,T1w,axial,1,1,1,1,1,1", "row 3: BraTS21ID is '2'"),
    ("00000,train,FLAIR,axial,1,1,1,1,1,1", "row 3: FLAIR of train case 00000 stands twice"),
    ("00000,train,T1w,axial,many,1,1,1,1,1", "row 3: slices is 'many'"),
    ("00000,train,T1w,axial,1,1,1,inf,1,1", "row 3: slice_spacing_mm is 'inf'"),
    ("00000,train,T1w,axial,1,1,1,-2,1,1", "row 3: slice_spacing_mm is '-2'"),
    ("00000,train,T1w,axial,1", "row 3: has 5 cells, the heading has 10"),
])
def test_a_wrong_row_is_reported_with_file_and_row(tmp_path, row, said):
    path = _written(tmp_path, "00000,train,FLAIR,axial,60,256,232,3,1,1", row)
    with pytest.raises(UserError) as error:
        read_geometry(path)
    assert said in str(error.value) and str(path) in str(error.value)


def test_a_missing_file_or_column_is_reported(tmp_path):
    with pytest.raises(UserError, match="geometry.csv: is missing"):
        read_geometry(tmp_path / "geometry.csv")
    with pytest.raises(UserError, match="has no column plane or slices"):
        read_geometry(_written(tmp_path, "00000,FLAIR", heading="BraTS21ID,sequence"))


def test_planes_of_a_case_are_one_text_and_what_is_missing_is_unknown():
    table = pd.DataFrame([["00001", "train", "T1w", "axial"], ["00001", "train", "FLAIR", "coronal"],
                          ["00002", "train", "T1w", None], ["00001", "test", "T2w", "axial"]],
                         columns=["case", "split", "sequence", "plane"])
    cases = pd.Series(["00002", "00001", "00003"])
    assert planes_together(table, cases).tolist() == ["unknown/unknown", "coronal/axial", "unknown/unknown"]
    assert planes_together(table, cases, ("T1w", "T2w")).tolist()[1] == "axial/unknown"


def test_a_table_of_another_task_has_its_column_and_its_ids(tmp_path):
    task = Task("other", id_column="patient", id_pattern="P-[0-9]+", id_example="P-7")
    heading = HEADING.replace("BraTS21ID", "patient")
    path = _written(tmp_path, "P-3,train,flair,axial,60,256,232,3,1,1", heading=heading)
    assert read_geometry(path, task)["case"].tolist() == ["P-3"]
    with pytest.raises(UserError, match="row 1: has no column BraTS21ID"):
        read_geometry(path)
    with pytest.raises(UserError, match="row 2: patient is '00003', which is no case id; write ids as in P-7"):
        read_geometry(_written(tmp_path, "00003,train,flair,axial,60,256,232,3,1,1", heading=heading), task)
