"""One file per measure of all answers together: `value`, `weighted`, KINDS, BETTER, SUMMARY."""
