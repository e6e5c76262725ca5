"""Real MySQL, Redis and Kafka servers for the tests: found, started, watched and thrown away.

`tests.services` is the door; the modules here hold one server kind or one way of running each.
"""
