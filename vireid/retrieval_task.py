"""Query and galleries of a data set, and the scores a network reaches on them."""

import warnings
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
import torch

from vireid.arguments import check_unit
from vireid.bias import NoCentreError, centre
from vireid.evaluation.reranking import cmrr
from vireid.evaluation.retrieval import evaluate, kept_pairs, mean_over_trials
from vireid.evaluation.verification import TrialROC, roc_over_trials
from vireid.features import extract
from vireid.identity import rows_digest
from vireid.types import Embeddings, Images

RANKS = (1, 5, 10, 20)


@dataclass(frozen=True, repr=False)
class RetrievalTask:
    """One query set against the galleries of several trials.

    Parameters
    ----------
    query : the query table
    gallery : every picture that occurs in some gallery, once (in each of its tracklets)
    trials : row numbers into ``gallery``, one array a trial
    protocol : "sysu", "regdb", "llcm" or "vcm"; see ``evaluation.evaluate``

    Where the tables' pictures are frames of tracklets, scores compare tracklets: each is the mean
    of its pictures' features, at unit length, and the one gallery is all tracklets.
    """

    __test__ = False  # a record, not a test case

    query: Images
    gallery: Images
    trials: tuple[np.ndarray, ...]
    protocol: str

    def __repr__(self) -> str:
        draws = f"{len(self.trials)} galleries of {len(self.trials[0])}"
        return f"RetrievalTask({self.protocol}: {self.query!r} in {draws} from {self.gallery!r})"

    @property
    def fingerprint(self) -> str:
        """Changes with any picture, identity, camera, gallery draw or the protocol."""
        drawn = rows_digest(self.query.identity, self.gallery.identity, *self.trials)
        parts = (self.protocol, self.query.fingerprint, self.gallery.fingerprint, drawn)
        return "-".join(parts)

    def embed(self, model, **options) -> tuple[Embeddings, Embeddings]:
        """Features of (query, gallery)."""
        return extract(model, self.query, **options), extract(model, self.gallery, **options)

    def compared(
        self, query: Embeddings, gallery: Embeddings
    ) -> tuple[Embeddings, Embeddings, tuple[np.ndarray, ...]]:
        """What is compared, pictures or tracklets, and the rows of each trial's gallery.

        Raises ValueError for rows of another length than 1: products of them rank by length, too.
        """
        check_unit(query.x, "the query"), check_unit(gallery.x, "the gallery")
        if self.gallery.tracklet is None:
            return query, gallery, self.trials
        query, gallery = pooled(query, self.query.tracklet), pooled(gallery, self.gallery.tracklet)
        return query, gallery, (np.arange(len(gallery)),)

    def score(self, query: Embeddings, gallery: Embeddings) -> dict[str, float | None]:
        """Mean over trials of rank-1/5/10/20, mAP and mINP, with rank-1's spread over trials.

        ``*_centred`` are the same after subtracting each modality's mean feature: the control; None
        where that leaves a row without a direction, as of a single query or gallery picture.
        """
        query, gallery, trials = self.compared(query, gallery)
        scores = self._over_trials(query, gallery, trials)
        n, centred = len(query), {}
        with suppress(NoCentreError):  # the control has no such score
            both = centre(joined(query, gallery))
            centred = self._over_trials(both.rows(range(n)), both.rows(range(n, len(both))), trials)
        return scores | {f"{k}_centred": centred.get(k) for k in ("rank1", "mAP")}

    def score_reranked(
        self, query: Embeddings, gallery: Embeddings, *, k: int = 15, eta: float = 0.1
    ) -> dict[str, float]:
        """As ``score``, without the control, after re-ranking by ``evaluation.cmrr``.

        It looks at all queries at once: of some of them the scores are others. ``k`` and ``eta`` as
        there; eta=1 is plain ranking. Report it apart from plain ranking.
        Source: MULT (arXiv 2402.00672), CMRR.
        """
        query, gallery, trials = self.compared(query, gallery)

        def similarity(rows):
            with warnings.catch_warnings():  # small galleries cut the lists; the caller chose k
                warnings.filterwarnings("ignore", message=r"k=\d+ asks for", category=UserWarning)
                return -cmrr(query.x, gallery.x[rows], k=k, eta=eta)

        return self._scores(query, gallery, trials, similarity)

    def roc(self, query: Embeddings, gallery: Embeddings) -> TrialROC:
        """True against false positives of "same person" over the pairs the protocol compares."""
        query, gallery, trials = self.compared(query, gallery)
        similarity = query.x @ gallery.x.T  # (q, g)
        return roc_over_trials(
            (
                similarity[:, rows],
                query.identity,
                gallery.identity[rows],
                kept_pairs(
                    query.identity, gallery.identity[rows],
                    query.camera, gallery.camera[rows], protocol=self.protocol,
                ),
            )
            for rows in map(torch.as_tensor, trials)
        )  # fmt: skip

    def _over_trials(self, query: Embeddings, gallery: Embeddings, trials) -> dict[str, float]:
        similarity = query.x @ gallery.x.T  # (q, g)
        return self._scores(query, gallery, trials, lambda rows: similarity[:, rows])

    def _scores(self, query: Embeddings, gallery: Embeddings, trials, similarity) -> dict:
        """``similarity`` of a trial's gallery rows, (q, rows)."""
        found = [
            evaluate(
                similarity(rows),
                query.identity,
                gallery.identity[rows],
                query.camera,
                gallery.camera[rows],
                protocol=self.protocol,
            )
            for rows in map(torch.as_tensor, trials)
        ]
        mean = mean_over_trials(found)
        return {f"rank{k}": mean.rank(k) for k in RANKS} | {
            "mAP": mean.mAP,
            "mINP": mean.mINP,
            "rank1_over_trials_sd": float(mean.cmc_std[0]),
            "trials": mean.trials,
        }


def pooled(embeddings: Embeddings, tracklet: np.ndarray) -> Embeddings:
    """One row a tracklet, by number: the mean of its rows at unit length, and its first row's ids.

    Source: temporal average pooling of VCM-project233/MITML and dyhBUPT/BUPTCampus. Differs: they
    average inside a network that is trained on tracklets.
    """
    _, first, group = np.unique(tracklet, return_index=True, return_inverse=True)
    x, group = embeddings.x, torch.as_tensor(group, device=embeddings.x.device)
    sums = x.new_zeros(len(first), x.shape[1]).index_add_(0, group, x)
    return replace(embeddings.rows(first), x=torch.nn.functional.normalize(sums, dim=1))


def joined(*parts: Embeddings) -> Embeddings:
    """Tables of embeddings one below the other."""
    identity = None
    if all(p.identity is not None for p in parts):
        identity = torch.cat([p.identity for p in parts])
    return Embeddings(
        torch.cat([p.x for p in parts]),
        torch.cat([p.modality for p in parts]),
        torch.cat([p.camera for p in parts]),
        identity,
    )


def retrieval_task(query: Images, galleries: list[Images], protocol: str) -> RetrievalTask:
    """Merge the galleries of all trials so that each picture is encoded once.

    A frame that several tracklets share is a picture of each: none of them loses it.
    """

    def keys(table: Images) -> list:
        if isinstance(table.source, np.ndarray):
            pictures = [picture.tobytes() for picture in table.source]
        else:
            pictures = map(str, table.source)
        tracklet = [None] * len(table) if table.tracklet is None else table.tracklet
        return list(zip(pictures, table.camera, table.identity, tracklet, strict=True))

    place, first, trials = {}, [], []
    for t, gallery in enumerate(galleries):
        rows = []
        for i, key in enumerate(keys(gallery)):
            if key not in place:
                place[key] = len(place)
                first.append((t, i))
            rows.append(place[key])
        trials.append(np.array(rows))
    if any(gallery.tracklet is not None for gallery in galleries[1:]):
        raise ValueError(f"{len(galleries)} galleries of tracklets; there is one: leave trials out")
    parts = [
        gallery.rows(np.array([i for owner, i in first if owner == t], dtype=int))  # maybe none
        for t, gallery in enumerate(galleries)
    ]
    return RetrievalTask(query, stacked(parts), tuple(trials), protocol)


retrieval_task.__test__ = False


def stacked(tables: list[Images]) -> Images:
    """Tables of one kind one below the other."""
    head = tables[0]
    in_memory = isinstance(head.source, np.ndarray)
    return Images(
        source=np.concatenate([t.source for t in tables])
        if in_memory
        else [path for t in tables for path in t.source],
        modality=np.concatenate([t.modality for t in tables]),
        camera=np.concatenate([t.camera for t in tables]),
        identity=np.concatenate([t.identity for t in tables]),
        size=head.size,
        name=head.name,
        tracklet=None if head.tracklet is None else np.concatenate([t.tracklet for t in tables]),
    )
