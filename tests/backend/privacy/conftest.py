from agreed import campaign, read, readers  # noqa: F401
from hidden_things import dataset, outsider, things  # noqa: F401
from messages import sent  # noqa: F401
from trained import card, prediction_report, release, training, training_report  # noqa: F401
