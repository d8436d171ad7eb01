"""What recorded dynamics say: weights, detection, trajectories. NumPy, pandas and scikit-learn; no torch, no I/O."""
