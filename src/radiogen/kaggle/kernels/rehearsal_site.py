"""An environment like Kaggle's image, made in seconds from a local one: its packages without those the image lacks.

In: an interpreter and names of packages to hide. Out: a new virtual environment that sees all other packages of that
interpreter through links. A wheel that the bundle lacks is therefore missing in the rehearsal, too.
"""

import json
import subprocess
from collections.abc import Collection
from pathlib import Path

from radiogen.core.errors import UserError
from radiogen.core.wording import parameter
from radiogen.kaggle.kernels.image import normal_name

NEEDED = ("ipykernel", "nbclient")
_LIST = """
import importlib.metadata, json, sys
found = []
for one in importlib.metadata.distributions():
    tops = sorted({part.parts[0] for part in one.files or [] if part.parts[0] not in ('..', '/', '__pycache__')})
    found.append([one.metadata['Name'], str(one.locate_file('')), tops])
print(json.dumps(found))
"""


def make_environment(python: Path, hidden: Collection[str], folder: Path) -> Path:
    """Make a virtual environment in `folder`; returns its interpreter.

    python: the interpreter whose packages are seen; hidden: names of those that are not. Raises UserError where
    `python` cannot be run, lacks venv, or what a notebook is run by.
    """
    packages = json.loads(_call(python, "-I", "-c", _LIST))
    lacking = set(NEEDED) - {normal_name(name) for name, *_ in packages}
    if lacking:
        raise UserError(python, f"lacks {' and '.join(sorted(lacking))}, by which Kaggle runs notebooks",
                        f"{python} -m pip install {' '.join(NEEDED)}")
    _call(python, "-I", "-m", "venv", str(folder))
    interpreter = folder / "bin" / "python"
    links = folder / "image"
    links.mkdir()
    hide = {normal_name(name) for name in hidden} | {"pip"}
    for name, place, tops in packages:
        if normal_name(name) in hide:
            continue
        for top in tops:
            source = Path(place) / top
            if source.exists() and not top.endswith(".pth"):
                _link(source, links / top)
    purelib = Path(_call(interpreter, "-I", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    (purelib / "image.pth").write_text(f"{links}\n", encoding="utf-8")
    return interpreter


def _link(source: Path, target: Path) -> None:
    """Link `source`; a folder that several packages share (a namespace) is linked entry by entry."""
    if not target.exists():
        target.symlink_to(source.resolve(), target_is_directory=source.is_dir())


def _call(python: Path, *words: str) -> str:
    try:
        return subprocess.run([str(python), *words], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        lines = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
        raise UserError(python, f"cannot make an environment ({lines[-1] if lines else error})",
                        f"give an interpreter with venv and Kaggle's packages with {parameter('python')}") from None
