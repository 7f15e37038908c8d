"""The picture of a shift shows the largest fields first, and with one field or none it is drawn, too."""

import numpy as np
import pandas as pd
from matplotlib.image import imread

from radiogen.evaluation.figures.shift_figures import SHOWN, shift_figure, shift_png


def _table(count):
    return pd.DataFrame({"kind": np.resize(["geometry", "intensity", "patients"], count), "sequence": "FLAIR",
                         "field": [f"field_{number}_mm" for number in range(count)], "psi": np.linspace(0.1, 2, count),
                         "psi_by_chance": 0.05})


def test_the_largest_fields_stand_first_and_the_rest_is_left_to_the_table():
    figure = shift_figure(_table(40), (0.1, 0.25))
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert len(names) == SHOWN and names[0] == "FLAIR field 39, mm"


def test_the_picture_is_drawn_for_any_number_of_fields(tmp_path):
    for count in (0, 1, 5):
        path = shift_png(tmp_path / f"{count}.png", _table(count), (0.1, 0.25), "t")
        assert imread(path).shape[1] == 1110
