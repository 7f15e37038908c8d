"""The package's commands with the real Kaggle client turned to the stand-in of kaggle_server.py.

In: a script of scripts/ and its arguments. Out: a command line, and the environment that it needs: a home of its own
and the stand-in's address and token, so that nothing of the user's Kaggle account is read.
"""

import os
import sys
from pathlib import Path

import radiogen
from benchmarks.synthetic.kaggle_server import TOKEN

SOURCE = str(Path(radiogen.__file__).resolve().parents[1])
_REDIRECTED = """
import os, runpy, sys
import radiogen  # else the script would restart in another interpreter, with the real Kaggle
import kagglesdk.kaggle_env as place
place._env_to_endpoint[place.KaggleEnv.PROD] = os.environ["KAGGLE_STAND_IN"]
sys.path.insert(0, os.path.dirname(sys.argv[1]))
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def redirected_command(script: Path | str, *arguments: object) -> list[str]:
    """The command line that runs a script with its client turned to `KAGGLE_STAND_IN`."""
    return [sys.executable, "-c", _REDIRECTED, str(script), *map(str, arguments)]


def redirected_environment(address: str, home: Path) -> dict[str, str]:
    """What such a command needs to find in its environment; address: of the stand-in, home: an empty folder."""
    return {"HOME": str(home), "KAGGLE_CONFIG_DIR": str(home / ".kaggle"), "KAGGLE_API_TOKEN": TOKEN,
            "KAGGLE_STAND_IN": address, "NO_PROXY": "127.0.0.1,localhost", "PYTHONPATH": SOURCE}


def user_variables() -> list[str]:
    """Names in this process's environment that belong to the user's own Kaggle account."""
    return [name for name in os.environ if name.startswith("KAGGLE_")]
