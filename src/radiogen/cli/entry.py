"""How a command starts: `python scripts/train.py ...` and `radiogen train ...` run the same `main`.

A module's `main` is its command: options follow from its signature and docstring (tyro). A `main` without
parameters parses its own command line.
"""

import importlib
import inspect
import os
import pkgutil
import sys
from collections.abc import Callable
from typing import NoReturn

import radiogen.cli
from radiogen.core.errors import UserError, run_command
from radiogen.core.terminal.command_line import call_main
from radiogen.core.wording import CALLED_AS, called_as, command_start, nearest


def run_script(main: Callable[..., object]) -> NoReturn:
    """Run a command as `python scripts/<command>.py` and leave the process with its exit code."""
    called_as("scripts")
    run_command(lambda: _call(main))


def run_installed() -> NoReturn:
    """Run a command as `radiogen <command>` and leave the process with its exit code."""
    called_as(os.environ.get(CALLED_AS, "radiogen"))  # a step of a script is named as the script was
    run_command(_run_named)


def commands() -> dict[str, str]:
    """The modules of the commands by name, as in `inspect-dataset`: those in the subfolders."""
    found = [module.name for module in pkgutil.walk_packages(radiogen.cli.__path__, "radiogen.cli.")]
    return {name.rpartition(".")[2].replace("_", "-"): name for name in found if name.count(".") == 3}


def _run_named() -> object:
    """Run the named command; without a name, print the list of commands."""
    known = commands()
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help") or sys.argv[1:] == ["help"]:
        print("usage: radiogen COMMAND [OPTIONS]; radiogen COMMAND --help lists its options\n")
        for name, module in sorted(known.items()):
            print(f"  {name:16} {_first_line(module)}")
        return None
    if sys.argv[1] == "--version":
        return sys.stdout.write(f"radiogen {radiogen.__version__}\n")
    if sys.argv[1] == "help":  # `radiogen help train` is `radiogen train --help`
        sys.argv[1:] = [*sys.argv[2:3], "--help"]
    if (name := sys.argv.pop(1).replace("_", "-")) not in known:
        raise UserError(f"radiogen {name}", f"there is no such command{nearest(name, known)}",
                        f"choose one of: {', '.join(sorted(known))}")
    sys.argv[0] = command_start(name).removeprefix("python ")
    return _call(importlib.import_module(known[name]).main)


def _first_line(module: str) -> str:
    return (importlib.import_module(module).__doc__ or "").split("\n", 1)[0]


def _call(main: Callable[..., object]) -> object:
    return call_main(main) if inspect.signature(main).parameters else main()
