"""The service from a notebook or a robot: `client.Service(url, token)`. See docs/client.md."""

from client.problem import Problem
from client.run import Run
from client.service import Service

__all__ = ["Problem", "Run", "Service"]
