import socket

import pytest

from backend.door.errors import DoorError
from backend.door.ports import require_free_port


def test_a_taken_port_is_refused_by_number():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = taken.getsockname()[1]
        with pytest.raises(DoorError, match=f"Port {port} is in use"):
            require_free_port(port)
    assert require_free_port(port) == port  # free again: nothing is remembered


def test_zero_picks_a_port_that_can_be_taken():
    port = require_free_port(0)
    assert port > 1023
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", port))


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_does_not_exist(port):
    with pytest.raises(DoorError, match="does not exist"):
        require_free_port(port)
