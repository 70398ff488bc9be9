"""The subscriptions room: what is paid for again and again. Windows and status are computed, never swept."""
