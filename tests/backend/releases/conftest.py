from agreed import campaign, read, readers  # noqa: F401
from every_task import bring_image  # noqa: F401
from messages import sent  # noqa: F401
