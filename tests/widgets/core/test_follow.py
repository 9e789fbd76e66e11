from __future__ import annotations

import gc

from hftlab.widgets.core.follow import follow


class Source:
    def __init__(self):
        self.callbacks = []

    def on(self, event, callback):
        self.callbacks.append(callback)
        return lambda: self.callbacks.remove(callback) if callback in self.callbacks else None

    def send(self, message):
        for callback in list(self.callbacks):
            callback(message)


class Follower:
    def __init__(self, source):
        self.seen = []
        self.end = follow(source, "message", self.take)

    def take(self, message):
        self.seen.append(message)


def test_it_is_told_until_it_ends():
    source = Source()
    follower = Follower(source)
    source.send(1)
    follower.end()
    source.send(2)
    assert follower.seen == [1]
    assert source.callbacks == []


def test_the_client_does_not_keep_it_alive():
    source = Source()
    follower = Follower(source)
    del follower
    gc.collect()
    assert source.callbacks == []
