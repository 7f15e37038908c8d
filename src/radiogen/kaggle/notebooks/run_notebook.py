"""Run a notebook as Kaggle does: by Jupyter, cell after cell, in an IPython kernel of this interpreter.

In: the notebook and where to write it with its outputs. Out: what the cells print, as they print it; exit code 1 at the
first cell that fails, with its error as the last line. This file runs by itself in an environment without radiogen: it
imports nothing of the package.
"""

import fcntl
import os
import socket
import struct
import sys
from typing import Any

_SET_FLAGS, _UP = 0x8914, 0x1 | 0x40
"""The system call that switches a network device on (netdevice(7): SIOCSIFFLAGS; IFF_UP and IFF_RUNNING)."""


def main(notebook: str, executed: str) -> int:
    """Run the notebook in the current folder; returns the exit code."""
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, DeadKernelError

    switch_loopback_on()
    content = nbformat.read(notebook, as_version=4)
    client = NotebookClient(content, timeout=None, kernel_name="python3", on_cell_executed=_show,
                            resources={"metadata": {"path": os.getcwd()}})  # noqa: PTH109  (no other import than needed)
    try:
        client.execute()
    except CellExecutionError as error:
        print(f"{error.ename}: {error.evalue.splitlines()[0] if error.evalue else ''}", flush=True)
        return 1
    except DeadKernelError:
        print("the kernel died, as it does where memory runs out", flush=True)
        return 1
    finally:
        nbformat.write(content, executed)
    return 0


def switch_loopback_on() -> None:
    """In a new network namespace not even 127.0.0.1 is reached, by which Jupyter talks to its kernel."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
        try:
            fcntl.ioctl(device, _SET_FLAGS, struct.pack("16sh14x", b"lo", _UP))
        except OSError:  # it is on already, and only its owner may change it
            return


def _show(cell: Any, **_: object) -> None:
    """Print what a cell has printed, and its error with the lines that led to it."""
    for output in cell.get("outputs", ()):
        if output["output_type"] == "stream":
            print(output["text"], end="", flush=True)
        elif output["output_type"] == "error":
            print("\n".join(output["traceback"]), flush=True)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
