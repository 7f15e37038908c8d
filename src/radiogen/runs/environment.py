"""`environment.json`: the versions, the commit and the machine that a run was begun with.

In: nothing. Out: what a reader needs to make the run again, written once, when it begins.
"""

import importlib.metadata
import platform
import subprocess
from pathlib import Path
from typing import Any

from radiogen import __version__
from radiogen.core import files
from radiogen.runs import layout

_PACKAGES = ("tensorflow", "jax", "torch", "keras", "openvino", "numpy", "pandas", "pydicom", "scikit-learn",
             "albumentations", "opencv-python-headless", "scipy")


def write_environment(folder: Path) -> Path:
    """Write `radiogen, commit, changed_since, python, system, processor, packages` of this process."""
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return files.write_json(Path(folder) / layout.ENVIRONMENT, {
        "radiogen": __version__, **_commit(), "python": platform.python_version(), "system": platform.platform(),
        "processor": _processor(), "packages": versions})


def read_environment(folder: Path) -> dict[str, Any]:
    """`environment.json`, {} where there is none. Raises UserError where it is damaged."""
    path = Path(folder) / layout.ENVIRONMENT
    content = files.read_json(path) if path.is_file() else {}
    return content if isinstance(content, dict) else {}


def _commit() -> dict[str, Any]:
    """The clone's commit and whether its files differ from it; `unknown` where the package does not lie in a clone."""
    def git(*words: str) -> str:
        return subprocess.run(["git", "-C", str(Path(__file__).parent), *words], capture_output=True, text=True,
                              timeout=5, check=True).stdout.strip()

    try:
        return {"commit": git("rev-parse", "HEAD"),
                "changed_since": bool(git("status", "--porcelain", "--untracked-files=no"))}
    except (OSError, subprocess.SubprocessError):
        return {"commit": "unknown", "changed_since": None}


def _processor() -> str:
    """The processor's name, as Linux reports it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    except OSError:
        return "unknown"
