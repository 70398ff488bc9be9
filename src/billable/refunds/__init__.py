"""Money that goes back: refunds, and disputes that may end in one."""
