"""What a person sees in a terminal: tables, options and their help, what worker processes have to show."""
