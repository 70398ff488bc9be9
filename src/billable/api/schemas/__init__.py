"""What comes in and what goes out, one file per room. ``base`` has what they share."""
