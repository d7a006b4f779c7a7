"""Which of the rows that were made up may stay: one file per filter."""
