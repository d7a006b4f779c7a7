"""Whom an input is about or from: one file per dimension along which people are told apart."""
