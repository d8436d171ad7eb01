"""The noise models."""

from imae_core.catalog.entry import Entry, by_name

NOISES: dict[str, Entry] = by_name(
    Entry("symmetric", "Symmetric", "With probability r a label becomes one of the other K-1 classes, all equally likely.",
          source="IMAE, arXiv 1903.12141; the true class is excluded"),
    Entry("symmetric_inclusive", "Symmetric, true class included", "With probability r a label is drawn from all K "
          "classes, so only r(1 - 1/K) of them really change.", source="DivideMix, ELR, GJS"),
    Entry("pairflip", "Pair flip", "With probability r class i becomes class i+1 (the last becomes the first).",
          source="Han et al. 2018, arXiv 1804.06872"),
    Entry("asymmetric", "Asymmetric", "With probability r a class becomes its look-alike (for CIFAR-10: truck → automobile, "
          "bird → airplane, deer → horse, cat ↔ dog). Classes without one stay clean.",
          source="Patrini et al. 2017, arXiv 1609.03683; chosen from the clean labels"),
    Entry("transition_matrix", "Transition matrix", "Your own matrix: row = true class, column = given class, each row "
          "sums to 1. The noise rate follows from it.", source="yours"),
)  # fmt: skip
