"""Ways to choose what to label next: one file each; the file name is the registry."""
