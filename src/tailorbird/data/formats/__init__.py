"""One file per format: `recognise(row)` and `convert(row)`."""
