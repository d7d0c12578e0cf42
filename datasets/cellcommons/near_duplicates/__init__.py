"""Images that show the same field, wholly or in part: what must not straddle a split beside a common source.

``describe`` gives what is kept of an image (it follows from the pixels alone), ``find_pairs`` the pairs among images so
described, each with evidence that anybody recomputes from the pixels (``recheck``).
"""
