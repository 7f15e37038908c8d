"""The progress display: a table on a terminal, whole lines without control characters in a log, nothing of what is
over at once."""

import io
import os
import pty
import re
import select
import subprocess
import sys
import threading

import pytest

from radiogen.core import progress as module
from radiogen.core.progress import BarState, close_of_worker, count_text, line_text, one_display, progress, row_order
from radiogen.core.progress import show_of_worker as show

LOOPS = """
import sys, time
from radiogen.core import progress
with progress.one_display():
    bars = [progress.progress(None, f"fold {number}", 4, "step") for number in (10, 2)]
    for step in range(4):
        for bar in bars:
            bar.note(f"epoch {step}  loss 0.5")
            bar.update()
            time.sleep(0.02)
    print("a line of the log", flush=True)
    for bar in bars:
        bar.close()
print("done")
"""


LONG = "loss 0.512/0.634  AUC 0.512/0.634  " * 3
NOTEBOOK = """
import logging
from radiogen.core import progress
from radiogen.core.console import log_to_console
progress.LOG_SECONDS = progress.STATE_SECONDS = 0
log_to_console()
for step in progress.progress(range(3), "predict"):
    logging.getLogger("radiogen.training").warning("something odd")
"""


def _on_terminal(columns, note="loss 0.5", **environment):
    """What LOOPS writes to a terminal of so many columns."""
    ours, theirs = pty.openpty()
    env = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(columns), "LINES": "20", **environment}
    program = LOOPS.replace("loss 0.5", note)
    process = subprocess.Popen([sys.executable, "-c", program], stdout=theirs, stderr=theirs, env=env)
    os.close(theirs)
    written = b""
    while select.select([ours], [], [], 60)[0]:
        try:
            written += os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
    os.close(ours)
    assert process.wait() == 0
    return written.decode()


def _rows(text):
    """The rows that stand in the end, from the last redrawing on."""
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text.rpartition("\x1b[2K")[2])
    return [line.strip() for line in plain.splitlines() if line.strip()]


def test_on_a_terminal_each_fold_has_its_row_in_the_order_of_its_number_and_lines_stand_above():
    text = _on_terminal(100)
    rows = _rows(text)
    assert [" ".join(row.split()[:2]) for row in rows] == ["fold 2", "fold 10", "done"]
    assert all("4/4 step" in row and "loss 0.5" in row for row in rows[:2])
    assert text.count("a line of the log") == 1 and text.rindex("\x1b[?25h") > text.rfind("\x1b[?25l")


def test_a_narrow_terminal_has_rows_that_fit_and_no_bars():
    rows = _rows(_on_terminal(40))
    assert [row.split()[0] for row in rows] == ["fold", "fold", "done"] and max(map(len, rows)) <= 40
    assert "━" not in "".join(rows)


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "ascii"])
def test_in_a_narrow_window_the_note_gives_way_and_the_count_stays(encoding):
    rows = _rows(_on_terminal(48, LONG, PYTHONIOENCODING=encoding, PYTHONUTF8="0"))[:2]
    assert [" ".join(row.split()[:4]) for row in rows] == ["fold 2 4/4 step", "fold 10 4/4 step"]
    assert max(map(len, rows)) <= 48 and "\\u" not in "".join(rows)
    assert all(row.endswith("…") == (encoding == "utf-8") for row in rows)


def test_a_console_of_old_windows_gets_signs_that_its_fonts_have():
    from rich.console import Console

    text = io.StringIO()
    console = Console(file=text, force_terminal=True, legacy_windows=True, width=100)
    shown = module._make_progress(console)
    shown.add_task("fold 0", total=4, completed=2, count="2/4 step", note=LONG, order=())
    console.print(shown.get_renderable())
    assert re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text.getvalue()).isascii() and "2/4 step" in text.getvalue()


def test_where_the_environment_says_so_nothing_is_shown():
    program = f"from radiogen.core import progress\nprogress.LOG_SECONDS = progress.STATE_SECONDS = 0\n{LOOPS}"
    for environment, shown in (({}, True), ({module.HIDDEN: "1"}, False)):
        end = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True,
                             env={**os.environ, **environment})
        assert end.stdout == "a line of the log\ndone\n" and bool(end.stderr) == shown


@pytest.mark.slow  # starts a kernel of Jupyter
def test_a_notebook_gets_whole_lines_without_control_characters():
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(NOTEBOOK)])
    nbclient.NotebookClient(notebook, timeout=120).execute()
    text = "".join(output["text"] for output in notebook.cells[0].outputs)
    assert text.count("warning: something odd\n") == 3 and "predict: 2/3 case, 67 %" in text and "\x1b" not in text


def test_no_color_means_no_colour_and_a_dumb_terminal_gets_no_control_characters():
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", _on_terminal(100, NO_COLOR="1"))
    assert "\x1b" not in _on_terminal(100, TERM="dumb")


def test_a_console_without_utf_8_gets_bars_of_plain_characters():
    assert _on_terminal(100, PYTHONIOENCODING="ascii", PYTHONUTF8="0").isascii()


@pytest.fixture
def screen(monkeypatch):
    """A display of its own, whose clock the test moves; `at` is the time."""
    made = module._Screen()
    made.at = made.last_line = 1000.0
    monkeypatch.setattr(module, "_SCREEN", made)
    monkeypatch.setattr(module.time, "monotonic", lambda: made.at)
    monkeypatch.setattr(module, "is_terminal", lambda: False)
    return made


def test_what_is_over_within_half_a_minute_leaves_no_line_in_a_log(screen, capsys):
    screen.last_line = 0.0
    for _ in progress(range(14), "predict"):
        screen.at += 1
    assert capsys.readouterr() == ("", "")


def test_a_log_has_a_line_every_half_minute_for_all_rows_together(screen, capsys):
    with one_display():
        bars = [progress(None, f"fold {number}", 100, "step") for number in (1, 0)]
        for _ in range(50):
            screen.at += 2
            for bar in bars:
                bar.note("epoch 1/9  loss 0.500/0.600")
                bar.update()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert re.fullmatch(r"fold 0: 14/100 step, 14 %, epoch 1/9 loss 0.500/0.600, .* left; fold 1: 15/100 step.*",
                        lines[0])


def test_the_time_left_is_that_of_the_steps_made_here():
    state = BarState("k", "fold 0", 100, "step", initial=80, done=90)
    assert line_text(state, 60, since=80) == "fold 0: 90/100 step, 90 %, 1 min 0 s left"


def test_a_slow_first_step_does_not_count_in_the_time_left(screen, capsys):
    screen.last_line, bar = 0.0, progress(None, "inspect", 100, "series")
    for seconds in (60, 1, 1, 1, 40):
        screen.at += seconds
        bar.update()
    bar.close()
    assert [line.rpartition(", ")[2] for line in capsys.readouterr().err.splitlines()] == ["1 %", "17 min 1 s left"]


def test_bytes_are_counted_as_sizes_and_what_has_no_end_has_no_share():
    assert count_text(BarState("k", "file", 31_000_000, "B", done=12_000_000)) == "12 MB/31 MB"
    assert line_text(BarState("k", "files", None, "file", done=3), 9, 0) == "files: 3 file"


def test_rows_are_ordered_by_the_numbers_in_their_names():
    states = [BarState(str(place), f"fold {number}", 1, "step") for place, number in enumerate((10, 9, 1))]
    assert [state.description for state in sorted(states, key=row_order)] == ["fold 1", "fold 9", "fold 10"]


def test_rows_of_a_worker_that_died_are_closed_with_it(screen):
    keys = set()
    with one_display():
        assert show(BarState("9-1", "fold 0", 4, "step"), keys) and not show(("answer", None), keys)
        close_of_worker(keys)
        assert not screen.states["9-1"].open
    assert screen.states == {}


def test_a_loop_that_is_left_early_ends_its_row(screen):
    for _ in progress(range(3), "predict"):
        break
    assert screen.states == {}


def test_bars_of_several_threads_are_one_display(screen):
    threads = [threading.Thread(target=lambda: list(progress(range(200), "x"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert screen.states == {} and screen.held == 0
