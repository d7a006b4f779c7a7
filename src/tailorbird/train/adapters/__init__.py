"""One file per way in which weights may change."""
