"""Runs that outlive the browser: the store, the runner, the worker and the run folder."""
