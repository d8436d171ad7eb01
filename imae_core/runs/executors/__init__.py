"""Where workers run. Every executor has the interface of `base.Executor`."""
