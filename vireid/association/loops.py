"""Compiled loops of Sinkhorn and label transfer. Import inside functions: numba costs a second."""

import numpy as np

from vireid.compiled import compiled

# Rows (a multiple of four) and columns whose sums are added up in the precision of the kernel.
ROWS, PART = 64, 1024


@compiled(fastmath={"contract"})
def add_four(out, z, member, weight):
    """Add four weighted rows of z at once, so that ``out`` is read and written once for them."""
    a, b, c, d = z[member[0]], z[member[1]], z[member[2]], z[member[3]]
    p, q, r, s = weight[0], weight[1], weight[2], weight[3]
    for k in range(len(out)):
        out[k] += p * a[k] + q * b[k] + r * c[k] + s * d[k]


@compiled(fastmath={"contract"})
def product(sparse, z, rows, out):
    """Rows r0..r1 of a CSR matrix (indptr, indices, data) times z."""
    indptr, indices, data = sparse
    for i in range(rows[0], rows[1]):
        total = out[i]
        total[:] = 0
        at, stop = indptr[i], indptr[i + 1]
        while at + 4 <= stop:
            add_four(total, z, indices[at : at + 4], data[at : at + 4])
            at += 4
        for t in range(at, stop):
            row, weight = z[indices[t]], data[t]
            for k in range(len(total)):
                total[k] += weight * row[k]


@compiled(fastmath={"reassoc", "contract"}, error_model="numpy")
def four_sums(k, v, i):
    """Inner products of rows i..i+3 of k with v, float64; in k's precision over a part only."""
    t0 = t1 = t2 = t3 = 0.0
    for left in range(0, len(v), PART):
        at = slice(left, left + PART)
        some, k0, k1, k2, k3 = v[at], k[i, at], k[i + 1, at], k[i + 2, at], k[i + 3, at]
        s0 = s1 = s2 = s3 = v.dtype.type(0)  # a plain 0 would make these float64, a third slower
        for j in range(len(some)):
            s0 += k0[j] * some[j]
            s1 += k1[j] * some[j]
            s2 += k2[j] * some[j]
            s3 += k3[j] * some[j]
        t0, t1, t2, t3 = t0 + s0, t1 + s1, t2 + s2, t3 + s3
    return t0, t1, t2, t3


@compiled(fastmath={"reassoc", "contract"}, error_model="numpy")
def sweep(k, v, a, rows, u, mass):
    """Row scalings u = a / (k v) of rows r0..r1, and their column sums k' u into ``mass``.

    Four rows at a time, so that k comes from memory once and v and the sums a quarter as often.
    ``mass`` (m,) is float64: float32 sums over thousands of entries are too rough for the scalings
    to settle, those over some are not.
    """
    part = np.zeros_like(v)
    mass[:] = 0
    i, stop = rows
    while i + 4 <= stop:
        t0, t1, t2, t3 = four_sums(k, v, i)
        u[i], u[i + 1], u[i + 2], u[i + 3] = a[i] / t0, a[i + 1] / t1, a[i + 2] / t2, a[i + 3] / t3
        k0, k1, k2, k3 = k[i], k[i + 1], k[i + 2], k[i + 3]
        u0, u1, u2, u3 = u[i], u[i + 1], u[i + 2], u[i + 3]
        for j in range(len(v)):
            part[j] += u0 * k0[j] + u1 * k1[j] + u2 * k2[j] + u3 * k3[j]
        i += 4
        if (i - rows[0]) % ROWS == 0:
            mass += part
            part[:] = 0
    mass += part
    while i < stop:
        one, total = k[i], 0.0
        for j in range(len(v)):
            total += one[j] * v[j]
        u[i] = a[i] / total
        for j in range(len(v)):
            mass[j] += u[i] * one[j]
        i += 1
