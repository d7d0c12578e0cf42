from agreed import campaign, read, readers  # noqa: F401
from messages import sent  # noqa: F401
