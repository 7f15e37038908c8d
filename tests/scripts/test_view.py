"""`view` writes one page of a case's series and says where; what it is given in error is named."""

import numpy as np
import pytest

from radiogen.cli.data.view import main
from radiogen.core.errors import UserError
from radiogen.imaging.export.series_export import write_nifti
from radiogen.imaging.volume import Volume


def test_a_folder_of_series_becomes_one_page_and_its_findings_are_printed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("FLAIR", "T2w"):
        write_nifti(tmp_path / f"{name}.nii.gz", Volume(np.arange(60, dtype=np.int16).reshape(3, 4, 5), np.eye(4)))
    main((tmp_path / "FLAIR.nii.gz", tmp_path / "T2w.nii.gz"))
    printed = capsys.readouterr().out
    assert "view-FLAIR.nii.gz.html" in printed and "T2w.nii.gz: 3 slices of" in printed
    assert (tmp_path / "view-FLAIR.nii.gz.html").read_text(encoding="utf-8").count('<figure class="series">') == 2


def test_a_case_is_shown_with_all_its_series_and_without_the_mask_beside_them(tmp_path, capsys):
    for name in ("FLAIR", "T2w", "mask"):
        write_nifti(tmp_path / "00000" / f"{name}.nii.gz", Volume(np.arange(60, dtype=np.int16).reshape(3, 4, 5),
                                                                  np.eye(4)))
    main((tmp_path / "00000",), tmp_path / "page.html")
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()][:2] == ["FLAIR.nii.gz", "T2w.nii.gz"]


def test_a_missing_series_is_named_and_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="nowhere"):
        main((tmp_path / "nowhere",))
    assert not list(tmp_path.glob("*.html"))
