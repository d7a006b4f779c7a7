"""One file per format: `recognise(row)`, `read(row)` and `write(record, dialect)`."""
