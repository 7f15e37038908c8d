"""In Kaggle's session: install those of the bundle's wheels that the session's own packages do not replace.

In: the bundle, whose radiogen wheel is installed already. Out: an environment in which the package's requirements are
met. A package of the session that is in range is never replaced: a new pillow under a loaded matplotlib crashes.
Imports nothing that the image may lack.
"""

import logging
import subprocess
import sys
from pathlib import Path

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.wording import command
from radiogen.kaggle.kernels.image import installed_version, outside_ranges, wanted_range

_LOG = logging.getLogger(__name__)


def install_carried(bundle: Path, package: str = "radiogen") -> list[str]:
    """Install what is missing or out of the range that `package` wants; returns what was installed.

    Raises UserError where a requirement is not met afterwards.
    """
    wheels = files.read_json(Path(bundle) / "radiogen-bundle.json")["wheels"]
    wanted = [wheel for wheel in wheels if not _is_met(wheel.partition("==")[0], package)]
    if wanted:
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index",
                        "--no-deps", "--find-links", str(bundle), *wanted], check=True)
        _LOG.info(f"installed from the bundle: {', '.join(wanted)}")
    if lacking := outside_ranges(package):
        raise UserError("the session's packages", f"lack what {package} needs: {'; '.join(lacking)}",
                        f"take the facts of this image with {command('probe_kaggle_image')} and push again, or pin "
                        "an older image with --docker-image")
    return wanted


def _is_met(name: str, package: str) -> bool:
    """Whether the session has the package in range; of what `package` does not name itself any version is."""
    version = installed_version(name)
    return bool(version) and wanted_range(name, package).contains(version, prereleases=True)
