"""Real systems that the tests and benchmarks run against, started on loopback and stopped by pid.

Standard library only, so that any Python >= 3.10 can start them. See README.md here.
"""

from servers.process import Server, StartError, free_ports

__all__ = ["Server", "StartError", "free_ports"]
