"""The random numbers of LoRAS: weights summed per neighbour, and the noise.

Random bits are the dearest part of a call, so none are wasted: they come as 64-bit integers,
which is what bit generators make, and are cut into as many as a number needs. Weights and noise
are drawn in float32, whose 24 bits are more than any expression value is known to.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import sparse

__all__ = ["add_noise", "draw_shares"]

# Up to here one 32-bit number holds a slot and a uniform that still fills float32's 24 bits.
MAX_SHARED_SLOTS = 1 << 8


def draw_shares(
    n_cells: int,
    n_neighbors: int,
    n_affine: int,
    kind: str,
    rng: np.random.Generator,
    dtype: np.dtype,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw which share of a synthetic cell every cell of the neighbourhood has.

    Parameters
    ----------
    n_cells : int
        Synthetic cells.
    n_neighbors : int
        Cells in a neighbourhood. Each shadow sample belongs to one of them, all equally likely.
    n_affine : int
        Shadow samples in one synthetic cell.
    kind : {"dirichlet", "integers"}
        How the shadow samples are weighted.
    rng : numpy.random.Generator
        Source of randomness.
    dtype : numpy.dtype
        float32 or float64: the accuracy to which shares sum to 1.

    Returns
    -------
    shares : numpy.ndarray of shape (n_cells, n_neighbors)
        Weights summed per neighbour, 0–1; every row sums to 1.
    squares : numpy.ndarray of shape (n_cells,)
        Sum of the squared weights of the single shadow samples, 0–1.
    """
    shape = (n_cells, n_affine)
    slots, weights = _draw_shadows(shape, n_neighbors, kind, rng)
    squares = np.einsum("ij,ij->i", weights, weights)
    # A row of zeros cannot be divided by its sum: such a row is drawn again.
    while (zero := np.flatnonzero(squares == 0)).size:
        slots[zero], weights[zero] = _draw_shadows((zero.size, n_affine), n_neighbors, kind, rng)
        squares[zero] = np.einsum("ij,ij->i", weights[zero], weights[zero])
    # Making a sparse matrix dense adds up the entries that fall on one place.
    row_starts = np.arange(0, weights.size + 1, n_affine, dtype=np.int32)
    entries = (weights.ravel(), slots.ravel(), row_starts)
    shares = sparse.csr_array(entries, shape=(n_cells, n_neighbors)).toarray()
    shares = shares.astype(dtype, copy=False)
    total = shares @ np.ones(n_neighbors, dtype)  # several times as fast as a sum along rows
    shares /= total[:, np.newaxis]
    return shares, squares / total**2


def add_noise(cells: np.ndarray, sd: np.ndarray, rng: np.random.Generator) -> None:
    """Add independent Gaussian noise to every gene of every cell.

    Box and Muller's transform in float32: a random radius and a random angle give two
    independent normals, here of two different cells. ``Generator.standard_normal`` would take
    three times as long and be half of the whole call.

    The angle is one of 65,536. A sine or cosine summed over so many equal steps differs from its
    integral only beyond the 65,535th harmonic, so all moments below that order, single and
    joint, are those of independent normals. Radii come from 32 bits and reach 6.7 sd.

    Parameters
    ----------
    cells : numpy.ndarray of shape (n_cells, n_genes)
        Changed in place.
    sd : numpy.ndarray of shape (n_cells,)
        Standard deviation of each cell's noise, the same for all its genes.
    rng : numpy.random.Generator
        Source of randomness.

    References
    ----------
    Box and Muller 1958, "A note on the generation of random normal deviates", Annals of
    Mathematical Statistics 29:610-611, https://doi.org/10.1214/aoms/1177706645
    """
    n_cells, n_genes = cells.shape
    n_pairs = math.ceil(n_cells / 2) * n_genes
    radius = _to_uniforms(_draw_bits(n_pairs, np.uint32, rng))
    np.log(radius, out=radius)
    radius *= -2
    np.sqrt(radius, out=radius)
    angle = _draw_bits(n_pairs, np.uint16, rng).astype(np.float32)
    angle *= np.float32(2 * np.pi / 2**16)
    noise = np.empty((2, n_pairs), np.float32)
    np.cos(angle, out=noise[0])
    np.sin(angle, out=noise[1])
    noise *= radius
    noise = noise.reshape(-1, n_genes)[:n_cells]
    noise *= sd[:, np.newaxis].astype(np.float32, copy=False)
    cells += noise


def _draw_shadows(
    shape: tuple[int, int], n_neighbors: int, kind: str, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Whose shadow each one is (0 to n_neighbors - 1), and its weight not yet divided."""
    if kind == "dirichlet":  # exponentials over their sum are Dirichlet(1, …, 1)
        slots, uniforms = _draw_slots_and_uniforms(math.prod(shape), n_neighbors, rng)
        weights = -np.log(uniforms, out=uniforms)
    else:
        slots = rng.integers(0, n_neighbors, shape, dtype=np.int32)
        weights = rng.integers(0, 100, shape, dtype=np.uint16).astype(np.float32)
    return slots.reshape(shape), weights.reshape(shape)


def _draw_slots_and_uniforms(
    n: int, n_slots: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw `n` independent pairs of a whole number below `n_slots` and a uniform.

    A random number of 32 bits, stretched to ``n_slots`` times its range, has the one above its
    lower 32 bits and the other in them.
    """
    if n_slots > MAX_SHARED_SLOTS:
        slots = rng.integers(0, n_slots, n, dtype=np.int32)
        return slots, _to_uniforms(_draw_bits(n, np.uint32, rng))
    stretched = _draw_bits(n, np.uint32, rng) * np.uint64(n_slots)
    uniforms = _to_uniforms(stretched.astype(np.uint32))
    stretched >>= np.uint64(32)
    return stretched.astype(np.int32), uniforms


def _draw_bits(n: int, dtype: type[np.unsignedinteger], rng: np.random.Generator) -> np.ndarray:
    """Draw `n` integers of all values that `dtype` can hold."""
    n_words = math.ceil(n * np.dtype(dtype).itemsize / 8)
    return rng.integers(0, 1 << 64, n_words, dtype=np.uint64).view(dtype)[:n]


def _to_uniforms(bits: np.ndarray) -> np.ndarray:
    """Map 32-bit integers to (0, 1]: the float32 nearest to (bits + 1/2) / 2**32."""
    uniforms = bits.astype(np.float32)
    uniforms += np.float32(0.5)  # never 0, whose logarithm is infinite
    uniforms *= np.float32(2**-32)
    return uniforms
