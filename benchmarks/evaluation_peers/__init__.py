"""How items are evaluated by others, each run by the Python of its own environment."""
