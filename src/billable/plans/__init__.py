"""The plans room: changes of plan and of seats, what they would do, and how they are undone."""
