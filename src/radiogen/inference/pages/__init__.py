"""What is written of a predicted run for eyes, where the images themselves are needed: evaluation never reads one.

Read first: `report_images.py`.
"""
