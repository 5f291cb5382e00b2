"""Ports for servers that tests start: chosen first, and taken some seconds later by a process of their own."""

import random
import socket
from contextlib import suppress

# Below those that the system gives to whoever asks for any, as all of Ray's processes do; above those of Ray's workers
# and of batch scripts.
PORTS = range(30_100, 32_700)


def free_ports(count: int, host: str = "") -> list[int]:
    """Different ports on which nobody listens.

    Args:
        count: of them.
        host: address on which they are free; empty: on all of this machine's.
    """
    found = list[int]()
    for port in random.SystemRandom().sample(PORTS, len(PORTS)):
        with suppress(OSError), socket.socket() as tried:
            tried.bind((host, port))
            found.append(port)
        if len(found) == count:
            return found
    raise AssertionError(f"{host} has no {count} free ports")
