"""WHAT GOOD MEANS, settled before any model is chosen."""
