"""New examples with provenance: what to label next, who said what, and what was agreed."""
