"""Rows that nobody wrote: one file per generator, one file per filter beside them."""
