"""How a command ends: one line and exit code 2 for the user's mistakes, a traceback for ours."""

import os
import pickle
import signal
import subprocess
import sys

import pytest

from radiogen.core.errors import UserError

PROGRAM = "import os\nfrom radiogen.core.errors import *\ndef main():\n    {}\nrun_command(main)"


def _run(body: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", PROGRAM.format(body)], capture_output=True, text=True)


def test_a_users_mistake_is_one_line_and_exit_code_2():
    end = _run("raise UserError('labels.csv', 'row 3 is odd', 'mend it')")
    assert (end.returncode, end.stderr, end.stdout) == (2, "error: labels.csv: row 3 is odd; mend it\n", "")


def test_a_bug_keeps_its_traceback():
    end = _run("1 / 0")
    assert end.returncode == 1
    assert "ZeroDivisionError" in end.stderr and "Traceback" in end.stderr


def test_a_file_that_the_system_refuses_is_one_line_and_exit_code_2():
    end = _run("raise PermissionError(13, 'Permission denied', 'models/one')")
    assert (end.returncode, len(end.stderr.splitlines())) == (2, 1)
    assert end.stderr.startswith("error: models/one: is refused by the system (Permission denied); ")


def test_a_file_that_is_not_there_unexpectedly_stays_a_bug():
    end = _run("open('nowhere')")
    assert end.returncode == 1 and "Traceback" in end.stderr


def test_sigterm_ends_with_a_line_that_says_how_to_go_on():
    end = _run("import os, signal, time; os.kill(os.getpid(), signal.SIGTERM); time.sleep(5)")
    assert end.returncode == 128 + signal.SIGTERM
    assert end.stderr.startswith("stopped: what was finished is kept; resume with:")


def test_ctrl_c_ends_without_a_traceback():
    end = _run("import os, signal, time; signal.signal(signal.SIGINT, signal.default_int_handler); "  # a job in the
               "os.kill(os.getpid(), signal.SIGINT); time.sleep(5)")  # background inherits that it is ignored
    assert end.returncode == 130
    assert "Traceback" not in end.stderr


def test_a_command_that_loses_the_signal_ends_nevertheless_and_says_so_once():
    body = ("import contextlib, os, signal, time; from radiogen.core import errors; errors.PATIENCE_SECONDS = 0.1\n"
            "    with contextlib.suppress(BaseException):\n"
            "        os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)\n"
            "    time.sleep(60)")
    end = _run(body)
    assert end.returncode == 128 + signal.SIGTERM
    assert len(end.stderr.splitlines()) == 1 and "resume with:" in end.stderr


def test_a_signal_that_comes_when_all_is_done_does_not_make_a_failure_of_it():
    for number in ("SIGINT", "SIGTERM"):
        end = _run(f"import atexit; atexit.register(lambda: os.kill(os.getpid(), signal.{number})); print('done')")
        assert (end.returncode, end.stdout, end.stderr) == (0, "done\n", "")


def test_a_reader_that_leaves_early_is_no_error():
    shell = f"{sys.executable} -c \"{PROGRAM.format('[print(n) for n in range(10**5)]')}\" | head -1"
    end = subprocess.run(shell, shell=True, capture_output=True, text=True, env={**os.environ})
    assert (end.stdout, end.stderr) == ("0\n", "")


def test_the_error_of_a_worker_process_arrives_whole():
    error = pickle.loads(pickle.dumps(UserError("a.dcm", "is cut off", "copy it again")))
    assert isinstance(error, UserError)
    assert (error.where, error.problem, error.remedy) == ("a.dcm", "is cut off", "copy it again")


def _said(redirection: str, body: str, **environment: str) -> subprocess.CompletedProcess:
    """The program in a shell that redirects its output."""
    buffered = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    return subprocess.run(["sh", "-c", f'exec "$0" -c "$1" {redirection}', sys.executable, PROGRAM.format(body)],
                          capture_output=True, text=True, env={**buffered, **environment})


def test_a_closed_output_is_reported_before_anything_is_done(tmp_path):
    end = _said(">&-", f"open({str(tmp_path / 'made')!r}, 'w')")
    message = "error: standard output: is closed; send it to a file, or to /dev/null\n"
    assert (end.returncode, end.stderr) == (2, message)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("environment", [{}, {"PYTHONUNBUFFERED": "1"}])
def test_an_output_that_is_full_is_one_line(environment):
    for body in ("print('hello')", "print('hello', flush=True)", "[print(n) for n in range(10**5)]"):
        end = _said(">/dev/full", body, **environment)
        assert end.returncode == 2 and end.stderr.startswith("error: standard output: cannot be written (No space left")
        assert end.stderr.count("\n") == 1


def test_a_mistake_keeps_its_line_and_its_code_whatever_becomes_of_the_output():
    body = "print('hello'); raise UserError('labels.csv', 'row 3 is odd', 'mend it')"
    for redirection in (">/dev/full", "2>&-", "2>/dev/full"):
        end = _said(redirection, body)
        assert end.returncode == 2 and "Traceback" not in end.stderr
        assert "2>" in redirection or end.stderr.startswith("error: labels.csv: row 3 is odd; mend it\n")


def test_a_standard_error_that_is_closed_does_not_become_the_first_file(tmp_path):
    path = tmp_path / "made"
    end = _said("2>&-", f"file = open({str(path)!r}, 'w'); os.write(2, b'lost'); file.close(); print('done')")
    assert (end.returncode, end.stdout, path.read_text()) == (0, "done\n", "")


def test_a_disk_that_is_full_elsewhere_stays_what_it_is():
    end = _run("raise OSError(28, 'No space left on device')")
    assert end.returncode == 1 and "Traceback" in end.stderr
