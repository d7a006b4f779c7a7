"""Does an answer say what its sources do not? One file per detector."""
