"""Language models as judges, and how far people agree with them."""
