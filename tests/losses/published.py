"""The losses that need the whole prediction, as their papers write them: for torch scalars (autograd) or mpmath numbers.

Independent of the package. Every function takes the logits of one example (a list of numbers), its label, a library with
`exp`, `log` and `stop` (no gradient), and parameters by the paper's defaults.
"""

import math

import mpmath
import numpy as np
import torch

LOG_CLIP = math.log(1e-4)


class Torch:
    exp, log, stop = staticmethod(torch.exp), staticmethod(torch.log), staticmethod(torch.Tensor.detach)


class MP:
    exp, log = staticmethod(mpmath.exp), staticmethod(mpmath.log)
    stop = staticmethod(lambda x: x)  # cannot; variants that stop gradients are compared by autograd alone


def softmax(z, lib):
    powers = [lib.exp(x) for x in z]
    return [power / sum(powers) for power in powers]


def one_hot(y, K):
    return [1 if k == y else 0 for k in range(K)]


def cross_entropy(target, p, lib):
    return -sum(q * lib.log(x) for q, x in zip(target, p, strict=True))


def ce(z, y, lib):
    return -lib.log(softmax(z, lib)[y])


def brier(z, y, lib):
    p = softmax(z, lib)
    return sum((x - e) ** 2 for x, e in zip(p, one_hot(y, len(z)), strict=True))


def label_smoothing(z, y, lib, eps=0.1):
    K = len(z)
    return cross_entropy([(1 - eps) * e + eps / K for e in one_hot(y, K)], softmax(z, lib), lib)


def bootstrap_hard(z, y, lib, beta=0.8):
    p = softmax(z, lib)
    own = one_hot(max(range(len(p)), key=lambda k: p[k]), len(p))
    return cross_entropy([beta * e + (1 - beta) * o for e, o in zip(one_hot(y, len(p)), own, strict=True)], p, lib)


def bootstrap_soft(z, y, lib, beta=0.95, detach=0):
    p = softmax(z, lib)
    own = [lib.stop(x) for x in p] if detach else p
    return cross_entropy([beta * e + (1 - beta) * o for e, o in zip(one_hot(y, len(p)), own, strict=True)], p, lib)


def forward(z, y, lib, matrix):
    p = softmax(z, lib)
    return -lib.log(sum(float(matrix[j][y]) * p[j] for j in range(len(p))))


def backward(z, y, lib, matrix):
    inverse = np.linalg.inv(np.asarray(matrix))
    losses = [-lib.log(x) for x in softmax(z, lib)]
    return sum(float(inverse[y][j]) * losses[j] for j in range(len(losses)))


def nce(z, y, lib):
    logs = [lib.log(x) for x in softmax(z, lib)]
    return logs[y] / sum(logs)


def nfl(z, y, lib, gamma=0.5, detach=0):
    p = softmax(z, lib)
    terms = [(1 - (lib.stop(x) if detach else x)) ** gamma * lib.log(x) for x in p]
    return terms[y] / sum(terms)


def nce_mae(z, y, lib, alpha=1.0, beta=1.0):
    return alpha * nce(z, y, lib) + beta * (1 - softmax(z, lib)[y])


def rce(z, y, lib, A=LOG_CLIP):
    return -sum(x * (0 if k == y else A) for k, x in enumerate(softmax(z, lib)))


def nce_rce(z, y, lib, alpha=1.0, beta=1.0, A=LOG_CLIP):
    return alpha * nce(z, y, lib) + beta * rce(z, y, lib, A)


def nfl_rce(z, y, lib, alpha=1.0, beta=1.0, gamma=0.5, detach=0, A=LOG_CLIP):
    return alpha * nfl(z, y, lib, gamma, detach) + beta * rce(z, y, lib, A)


def nce_agce(z, y, lib, alpha=1.0, beta=4.0, a=6.0, q=1.5):
    return alpha * nce(z, y, lib) + beta * ((a + 1) ** q - (a + softmax(z, lib)[y]) ** q) / q


def nce_aul(z, y, lib, alpha=1.0, beta=4.0, a=6.3, q=1.5):
    return alpha * nce(z, y, lib) + beta * ((a - softmax(z, lib)[y]) ** q - (a - 1) ** q) / q


def nce_ael(z, y, lib, alpha=1.0, beta=4.0, a=5.0):
    return alpha * nce(z, y, lib) + beta * lib.exp(-softmax(z, lib)[y] / a)


def gjs(views, y, lib, pi1=0.5):
    """The entropy of the mixture less the mixture of the entropies, over Z; `views` holds the logits of each view."""
    K = len(views[0])
    weights = [pi1, *[(1 - pi1) / len(views)] * len(views)]
    distributions = [one_hot(y, K), *[softmax(z, lib) for z in views]]
    mixture = [sum(w * d[k] for w, d in zip(weights, distributions, strict=True)) for k in range(K)]
    inner = sum(w * cross_entropy(d, d, lib) for w, d in zip(weights[1:], distributions[1:], strict=True))
    return (cross_entropy(mixture, mixture, lib) - inner) / (-(1 - pi1) * math.log(1 - pi1))


def exp_t(u, t, lib):
    return lib.exp(u) if t == 1 else (1 + (1 - t) * u) ** (1 / (1 - t))


def log_t(x, t, lib):
    return lib.log(x) if t == 1 else (x ** (1 - t) - 1) / (1 - t)


def tempered_softmax(z, t, lib, steps=40):
    """Algorithm 1 of the paper, with as many steps as it takes."""
    if t == 1:
        return softmax(z, lib)
    top = max(z)
    shifted = [x - top for x in z]
    scaled = shifted
    for _ in range(steps):
        total = sum(exp_t(x, t, lib) for x in scaled)
        scaled = [x * total ** (1 - t) for x in shifted]
    total = sum(exp_t(x, t, lib) for x in scaled)
    normalizer = -log_t(1 / total, t, lib) + top
    return [exp_t(x - normalizer, t, lib) for x in z]


def bi_tempered(z, y, lib, t1=0.8, t2=1.2):
    p = tempered_softmax(z, t2, lib)
    value = 0
    for k, x in enumerate(p):
        e = 1 if k == y else 0
        value = value + (e * (0 - log_t(x, t1, lib)) if e else 0) - (e - x ** (2 - t1)) / (2 - t1)
    return value


def elr(z, y, lib, remembered, lam=3.0, clip=1e-4):
    p = softmax(z, lib)
    clipped = [x if clip <= x <= 1 - clip else (clip if x < clip else 1 - clip) for x in p]
    return -lib.log(p[y]) + lam * lib.log(1 - sum(t * x for t, x in zip(remembered, clipped, strict=True)))


def proselflc(z, y, lib, progress, B=10.0, start=0.5, detach=0):
    p = softmax(z, lib)
    K = len(p)
    sizes = [float(lib.stop(x)) for x in p]
    entropy = -sum(x * math.log(x) for x in sizes if x > 0)
    trust = (1 - entropy / math.log(K)) / (1 + math.exp(-B * (progress - start)))
    own = [lib.stop(x) for x in p] if detach else p
    return cross_entropy([(1 - trust) * e + trust * o for e, o in zip(one_hot(y, K), own, strict=True)], p, lib)
