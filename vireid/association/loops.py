"""Compiled loops of Sinkhorn and label transfer. Import inside functions: numba costs a second."""

from vireid.neighbours.loops import compiled


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
def sweep(k, v, a, rows, u, mass):
    """Row scalings u = a / (k v) of rows r0..r1, and their column sums k' u into ``mass``.

    Four rows at a time, so that k comes from memory once and v and mass a quarter as often.
    """
    i, stop = rows
    mass[:] = 0
    zero = v.dtype.type(0)  # a plain 0 would make all sums float64, and the loops a third slower
    while i + 4 <= stop:
        k0, k1, k2, k3 = k[i], k[i + 1], k[i + 2], k[i + 3]
        s0 = s1 = s2 = s3 = zero
        for j in range(len(v)):
            s0 += k0[j] * v[j]
            s1 += k1[j] * v[j]
            s2 += k2[j] * v[j]
            s3 += k3[j] * v[j]
        u0, u1, u2, u3 = a[i] / s0, a[i + 1] / s1, a[i + 2] / s2, a[i + 3] / s3
        u[i], u[i + 1], u[i + 2], u[i + 3] = u0, u1, u2, u3
        for j in range(len(v)):
            mass[j] += u0 * k0[j] + u1 * k1[j] + u2 * k2[j] + u3 * k3[j]
        i += 4
    while i < stop:
        one = k[i]
        total = zero
        for j in range(len(v)):
            total += one[j] * v[j]
        u[i] = a[i] / total
        for j in range(len(v)):
            mass[j] += u[i] * one[j]
        i += 1
