"""A figure into a PNG, written whole or not at all, the same bytes for the same picture."""

from pathlib import Path
from typing import TYPE_CHECKING

from radiogen.core import files
from radiogen.core.wording import as_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def save_png(path: Path, figure: "Figure") -> Path:
    """Write the figure; the version of matplotlib is left out. Returns `path`.

    What is written in it may be the name of a file, which need not be text, and no font draws that.
    """
    from matplotlib.text import Text

    for found in figure.findobj(Text):
        assert isinstance(found, Text)
        found.set_text(as_text(found.get_text()))
    return files.write_with(path, lambda file: figure.savefig(file, format="png", metadata={"Software": None}))
