"""The parts of the page Clean labels: the ranking, the review queue, the estimates, and what is made of the result."""
