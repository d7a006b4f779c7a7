"""Chunks, sparse, dense and hybrid search; an index is a folder."""
