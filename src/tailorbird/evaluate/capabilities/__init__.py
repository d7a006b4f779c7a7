"""What a language model can do in general: one file per ability that tuning may have cost it."""
