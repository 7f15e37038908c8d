"""Another data set of the same ids: with two labels exchanged, or one case's images."""

import shutil
from pathlib import Path


def change_data(data: Path, what: str) -> None:
    """Change the data set in place; what: `labels` of 00000 and 00001, or `images`: 00000 gets T1wCE of 00001."""
    if what == "labels":
        path = data / "train_labels.csv"
        path.write_text(path.read_text().replace("00000,0", "00000,1").replace("00001,1", "00001,0"))
    else:
        shutil.rmtree(data / "train" / "00000" / "T1wCE")
        shutil.copytree(data / "train" / "00001" / "T1wCE", data / "train" / "00000" / "T1wCE")
