"""One file per objective: what a batch is, its loss and its weight."""
