"""Data sets: built-in ones, pickers, storage, and batches on the device. Only `batches` imports torch at once."""
