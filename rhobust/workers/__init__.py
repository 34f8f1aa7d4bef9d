"""Workers that tasks are handed to: this process, others of this machine, executors, clusters."""

from .forkserver import forking
from .isolated import isolated
from .opening import open_workers
from .task import LOST, Done, Workers

__all__ = ["LOST", "Done", "Workers", "forking", "isolated", "open_workers"]
