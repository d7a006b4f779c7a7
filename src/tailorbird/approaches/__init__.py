"""THE LADDER, one file per way to solve the task, cheap to dear."""
