"""From a shot to pixels: room, shadow, person, occluder, then the sensor (channels first)."""

import math
from functools import lru_cache

import numpy as np

from vireid.data.synthvi.clothes import dress
from vireid.data.synthvi.figure import Lathe, Limb, Paint, Skeleton
from vireid.data.synthvi.patterns import mask
from vireid.data.synthvi.scm import Shot
from vireid.data.synthvi.spectrum import infrared, look
from vireid.data.synthvi.stable import Dice, turn
from vireid.data.synthvi.variables import Room, Sensor
from vireid.types import Modality

F = np.float32


def render(shot: Shot, size: tuple[int, int] = (96, 48)) -> np.ndarray:
    """The picture that a shot causes.

    Parameters
    ----------
    shot : one value of every variable
    size : (height, width) in pixels, at least (16, 8)

    Returns
    -------
    uint8 (height, width, 3); infrared pictures are grey, repeated in three channels
    """
    height, width = size
    if height < 16 or width < 8:
        raise ValueError(f"size={size}: people need at least (16, 8) pixels")
    easel = _Easel(shot, height, width)
    easel.shadow()
    for shape in dress(Skeleton(shot.person, shot.pose)):
        easel.paint(shape)
    easel.occlude()
    return _expose(shot, easel.canvas)


class _Easel:
    """The canvas (channels, height, width) of one shot and how its light falls on things."""

    def __init__(self, shot: Shot, height: int, width: int):
        self.shot, self.height, self.width = shot, height, width
        self.yaw = shot.pose.yaw
        seen, world = shot.modality, shot.world
        self.canvas = _view(shot, height, width)
        self.albedo = look(shot.person, seen, world)
        self.albedo["pupil"] = self.albedo["skin"] * F(0.35)
        s = world.style_gap if seen == Modality.INFRARED else 0.0
        flat = 1.0 if world.style == "nir" else 0.3
        # a lamp from one side in the visible; beside the lens in the infrared, so edges fall dark
        self.side = F(0.20 * shot.camera.light * (1 - s))
        self.edge = F((0.16 + 0.26 * s) * (1 - s + s * flat))

    def paint(self, shape: Limb | Lathe) -> None:
        """Lay a shape over the canvas with smooth edges."""
        trace = _limb if isinstance(shape, Limb) else _lathe
        traced = trace(shape, self.height, self.width)
        if traced is None:
            return
        window, cover, down, across = traced
        color = self.texture(shape.paint, down, across)
        light = 1 + across * (self.side - self.edge * across)
        part = self.canvas[window]
        part += cover * (color * light - part)

    def texture(self, paint: Paint, down: np.ndarray, across: np.ndarray) -> np.ndarray:
        """Albedo of each pixel; (c, 1, 1) for plain cloth."""
        ground = self.albedo[paint.part]
        if paint.pattern == "plain":
            return ground
        unit = self.shot.pose.scale * self.shot.person.stature
        m = mask(paint, down / F(unit), turn(across) + F(self.yaw), unit * self.height)
        return ground + m * (self.albedo[paint.yarn] - ground)

    def shadow(self) -> None:
        """Darken the floor under the feet (nothing casts a shadow in a lamp's own eye)."""
        pose = self.shot.pose
        strength = F(0.35 if self.shot.modality == Modality.VISIBLE else 0.15)
        y = (_rows(self.height) - F(0.955 + pose.y)) * F(1 / 0.03)
        x = (_columns(self.height, self.width) - F(pose.x)) * F(1 / 0.17)
        self.canvas *= 1 - strength * np.maximum(0, 1 - x * x - y * y)

    def occlude(self) -> None:
        """A box, a pole or something from the side in front of the person."""
        noise = self.shot.noise
        if noise.occluder == "none":
            return
        h, w, at = self.height, self.width, noise.occluder_at
        color = np.array(noise.occluder_color, F)[:, None, None]
        if self.shot.modality == Modality.INFRARED:
            color = F(infrared(noise.occluder_color, 2 * at - 1, self.shot.world))
        if noise.occluder == "box":
            window = (slice(int(h * (0.62 + 0.2 * at)), h), slice(0, w))
        elif noise.occluder == "pole":
            left = int(w * (0.15 + 0.6 * at))
            window = (slice(0, h), slice(left, left + max(2, w // 9)))
        else:
            window = (slice(0, h), slice(0, int(w * 0.28)) if at < 0.5 else slice(int(w * 0.72), w))
        self.canvas[:, *window] = color


@lru_cache(maxsize=64)
def _rows(height: int) -> np.ndarray:
    return ((np.arange(height, dtype=np.int32) + F(0.5)) / F(height))[:, None].astype(F)


@lru_cache(maxsize=64)
def _columns(height: int, width: int) -> np.ndarray:
    return ((np.arange(width, dtype=np.int32) + F(0.5 - width / 2)) / F(height)).astype(F)


def _window(box: tuple[float, float, float, float], height: int, width: int):
    """Rows and columns of a box (left, right, top, bottom) in picture heights; None if outside."""
    left, right, top, bottom = box
    x0 = max(0, int((left * height + width / 2) // 1) - 1)
    x1 = min(width, int((right * height + width / 2) // 1) + 2)
    y0, y1 = max(0, int((top * height) // 1) - 1), min(height, int((bottom * height) // 1) + 2)
    return (y0, y1, x0, x1) if y0 < y1 and x0 < x1 else None


def _limb(limb: Limb, height: int, width: int):
    """Coverage, distance along and place across of a tapered capsule, on its window."""
    (px, py), (qx, qy), (rp, rq) = limb.p, limb.q, limb.radius
    r = max(rp, rq)
    box = _window(
        (min(px, qx) - r, max(px, qx) + r, min(py, qy) - r, max(py, qy) + r), height, width
    )
    if box is None:
        return None
    y0, y1, x0, x1 = box
    x = _columns(height, width)[x0:x1] - F(px)
    y = _rows(height)[y0:y1] - F(py)
    dx, dy = qx - px, qy - py
    length2 = dx * dx + dy * dy + 1e-9
    t = np.minimum(np.maximum(x * F(dx / length2) + y * F(dy / length2), 0), 1)
    x, y = x - t * F(dx), y - t * F(dy)
    distance = np.sqrt(x * x + y * y)
    radius = F(rp) + t * F(rq - rp)
    cover = np.minimum(np.maximum((radius - distance) * F(height) + F(0.5), 0), 1)
    across = np.minimum(np.maximum(x / radius, -1), 1)
    return (slice(None), slice(y0, y1), slice(x0, x1)), cover, t * F(math.sqrt(length2)), across


def _lathe(lathe: Lathe, height: int, width: int):
    """The same for a turned body, row by row."""
    reach = max(lathe.w)
    box = _window(
        (min(lathe.x) - reach, max(lathe.x) + reach, lathe.y[0], lathe.y[-1]), height, width
    )
    if box is None:
        return None
    y0, y1, x0, x1 = box
    y = _rows(height)[y0:y1]
    centre, half = _along(y, lathe.y, lathe.x), _along(y, lathe.y, lathe.w)
    x = _columns(height, width)[x0:x1] - centre
    ends = np.minimum((y - F(lathe.y[0])), (F(lathe.y[-1]) - y)) * F(height) + F(0.5)
    cover = np.minimum(np.maximum((half - np.abs(x)) * F(height) + F(0.5), 0), 1) * np.minimum(
        np.maximum(ends, 0), 1
    )
    across = np.minimum(np.maximum(x / np.maximum(half, F(1e-4)), -1), 1)
    down = np.broadcast_to(y - F(lathe.y[0]), across.shape)
    return (slice(None), slice(y0, y1), slice(x0, x1)), cover, down, across


def _along(y: np.ndarray, knots: tuple[float, ...], values: tuple[float, ...]) -> np.ndarray:
    """Values between the knots: straight lines, constant beyond the ends."""
    out = np.full_like(y, values[0])
    pieces = zip(knots, knots[1:], values, values[1:], strict=False)
    for low, high, a, b in pieces:
        t = np.minimum(np.maximum((y - F(low)) * F(1 / max(high - low, 1e-6)), 0), 1)
        out += t * F(b - a)
    return out


def _view(shot: Shot, height: int, width: int) -> np.ndarray:
    """The piece of the room that the camera sees behind this person; a fresh copy."""
    world = shot.world
    key = (world.style, world.style_gap, world.modality_gap)
    room = _panorama(shot.camera.room, shot.modality, key, height, width)
    left = int(shot.noise.offset * (room.shape[2] - width))
    return room[:, :, left : left + width].copy()


@lru_cache(maxsize=64)
def _panorama(room: Room, modality: Modality, key: tuple, height: int, width: int) -> np.ndarray:
    """The whole wall and floor, three pictures wide."""
    wide = 3 * width
    y, x = _rows(height), (np.arange(wide, dtype=np.int32)[None] / F(height)).astype(F)
    wall, floor = (
        _matt(room.wall, room.own[0], modality, key),
        _matt(room.floor, room.own[1], modality, key),
    )
    floor_at = np.minimum(np.maximum((y - F(room.horizon)) * F(height) + F(0.5), 0), 1)
    scene = wall * (F(0.86) + F(0.2) * y) * np.ones_like(x)
    span = wide / height
    for at, w, top, bottom, color, own in room.panels:
        inside = np.minimum(w / 2 - np.abs(x - F(at * span)), np.minimum(y - F(top), F(bottom) - y))
        cover = np.minimum(np.maximum(inside * F(height) + F(0.5), 0), 1)
        scene = scene + cover * F(0.7) * (_matt(color, own, modality, key) - scene)
    near = np.minimum(np.maximum((y - F(room.horizon)) * F(1 / (1 - room.horizon)), 0), 1)
    ground = floor * (F(0.82) + F(0.25) * near)
    board = np.minimum(np.maximum(1 - np.abs(y - F(room.horizon)) * F(height / 2), 0), 1)
    scene = scene + floor_at * (ground - scene)
    scene = scene * (1 - F(0.35) * board)
    dim = 1 - (
        0.30 * key[1] if modality == Modality.INFRARED else 0.0
    )  # the lamp is far from the wall
    return (scene * F(dim)).astype(F)


class _Key:
    """The three parameters that decide how a wall looks, under the names of a World."""

    def __init__(self, key: tuple):
        self.style, self.style_gap, self.modality_gap = key


def _matt(color, own: float, modality: Modality, key: tuple) -> np.ndarray:
    if modality == Modality.VISIBLE:
        return np.array(color, F)[:, None, None]
    return np.array([infrared(color, own, _Key(key))], F)[:, None, None]


def _expose(shot: Shot, light: np.ndarray) -> np.ndarray:
    """Lens and chip: vignette, blur, gain, tint, tone, grain, eight bits."""
    sensor: Sensor = shot.camera.sensors[shot.modality]
    channels, height, width = light.shape
    x = _columns(height, width) * F(2)
    y = _rows(height) * 2 - 1
    s = shot.world.style_gap if shot.modality == Modality.INFRARED else 0.0
    light = light * (1 - F(sensor.vignette + 0.35 * s) * (x * x + y * y * F(0.6)))
    light = _blur(light, F((sensor.blur + 0.30 * s) * height / 96))
    light = light * F(sensor.gain * shot.noise.exposure)
    if channels == 3:
        light = light * np.array(sensor.tint, F)[:, None, None]
    light = np.minimum(np.maximum(light, 0), 1)
    light = light + F(sensor.tone) * light * (1 - light)
    grain = Dice(*shot.noise.key, "grain", int(shot.modality)).grain(channels, height, width)
    grain = grain * F(sensor.grain * (0.010 + 0.016 * s) * shot.world.noise)
    pixels = np.minimum(np.maximum((light + grain) * F(255) + F(0.5), 0), 255).astype(np.uint8)
    pixels = pixels.transpose(1, 2, 0)
    return np.ascontiguousarray(np.broadcast_to(pixels, (height, width, 3)))


def _blur(light: np.ndarray, amount: np.float32) -> np.ndarray:
    """Mix each pixel with the mean of its neighbours, first down, then across."""
    for axis in (1, 2):
        n = light.shape[axis]
        take = [slice(None)] * 3
        before, after = list(take), list(take)
        before[axis] = np.maximum(np.arange(n) - 1, 0)
        after[axis] = np.minimum(np.arange(n) + 1, n - 1)
        around = (light[tuple(before)] + light[tuple(after)]) * F(0.5)
        light = light + amount * (around - light)
    return light
