"""The changes room: what a change of plan credits, charges and gives, and how it is carried out."""
