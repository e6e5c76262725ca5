"""Text frames are those of the library that reads and writes all other frames."""

import pytest
from websockets.frames import Frame, Opcode

from app.web.socket_connection import text_head


@pytest.mark.parametrize("size", [0, 125, 126, 0xFFFF, 0x10000])
def test_a_text_frame_is_headed_as_the_library_does(size: int) -> None:
    text = b"x" * size
    assert text_head(size) + text == Frame(Opcode.TEXT, text).serialize(mask=False)
