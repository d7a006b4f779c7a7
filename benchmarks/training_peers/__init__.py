"""What `training.py` compares: one script per contender, each run by its own Python."""
