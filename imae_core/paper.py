"""What the paper published: arXiv 1903.12141, final version, Table 6. Percent; no standard deviations were given."""

TABLE_6: tuple[tuple[str | float, ...], ...] = (
    ("net", "noise %", "loss", "best", "final", "noisy subset", "clean subset", "hybrid"),
    ("ResNet20", 0, "CCE", 91.5, 91.3, "-", 100, 98.5),
    ("ResNet20", 0, "MAE", 89.3, 89.2, "-", 95.8, 94.7),
    ("ResNet20", 0, "IMAE", 91.7, 91.4, "-", 99.8, 98.4),
    ("ResNet20", 40, "CCE", 81.2, 67.0, 34.3, 93.3, 72.6),
    ("ResNet20", 40, "MAE", 76.2, 75.9, 6.8, 84.6, 79.7),
    ("ResNet20", 40, "IMAE", 84.3, 84.0, 5.5, 94.0, 88.2),
    ("ResNet20", 80, "CCE", 43.0, 20.3, 38.3, 57.0, 22.0),
    ("ResNet20", 80, "MAE", 27.7, 27.5, 9.7, 29.4, 27.8),
    ("ResNet20", 80, "IMAE", 52.0, 41.0, 16.8, 64.8, 41.5),
    ("ResNet56", 0, "CCE", 92.4, 92.2, "-", 100, 98.7),
    ("ResNet56", 0, "MAE", 89.0, 89.0, "-", 96.1, 94.9),
    ("ResNet56", 0, "IMAE", 92.2, 92.2, "-", 99.8, 98.5),
    ("ResNet56", 40, "CCE", 81.6, 63.3, 75.0, 96.2, 63.6),
    ("ResNet56", 40, "MAE", 67.0, 66.9, 8.1, 74.3, 70.2),
    ("ResNet56", 40, "IMAE", 82.2, 81.5, 6.5, 93.1, 86.5),
    ("ResNet56", 80, "CCE", 38.2, 16.4, 52.5, 62.3, 18.7),
    ("ResNet56", 80, "MAE", 15.2, 15.1, 9.6, 15.6, 15.1),
    ("ResNet56", 80, "IMAE", 37.1, 34.0, 13.0, 44.7, 34.8),
)
