"""IMAE: understand a loss through the weight that it gives each training example."""

__version__ = "0.1.0"
