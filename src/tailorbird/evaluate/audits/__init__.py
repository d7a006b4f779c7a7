"""What may have broken beside the score: one file per audit of a rung that was measured."""
