"""Who is whose partner, by plain loops: ADCA's votes and PGM's matching on ``tiny``'s world."""

from collections import Counter

import torch
from plain import means
from scipy.optimize import linear_sum_assignment
from tiny import MODALITY, OWN, R, V

Partners = dict  # modality -> cluster -> partner
THRESHOLD = 0.5


def votes(x: torch.Tensor) -> Partners:
    """One to one, by a sorted list of all close pairs of the images of unit features (36, d)."""
    v, r = x[MODALITY == V], x[MODALITY == R]
    close = [(float(a @ b), i, j) for i, a in enumerate(v) for j, b in enumerate(r)]
    close = sorted((c for c in close if c[0] >= THRESHOLD), reverse=True)
    number = Counter((OWN[V][i], OWN[R][j]) for _, i, j in close)
    found = {V: {}, R: {}}
    for (i, j), _ in sorted(number.items(), key=lambda item: -item[1]):
        if -1 not in (i, j) and i not in found[V] and j not in found[R]:
            found[V][i], found[R][j] = j, i
    return found


def matching(x: torch.Tensor) -> Partners:
    """One to one between the mean features, then the singles of the visible side again."""
    visible, infrared = (means(x[MODALITY == m], OWN[m]) for m in (V, R))
    cost = 1 / (visible @ infrared.T).exp()
    pairs = dict(zip(*linear_sum_assignment(cost), strict=True))
    back = {j: i for i, j in pairs.items()}
    single = [i for i in range(len(cost)) if i not in pairs]
    for i, j in zip(*linear_sum_assignment(cost[single]), strict=True):
        pairs[single[i]] = j
    return {V: pairs, R: back}


def with_partners(at: torch.Tensor, label: list, partner: dict) -> tuple[torch.Tensor, list]:
    """Positions whose cluster has a partner, and that partner: the others learn nothing."""
    return at[[y in partner for y in label]], [partner[y] for y in label if y in partner]


PAIRING = {"voted": votes, "pgm": matching, "none": lambda x: {V: {}, R: {}}}
