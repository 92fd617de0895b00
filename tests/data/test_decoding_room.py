import threading

import pytest

from kbin.data.decoding_room import DecodingRoom


def test_no_more_is_decoded_at_once_than_there_is_room_for():
    room, lock, now, most, done = DecodingRoom(100), threading.Lock(), [0], [0], []

    def decode(pixels: int) -> None:
        with room.taking(pixels):
            with lock:
                now[0] += pixels
                most[0] = max(most[0], now[0])
            threading.Event().wait(0.01)
            with lock:
                now[0] -= pixels
                done.append(pixels)

    threads = [threading.Thread(target=decode, args=(pixels,)) for pixels in [40, 30, 50, 60, 20, 40] * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert sorted(done) == sorted([40, 30, 50, 60, 20, 40] * 3)
    assert 60 < most[0] <= 100


def test_an_image_larger_than_the_room_is_decoded_alone():
    room, entered = DecodingRoom(100), threading.Event()

    def decode() -> None:
        with room.taking(5000):
            entered.set()

    with room.taking(1):
        thread = threading.Thread(target=decode)
        thread.start()
        assert not entered.wait(0.1)
    assert entered.wait(10)
    thread.join()


def test_an_image_that_fails_gives_its_room_back():
    room = DecodingRoom(100)
    for _ in range(3):
        with pytest.raises(ValueError, match="damaged"), room.taking(80):
            raise ValueError("damaged")
    with room.taking(100):
        pass
