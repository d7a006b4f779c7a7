"""Readers of documents, one file per kind."""
