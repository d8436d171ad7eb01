"""The nets."""

from imae_core.catalog.entry import Entry, Parameter, by_name

MODELS: dict[str, Entry] = by_name(
    Entry("mlp", "MLP", "Two hidden layers of 256: seconds on a CPU; for digits and tables.",
          (Parameter("hidden", 256, 1, 8192, 1, "Width of the two hidden layers.", "design", integer=True),)),
    Entry("small_cnn", "Small CNN", "Three convolutions: minutes on a CPU; for quick looks at pictures.",
          (Parameter("width", 32, 1, 512, 1, "Channels of the first convolution; they double twice.", "design",
                     integer=True),)),
    Entry("fast_cnn", "Fast CNN", "Seven convolutions, the first set to whiten the training pictures: learns in a few epochs; for "
          "looks at losses before a long run.",
          (Parameter("width", 64, 1, 512, 1, "Channels of the first group of convolutions; the others have four times as many. 64: "
                     "2.0 M parameters, made for a GPU; 16: 0.1 M, made for a CPU.", "Jordan 2024, arXiv 2404.00498",
                     integer=True),),
          source="Jordan 2024, arXiv 2404.00498; whitening by Page 2018, How to Train Your ResNet"),
    Entry("cnn8", "8-layer CNN", "Six convolutions and two linear layers, 1.6 M parameters; made for a GPU. What APL and the "
          "asymmetric losses are compared on.", source="Ma et al. 2020, arXiv 2006.13554, and its public code"),
    *(Entry(f"resnet{depth}", f"ResNet-{depth} (CIFAR)", f"He et al.'s CIFAR net, {size} M parameters; made for a GPU.",
            (Parameter("projection", 0, 0, 1, 1, "0: parameter-free shortcuts (He's option A). 1: 1×1 convolution and "
                       "batch norm (the authors' CIFAR-100 code).", "He et al. 2016, arXiv 1512.03385", integer=True),),
            source="He et al. 2016, arXiv 1512.03385")
      for depth, size in ((20, "0.27"), (32, "0.46"), (44, "0.66"), (56, "0.85"))),
    Entry("resnet34", "ResNet-34 (wide)", "He et al.'s ImageNet net with a stem for small pictures, 21.3 M parameters; made for "
          "a GPU. What ELR, GCE and SL are compared on.", source="He et al. 2016, arXiv 1512.03385; stem of ELR's code, arXiv 2007.00151"),
)  # fmt: skip
