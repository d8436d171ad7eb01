"""What is known of the truth of labels."""

import pandas as pd


def truth_is_known(examples: pd.DataFrame) -> bool:
    """Whether it is known which examples are corrupted.

    Args:
        examples: true_label (N,), -1 where no class is right or the truth is not known, and is_corrupted (N,).
    """
    true, corrupted = examples["true_label"], examples["is_corrupted"]
    return not len(examples) or bool((true >= 0).any() or corrupted.fillna(False).any())
