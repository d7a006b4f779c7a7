"""What is wrong with the data: one check per file, each with a remedy."""
