"""Exactly-once landing: records of a stream become objects, and the objects are the position of record.

This package is the core that both routes share: the chain of objects, the segment, its manifest, the envelope, the
commit, quarantine. `kafka` and `kinesis` are its two wings; files of equal names hold equal things, and the wings
never import each other. Everything is written against `ports.TopicLog`, `ports.ShardLog` and `ports.ObjectStore`.
"""
