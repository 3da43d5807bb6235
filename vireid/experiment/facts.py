"""What is known of each data set before its pictures are there: counts, sizes, protocol, tables."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Facts:
    """A data set on paper.

    Parameters
    ----------
    pictures : (visible, infrared) training pictures of one split; None when they depend on options
    people : training identities, or None
    size : (height, width) that networks are fed with
    modes : name -> options of ``data.load`` of each column of a published table
    splits : training splits that each need a network of their own
    draws : gallery draws that scores are averaged over
    protocol : in words
    """

    pictures: tuple[int, int] | None
    people: int | None
    size: tuple[int, int]
    modes: dict[str, dict]
    splits: tuple[int, ...]
    draws: int
    protocol: str


DIRECTIONS = {
    "visible_to_infrared": {"preset": "visible_to_infrared"},
    "infrared_to_visible": {"preset": "infrared_to_visible"},
}
FACTS = {
    "sysu": Facts(
        (22258, 11909),
        395,
        (288, 144),
        {"all": {"preset": "all"}, "indoor": {"preset": "indoor"}},
        (0,),
        10,
        "infrared queries, single-shot visible galleries; camera 3 never meets camera 2",
    ),
    "regdb": Facts(
        (2060, 2060),
        206,
        (288, 144),
        DIRECTIONS,
        tuple(range(1, 11)),
        1,
        "all test pictures of one modality against all of the other; mean over ten splits",
    ),
    "llcm": Facts(
        (16946, 13975),
        713,
        (288, 144),
        DIRECTIONS,
        (0,),
        10,
        "single-shot galleries per camera; the same camera's pictures are left out",
    ),
    "vcm": Facts(
        None,
        500,
        (288, 144),
        DIRECTIONS,
        (0,),
        1,
        "tracklet to tracklet; a tracklet of the query's person and camera is left out",
    ),
    "buptcampus": Facts(
        None, 1074, (288, 144), DIRECTIONS, (0,), 1, "tracklet to tracklet, nothing is left out"
    ),
    "synthvi": Facts(  # of its smallest size; see ``facts``
        None,
        None,
        (64, 32),
        {"all": {}},
        (0,),
        10,
        "as SYSU-MM01, on people that training never saw",
    ),
    "m3svd": Facts(
        None, 30, (128, 64), {"all": {}}, (0,), 1, "infrared queries, all visible pictures"
    ),
    "files": Facts(
        None,
        None,
        (128, 64),
        DIRECTIONS,
        (0,),
        1,
        "your own queries and gallery; an answer from the query's own camera is left out",
    ),
}


def counted(visible: int, infrared: int) -> str:
    """Numbers of pictures in words."""
    return f"{visible:,} visible, {infrared:,} infrared"


def facts(data: str, data_preset: str | None = None) -> Facts:
    """The facts of a data set, for SynthVI of one of its sizes; ValueError with the known names."""
    if data not in FACTS:
        raise ValueError(f"data set {data!r} has no plan; known: {', '.join(FACTS)}")
    if data != "synthvi" or data_preset is None:
        return FACTS[data]
    from vireid.data import synthvi

    world = synthvi.PRESETS[data_preset]
    pictures = world.train * world.shots[0]  # of each modality
    return replace(FACTS[data], pictures=(pictures,) * 2, people=world.train, size=world.size)
