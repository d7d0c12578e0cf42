"""Give orders to workers and take in what they report."""

from backend.modelzoo.services.prediction import order_prediction
from backend.modelzoo.services.reports import accept_report
from backend.modelzoo.services.runs import cancel_run, record_progress, resend_run, resume_run, sweep_runs
from backend.modelzoo.services.training import order_training
from backend.modelzoo.services.visibility import change_visibility, weigh_visibility
from backend.modelzoo.services.weights import receive_weights

__all__ = [
    "accept_report",
    "cancel_run",
    "change_visibility",
    "order_prediction",
    "order_training",
    "receive_weights",
    "record_progress",
    "resend_run",
    "resume_run",
    "sweep_runs",
    "weigh_visibility",
]
