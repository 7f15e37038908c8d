"""Two commands at once over one data set, cache and run: trials.py."""
