"""The renewals room: the orders that pay for the next periods of subscriptions, made ahead and called off."""
