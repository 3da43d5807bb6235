"""Compiled loops of the label transfer. Import this inside functions only: numba costs a second."""

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
