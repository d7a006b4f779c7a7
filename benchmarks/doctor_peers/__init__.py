"""How copies are found by others, each in a process of its own."""
