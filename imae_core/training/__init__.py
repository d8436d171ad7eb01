"""The training loop and its recording. Knows neither the store nor the pages: it reports to an observer."""
