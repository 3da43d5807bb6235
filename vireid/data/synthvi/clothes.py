"""Dress the skeleton: the painted shapes of one person in one pose, in drawing order."""

from vireid.data.synthvi.figure import Lathe, Limb, Paint, Skeleton
from vireid.data.synthvi.variables import Person

SKIN, HAIR, SHOES, BAG, INNER = (Paint(p) for p in ("skin", "hair", "shoes", "bag", "inner"))
DARK = Paint("pupil")


def _between(p, q, t: float):
    return tuple(a + (b - a) * t for a, b in zip(p, q, strict=True))


def dress(skeleton: Skeleton) -> list[Limb | Lathe]:
    """All shapes of the person, farthest first."""
    k, p = skeleton, skeleton.person
    near = 1 if k.depth(0.1, 0.0) > 0 else -1  # which side (+1 left) is nearer to the camera
    sideways = abs(k.s) > 0.5
    behind = k.c > 0  # the back is hidden: what hangs on it is drawn first
    arms = {side: _arm(k, side) + _hand_bag(k, side) for side in (1, -1)}
    shapes = _leg(k, -near) + _leg(k, near) + _skirt(k)
    back = _backpack(k) if p.bag == "backpack" else []
    shapes = (back + _long_hair(k) if behind else []) + arms[-near] * sideways + shapes
    shapes += _torso(k) + arms[-near] * (not sideways) + _strap(k)
    shapes += [] if behind else back
    shapes += _head(k) + ([] if behind else _long_hair(k)) + arms[near]
    return shapes + (_straps(k) if p.bag == "backpack" and behind else [])


def _upper(p: Person, top: float = 0.83) -> Paint:
    return Paint("upper", "upper yarn", p.pattern, p.frequency, p.phase, p.duty, top)


def _lower(p: Person) -> Paint:
    frequency = 7.0 if p.lower_pattern == "hoops" else 1.0
    return Paint("lower", "lower yarn", p.lower_pattern, frequency, p.phase, 0.5, p.leg)


def _limb(k: Skeleton, a, b, radius: tuple[float, float], paint: Paint) -> Limb:
    return Limb(k.at(*a), k.at(*b), (radius[0] * k.unit, radius[1] * k.unit), paint)


def _leg(k: Skeleton, side: int) -> list[Limb]:
    p = k.person
    hip, knee, ankle = k.legs[side]
    b = 0.45 + 0.55 * p.build
    toe = (ankle[0] + 0.01 * side, ankle[1] - 0.028, ankle[2] + 0.075)
    heel = (ankle[0], ankle[1] - 0.022, ankle[2] - 0.005)
    skin = [
        _limb(k, hip, knee, (0.046 * b, 0.032 * b), SKIN),
        _limb(k, knee, ankle, (0.032 * b, 0.019 * b), SKIN),
    ]
    shoe = [_limb(k, heel, toe, (0.021, 0.015), SHOES)]
    if p.boots:
        shoe.append(_limb(k, _between(knee, ankle, 0.45), heel, (0.034 * b, 0.026), SHOES))
    return skin + _trouser_leg(k, hip, knee, ankle) + shoe


def _trouser_leg(k: Skeleton, hip, knee, ankle) -> list[Limb]:
    p, b, paint = k.person, 0.45 + 0.55 * k.person.build, _lower(k.person)
    low = paint._replace(top=knee[1])
    if p.lower == "shorts":
        return [_limb(k, hip, _between(hip, knee, 0.85), (0.054 * b, 0.046 * b), paint)]
    if p.lower == "trousers":
        end = 0.026 * b + 0.003
        return [
            _limb(k, hip, knee, (0.053 * b, 0.037 * b), paint),
            _limb(k, knee, ankle, (0.037 * b, end), low),
        ]
    if p.lower == "wide":
        return [
            _limb(k, hip, knee, (0.057 * b, 0.050 * b), paint),
            _limb(k, knee, _between(knee, ankle, 0.93), (0.050 * b, 0.056), low),
        ]
    return []


def _skirt(k: Skeleton) -> list[Lathe]:
    p = k.person
    hem = {"skirt": p.leg * 0.62, "long skirt": p.leg * 0.24}.get(p.lower)
    if hem is None:
        return []
    flare = 0.055 + 0.5 * k.pose.stride * (0.62 * p.leg if p.lower == "skirt" else 0.3 * p.leg)
    waist, mid = 0.59, (0.59 + hem) / 2
    rows = [
        (waist, 0.080 * p.build, 0.055 * p.belly),
        (0.50, 0.098 * p.hip * p.build, 0.072 * p.build),
        (mid, 0.108 * p.hip * p.build, 0.080),
        (hem, 0.122 * p.hip * p.build, 0.075 + flare),
    ]
    return [_lathe(k, rows, _lower(p))]


def _lathe(k: Skeleton, rows, paint: Paint) -> Lathe:
    """Rows of (body height, half width left-right, half width front-back), top first."""
    places = [k.at(0.0, y, 0.0) for y, *_ in rows]
    xs, ys = zip(*places, strict=True)
    return Lathe(ys, xs, tuple(k.wide(a, b) for _, a, b in rows), paint)


def _torso(k: Skeleton) -> list[Limb | Lathe]:
    p = k.person
    n, s = 0.5 + 0.5 * p.build, p.shoulder
    puff = {"coat": 1.10, "jacket": 1.08, "hoodie": 1.10}.get(p.upper, 1.0)
    hem = {"coat": 0.46 - p.hem, "jacket": 0.49, "hoodie": 0.48}.get(p.upper, 0.50)
    rows = [
        (0.852, 0.026, 0.028),
        (0.838, 0.046 * s, 0.036),
        (0.822, 0.082 * s * n, 0.044),
        (0.800, 0.110 * s * n * puff, 0.052 * p.build * puff),
        (0.730, 0.106 * s * n * puff, 0.066 * p.build * puff),
        (0.600, 0.086 * p.build * puff, 0.060 * p.belly * p.build * puff),
        (0.510, 0.096 * p.hip * p.build * puff, 0.064 * p.build * puff),
    ]
    last = 0.104 if p.upper == "coat" else 0.097
    rows.append((hem, last * p.hip * p.build * puff, (last - 0.030) * p.build * puff))
    seat = _lathe(
        k, [(0.56, 0.088 * p.build, 0.055), (p.leg - 0.04, 0.09 * p.hip * n, 0.06)], _lower(p)
    )
    neck = Limb(k.at(0, 0.83, 0), k.at(0, 0.88, 0.008), (0.030 * k.unit, 0.026 * k.unit), SKIN)
    shapes = [] if "skirt" in p.lower else [seat]
    shapes += [neck, _lathe(k, rows, _upper(p))]
    if p.upper in ("jacket", "coat") and k.c > -0.2:
        shapes.append(_open_front(k, hem))
    if p.upper == "tank":
        shapes += [
            _limb(k, (x, 0.82, 0.03), (x * 0.9, 0.77, 0.05), (0.012, 0.016), SKIN)
            for x in (0.1, -0.1)
        ]
    if p.upper == "hoodie":
        shapes.append(
            _limb(k, (0.03, 0.84, -0.045), (-0.03, 0.84, -0.045), (0.036, 0.036), _upper(p))
        )
    return shapes


def _open_front(k: Skeleton, hem: float) -> Lathe:
    """The shirt that shows between the two halves of an open jacket or coat."""
    top, half = 0.828, 0.024 * max(0.15, k.c)
    rows = [(top, 0.020), (0.74, 0.026), (hem + 0.02, 0.020)]
    places = [k.at(0.0, y, 0.055) for y, _ in rows]
    xs, ys = zip(*places, strict=True)
    return Lathe(ys, xs, tuple(w * half / 0.024 * k.unit for _, w in rows), INNER)


def _arm(k: Skeleton, side: int) -> list[Limb]:
    p = k.person
    shoulder, elbow, hand = k.arm(side)
    b = 0.4 + 0.6 * p.build
    puff = 1.12 if p.upper in ("coat", "jacket", "hoodie") else 1.0
    r = (0.031 * b * puff, 0.026 * b * puff, 0.020 * b * puff)
    shapes = [
        _limb(k, shoulder, elbow, (0.029 * b, 0.023 * b), SKIN),
        _limb(k, elbow, hand, (0.023 * b, 0.015 * b), SKIN),
        _limb(k, hand, _between(elbow, hand, 1.10), (0.018, 0.014), SKIN),
    ]
    if p.upper == "tank":
        return shapes
    if p.upper == "tee":
        return [
            *shapes,
            _limb(k, shoulder, _between(shoulder, elbow, 0.62), (r[0], r[0]), _upper(p)),
        ]
    sleeve = _upper(p)
    return [
        *shapes,
        _limb(k, shoulder, elbow, (r[0], r[1]), sleeve),
        _limb(
            k,
            elbow,
            _between(elbow, hand, 0.93),
            (r[1], r[2]),
            sleeve._replace(top=elbow[1] + 0.03),
        ),
    ]


def _hand_bag(k: Skeleton, side: int) -> list[Limb | Lathe]:
    p = k.person
    if p.bag != "hand" or side != p.bag_side:
        return []
    x, y, z = k.arm(side)[2]
    a, b, deep = 0.030 * p.bag_size, 0.065 * p.bag_size, 0.10 * p.bag_size
    top = y - 0.045
    handle = _limb(k, (x, y, z), (x, top, z), (0.006, 0.010), BAG)
    return [handle, _box(k, (x, top, z), (a, b, deep), BAG)]


def _box(k: Skeleton, top, size, paint: Paint) -> Lathe:
    """A soft box under its top middle (x, y, z); size: half widths sideways, forward; height."""
    (x, y, z), (a, b, deep) = top, size
    rows = [(y, 0.86), (y - 0.12 * deep, 1.0), (y - 0.9 * deep, 1.0), (y - deep, 0.92)]
    places = [k.at(x, h, z) for h, _ in rows]
    xs, ys = zip(*places, strict=True)
    return Lathe(ys, xs, tuple(k.wide(a, b) * w for _, w in rows), paint)


def _backpack(k: Skeleton) -> list[Lathe]:
    b = k.person.bag_size
    return [_box(k, (0.0, 0.80, -0.085), (0.075 * b, 0.045 * b, 0.21 * b), BAG)]


def _straps(k: Skeleton) -> list[Limb]:
    s = 0.060 * k.person.shoulder
    return [_limb(k, (x, 0.825, 0.035), (x, 0.68, 0.062), (0.011, 0.010), BAG) for x in (s, -s)]


def _strap(k: Skeleton) -> list[Limb | Lathe]:
    """The strap of a shoulder bag across the chest or back, and the bag at the hip."""
    p = k.person
    if p.bag != "shoulder":
        return []
    side, front = p.bag_side, 0.06 if k.c > 0 else -0.06
    low = (0.112 * side * p.hip, 0.56, 0.0)
    strap = _limb(
        k, (-0.07 * side, 0.83, front * 0.5), (low[0] * 0.9, 0.57, front), (0.009, 0.009), BAG
    )
    bag = _box(k, low, (0.034 * p.bag_size, 0.072 * p.bag_size, 0.12 * p.bag_size), BAG)
    hidden = k.depth(low[0], 0.0) < -0.05
    return [strap] if hidden else [strap, bag]


def _head(k: Skeleton) -> list[Limb | Lathe]:
    p = k.person
    h = p.head
    r = 0.058 * h
    y = 0.935
    skull = k.wide(0.050 * h, 0.060 * h) / k.unit
    hair = Paint("skin") if p.hair == "bald" else HAIR
    shapes = [_limb(k, (0, y, -0.004), (0, y - 0.012, 0.0), (skull * 1.06, skull * 0.98), hair)]
    if p.hair == "afro":
        shapes = [_limb(k, (0, y + 0.012, -0.012), (0, y, -0.012), (r * 1.5, r * 1.4), HAIR)]
    if p.hair == "bun":
        shapes.append(
            _limb(k, (0, y + 0.045, -0.048), (0, y + 0.05, -0.055), (0.027 * h, 0.027 * h), HAIR)
        )
    if k.c > -0.75:  # some of the face is seen: skull front and jaw
        narrow = 0.040 + 0.008 * max(0.0, k.c)
        shapes.append(
            _limb(k, (0, y - 0.012, 0.022), (0, y - 0.048, 0.020), (narrow * h, 0.030 * h), SKIN)
        )
    if k.c > 0.35:
        shapes += [
            _limb(k, (x, y - 0.012, 0.05), (x, y - 0.012, 0.05), (0.007, 0.007), DARK)
            for x in (0.018, -0.018)
        ]
    shapes += _fringe(k, y, r)
    return shapes


def _fringe(k: Skeleton, y: float, r: float) -> list[Limb]:
    p = k.person
    if p.hair == "bald":
        return []
    if p.hair == "cap":
        dome = _limb(k, (0, y + 0.026, 0.0), (0, y + 0.020, 0.006), (r * 0.93, r * 0.95), HAIR)
        brim = _limb(k, (0, y + 0.016, 0.04), (0, y + 0.012, 0.115), (0.016, 0.010), HAIR)
        return [dome, brim] if k.c > -0.75 else [dome]
    if k.c < -0.75:
        return []
    return [_limb(k, (0.026, y + 0.036, 0.014), (-0.026, y + 0.036, 0.014), (0.024, 0.024), HAIR)]


def _long_hair(k: Skeleton) -> list[Lathe]:
    p = k.person
    if p.hair != "long":
        return []
    h, low = p.head, 0.80 - 0.25 * p.hem
    rows = [
        (0.945, 0.058 * h, 0.040 * h),
        (0.88, 0.064 * h, 0.040 * h),
        (low + 0.02, 0.066 * h, 0.036 * h),
        (low, 0.050 * h, 0.026 * h),
    ]
    places = [k.at(0.0, y, -0.034) for y, *_ in rows]
    xs, ys = zip(*places, strict=True)
    return [Lathe(ys, xs, tuple(k.wide(a, b) for _, a, b in rows), HAIR)]
