"""What is reached where the best that is possible, or a published figure, is known: studies.py first."""
