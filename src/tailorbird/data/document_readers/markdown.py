"""Markdown: its source is what models read, and passages are cut at its headings."""

from tailorbird.data.document_readers.plain import read

__all__ = ["SUFFIXES", "read"]

SUFFIXES = (".md", ".markdown")
