"""What `benchmarks/fledgling.py` measures: one file per part, each with `NEEDS` and `measure`."""
