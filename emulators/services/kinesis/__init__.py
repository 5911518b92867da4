"""A Kinesis Data Streams server: the service's JSON 1.1 API and its rules, over SQLite.

It runs as `python -m emulators.services.kinesis --data DIR --port PORT`. Acknowledged records survive `kill -9`.
Signatures are not checked. One event loop handles all requests, so a put never races with a split, a merge or a read.
"""
