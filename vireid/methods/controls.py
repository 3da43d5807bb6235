"""The controls: rows that every method with two stages has, whatever it does itself.

A cheap rival that takes as many steps, a cheap repair of the gap, and an upper bound. They stand in
no paper; a method that does not beat the first two has shown nothing.
"""

from dataclasses import dataclass

from vireid.bias import centre
from vireid.types import Embeddings

CONTROLS = {  # row -> what it is
    "prolonged": "only stage 1's losses go on, for as many steps",
    "centred": "each modality's mean is subtracted before modalities are compared",
    "oracle": "true identities in place of what is guessed: an upper bound, not unsupervised",
}


def controls(*, prolonged: dict, oracle: dict, centred: dict | None = None) -> dict[str, dict]:
    """The three rows, as changes to a preset: how a method is told each.

    ``centred`` is ``centring`` on top of the whole method, where nothing else is given.
    """
    centred = {"centring": True} if centred is None else centred
    return {"prolonged": prolonged, "centred": centred, "oracle": oracle}


@dataclass(kw_only=True)
class Controlled:
    """What methods with controls share; inherited beside ``Method``.

    Parameters
    ----------
    centring : subtract each modality's mean feature before the modalities are compared (a control
        of ours, in none of the papers)
    """

    centring: bool = False

    def compared(self, train: Embeddings) -> Embeddings:
        """What modalities are compared by: the features, centred where that is asked for."""
        return centre(train) if self.centring else train
