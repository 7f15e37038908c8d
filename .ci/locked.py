"""Run a command while no other holds the same lock: `python locked.py LOCK WHAT COMMAND ...`; a second one waits.

The lock is the system's own. Every process of the command inherits it, so it is held until the last of them has ended,
however it ends: nothing is left to clean up. The standard library alone, for this runs before anything is installed.
"""

import errno
import fcntl
import os
import sys

NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
"""What a file system without locks answers: the command then runs unlocked, as it would alone."""


def hold(path: str, what: str) -> None:
    """Take the lock at `path`, waiting for whoever has it, and hand it on to every process that this one starts."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    os.set_inheritable(descriptor, True)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"another process is at {what}: waiting for it to finish", flush=True)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise


if __name__ == "__main__":
    lock, what, *command = sys.argv[1:]
    try:
        hold(lock, what)
        os.execvp(command[0], command)
    except OSError as error:
        sys.exit(f"error: {error.filename or lock}: {error.strerror}; make the folder writable, then run make again")
    except KeyboardInterrupt:
        sys.exit(130)
