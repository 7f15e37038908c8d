"""The results of the label-permutation test, `models/<run>/permutations.csv`: the AUC of each draw.

In and out: the table `draw, within, auc`, with `within` FOLDS or PLANES. A draw is a training on
permuted labels. Inference writes a row a draw, evaluation reads the AUCs.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.wording import command, parameter
from radiogen.runs import layout

FOLDS, PLANES = "folds", "planes"
"""Within what labels were exchanged: each fold, or the cases of each fold whose series lie in the same planes."""


def permutations_folder(run: Path) -> Path:
    """The folder of the trainings on permuted labels of the run in `run`, models/<run>. Raises UserError."""
    _check_version(run)
    return Path(run) / layout.PERMUTATION_DRAWS


def draw_folder(run: Path, within: str, draw: int) -> Path:
    """The folder of one training on permuted labels; draw: its number from 0 up."""
    return permutations_folder(run) / f"{within}-{draw:03d}"


def write_draw(run: Path, within: str, draw: int, area: float) -> Path:
    """Add the AUC of one training to `permutations.csv`, or replace it. Raises UserError where the table is damaged."""
    path = Path(run) / layout.PERMUTATIONS
    kept = _read(path)
    kept = kept[(kept["draw"] != draw) | (kept["within"] != within)]
    row = pd.DataFrame([{"draw": draw, "within": within, "auc": area}])
    table = row if kept.empty else pd.concat([kept, row])
    return files.write_csv(path, table.astype({"draw": int}).sort_values(["within", "draw"]))


def read_permutations(run: Path) -> dict[str, np.ndarray]:
    """The AUCs of the draws, (draws,), by what labels were exchanged within; {} where the test was not run.

    Raises UserError where the table is damaged or of an older version.
    """
    _check_version(run)
    groups = _read(Path(run) / layout.PERMUTATIONS).groupby("within")["auc"]
    return {str(name): areas.to_numpy(float) for name, areas in groups}


def _read(path: Path) -> pd.DataFrame:
    """The table, with no row where there is no file. Raises UserError where a column, or an AUC, is none."""
    if not path.is_file():
        return pd.DataFrame(columns=["draw", "within", "auc"])
    try:
        table = pd.read_csv(path)[["draw", "within", "auc"]].astype({"draw": int, "within": str, "auc": float})
        if not table["auc"].between(0, 1).all():
            raise ValueError("an AUC lies outside of 0 to 1")
    except (OSError, ValueError, KeyError) as error:
        raise UserError(path, f"cannot be read as a table of draws ({error})",
                        f"delete it and run {command('evaluate')} {parameter('permutations')} again") from error
    return table


def _check_version(run: Path) -> None:
    """Raise UserError where an older version kept the test under other names: it would be run again for hours."""
    older = Path(run) / "null.csv"
    if older.is_file():
        raise UserError(older, "is of an older version of radiogen",
                        f"rename it to {layout.PERMUTATIONS}, and null/ beside it to {layout.PERMUTATION_DRAWS}/")
