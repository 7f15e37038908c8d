"""What gpu.py runs: plan.py says which parts in which order, runner.py runs each in a process of its own."""
