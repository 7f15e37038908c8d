"""The picture of what the acquisition tells: there, wide enough, and with the medals only where asked for."""

from matplotlib.image import imread

from radiogen.evaluation.audit.image_free import PLANES, image_free_predictions, image_free_table, share_by_plane
from radiogen.evaluation.figures.confound_figures import image_free_png

from ..acquisitions import made


def test_the_picture_is_drawn_and_the_medals_change_it(tmp_path):
    folds, geometry = made(80, tied="plane", holdout_fraction=0.2)
    shares = share_by_plane(folds, geometry)
    models = image_free_table(image_free_predictions(folds, geometry, models=(PLANES,)))
    plain = image_free_png(tmp_path / "a.png", shares, models, "t")
    medals = image_free_png(tmp_path / "b.png", shares, models, "t", medals=True)
    again = image_free_png(tmp_path / "c.png", shares, models, "t", medals=True)
    assert imread(plain).shape[1] == 1800 and plain.read_bytes() != medals.read_bytes() == again.read_bytes()
