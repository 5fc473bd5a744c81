"""How the kernels of the rivals are compiled; imported only where they run.

Records of fifty arrays cost more than the work where numba counts references to each array at each call. What allocates
nothing needs no counts.
"""

from __future__ import annotations

from numba import njit

compiled = njit(cache=True, nogil=True, _nrt=False)
"""For functions that allocate no array."""

inlined = njit(cache=True, nogil=True, inline="always")
"""For small functions, which become part of those that call them."""

allocating = njit(cache=True, nogil=True)
"""For functions that make arrays."""
