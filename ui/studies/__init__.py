"""What the Studies page is made of."""
