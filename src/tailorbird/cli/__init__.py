"""One file per command; nothing heavy is imported to print --help."""
