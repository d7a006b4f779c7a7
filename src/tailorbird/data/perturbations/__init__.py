"""Ways to say the same thing otherwise: one file per perturbation of an input."""
