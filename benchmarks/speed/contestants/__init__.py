"""Programs that a benchmark of speed starts, each in a process of its own: who is timed, not who times."""
