"""Reading recorded events: which calls to make, how pages join, what rows come out."""
