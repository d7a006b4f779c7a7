"""The embedded base model: small, offline, made here, and how it was made.

mix (tasks/, real_text)   what it reads: an endless, seeded stream of documents
tokenizer                 how text becomes tokens
shape                     how large it is, and what its weights are before training
muon                      how its weights change
"""
