"""The table of benchmarks/speed/memory.py has a row a series and a multiple of what is stored in every cell."""

import subprocess
import sys
from pathlib import Path

MEMORY = Path(__file__).resolve().parents[3] / "benchmarks" / "speed" / "memory.py"


def test_each_cell_is_the_peak_of_a_process_as_a_multiple_of_the_voxels_as_stored(tmp_path):
    end = subprocess.run([sys.executable, str(MEMORY), "--folder", str(tmp_path), "--slices", "60", "--pixels", "512",
                          "--only", "uint16, rescaled", "--outputs", "read_series", "read_cube"],
                         capture_output=True, text=True)
    assert end.returncode == 0, end.stderr
    head, _, row = [[cell.strip() for cell in line.strip("|").split("|")] for line in end.stdout.splitlines()]
    assert head == ["series", "reader", "read_series", "read_cube"]
    assert row[:2] == ["files of uint16, rescaled to float32", "fast"]
    assert 1.9 < float(row[2]) < 2.5 and float(row[3]) < 1  # float32 of uint16; a cube of 64 is made while it is read
