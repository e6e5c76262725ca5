"""For how long a consumer group has not got on: while messages wait, since the last time one of them was done."""

from app.events.kafka_watch import Progress


def test_a_group_is_stalled_while_messages_wait_and_none_is_done() -> None:
    now = 100.0
    progress = Progress(lambda: now)
    seen = []
    for seconds, done, waiting in ((0, 5, 0), (10, 5, 3), (10, 5, 4), (10, 6, 3), (10, 6, 3), (10, 9, 0), (10, 9, 1)):
        now += seconds
        progress.note(done=done, waiting=waiting)
        seen.append(progress.stalled_seconds())
    assert seen == [0, 0, 10, 0, 10, 0, 0]
    now += 5
    assert progress.stalled_seconds() == 5
