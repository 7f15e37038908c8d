"""One phantom, many namings: the competition's folders of DICOM or NIfTI files, BIDS, and those of published cohorts.

In: a case's images and mask. Out: files called as that cohort calls them, tables with its columns and its spelling of
ids, and a `dataset.json`, as describe_dataset would draft one for them. The images are the same in all.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from radiogen.cohorts.published import Cohort, published
from radiogen.core import files
from radiogen.dataset.layout import PATIENTS_TABLE
from radiogen.dataset.source import CASE, LABELS_TABLE, MASK, as_patterns
from radiogen.task import FILE, ID, LABEL, RSNA_MICCAI, read_task

if TYPE_CHECKING:
    import pandas as pd

Format = Literal["dicom", "nifti", "bids", "ucsf-pdgm", "upenn-gbm", "brats21"]
IMAGES = "images"
"""The folder of a cohort's images, beside the tables and `dataset.json`."""
_IDS = {"bids": "sub-{}", "brats21": "BraTS2021_{}", "upenn-gbm": "UPENN-GBM-{}_11"}
_UNLABELLED = {"ucsf-pdgm": "unknown", "upenn-gbm": "Not Available", "bids": "n/a"}
"""What the tables of a cohort say of a case whose label nobody knows; BraTS leaves its row out."""


@dataclass(frozen=True)
class Naming:
    """How the files and tables of a phantom are called."""

    format: Format

    @property
    def cohort(self) -> Cohort | None:
        """The cohort whose names are used; None for the competition's layout."""
        return next((one for one in published() if one.key == self.format), None)

    @property
    def most(self) -> int:
        """The largest number that an id can hold."""
        return 9_999 if self.format == "ucsf-pdgm" else 99_999

    def case(self, number: str) -> str:
        """The id of the case that is `number` (five digits) in the competition's layout."""
        if self.format == "ucsf-pdgm":
            return f"UCSF-PDGM-{int(number):04d}"
        return _IDS.get(self.format, "{}").format(number)

    def series(self, split: str, number: str, sequence: str) -> Path:
        """The path of a series below the data set: a folder of DICOM files, or a NIfTI file."""
        if self.cohort is None:
            return Path(split, number, sequence if self.format == "dicom" else f"{sequence}.nii.gz")
        first = as_patterns(self.cohort.description["files"][sequence])[0]
        return Path(IMAGES, first.replace(CASE, self.case(number)))

    def mask(self, split: str, number: str) -> Path:
        """The path of a case's mask below the data set."""
        if self.cohort is None:
            return Path(split, number, f"{MASK}.nii.gz")
        first = as_patterns(self.cohort.description["mask"])[0]
        named = first.replace(f"{CASE}_*mask", f"{CASE}_label-tumour_mask").replace("/*/", "/tumour/")
        return Path(IMAGES, named.replace(CASE, self.case(number)))

    def write_tables(self, folder: Path, key: "pd.DataFrame") -> None:
        """Write the tables that say labels and patients, and for a cohort `dataset.json`.

        key: the answer key with five-digit ids, whose `site` column, if there is one, goes into patients.csv. The label
        table comes last: where it is, all is there.
        """
        cases, task = key[ID].map(self.case), RSNA_MICCAI
        if self.cohort is not None:
            self._describe(folder)
            task = read_task(folder)
        if "site" in key:
            files.write_csv(folder / PATIENTS_TABLE, task.to_file(key[["site"]].assign(**{ID: cases})[[ID, "site"]]))
        labelled = key["split"] == "train"
        if self.cohort is None:
            if not labelled.all():
                test = key.loc[~labelled, [ID]].assign(**{LABEL: 0.5})
                files.write_csv(folder / "sample_submission.csv", task.to_file(test))
            files.write_csv(folder / LABELS_TABLE, task.to_file(key.loc[labelled, [ID, LABEL]]))
            return
        cells = key[LABEL].map(self._cell).where(labelled, _UNLABELLED.get(self.format, ""))
        table = key.assign(**{ID: cases, LABEL: cells})[cells != ""]
        self._write_metadata(folder, table.assign(**{ID: key.loc[table.index, ID].map(self._table_id)}))
        files.write_csv(folder / LABELS_TABLE, task.to_file(table[[ID, LABEL]]))

    @property
    def _label_column(self) -> str:
        return self.cohort.columns.get("label", (LABEL,))[0] if self.cohort else RSNA_MICCAI.label_column

    def _cell(self, label: int) -> str:
        """A label as the cohort's tables write it."""
        values = self.cohort.description.get("label_values", {}) if self.cohort else {}
        return next((text for text, number in values.items() if number == label), str(label))

    def _table_id(self, number: str) -> str:
        """An id as the cohort's tables write it, which is not always as its images do."""
        if self.format == "brats21":
            return number
        return f"UCSF-PDGM-{int(number):03d}" if self.format == "ucsf-pdgm" else self.case(number)

    def _describe(self, folder: Path) -> None:
        """Write `dataset.json`, and for BIDS the description that every such data set has."""
        assert self.cohort is not None
        values = dict(self.cohort.description)
        if self.format == "bids":
            values["label_values"] = {"0": 0, "1": 1}
            files.write_json(folder / IMAGES / "dataset_description.json",
                             {"Name": "radiogen phantom", "BIDSVersion": "1.8.0", "DatasetType": "raw"})
        values.pop("mask_values", None)  # a phantom's mask has one number
        values |= {"images": IMAGES, "id_column": ID, "label_column": self._label_column}
        files.write_json(folder / FILE, values)

    def _write_metadata(self, folder: Path, table: "pd.DataFrame") -> None:
        """The table as it comes with the cohort's images."""
        assert self.cohort is not None
        named = table[[ID, LABEL]].set_axis([self.cohort.columns["id"][0], self._label_column], axis=1)
        if self.format == "bids":
            text = named.to_csv(sep="\t", index=False, lineterminator="\n")
            files.write_bytes(folder / IMAGES / "participants.tsv", text.encode())
        else:
            files.write_csv(folder / "metadata.csv", named)
