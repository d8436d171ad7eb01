"""The parts of the page Loss lab: chosen curves, their figures, sweeps, and what they would do to a run's examples."""
