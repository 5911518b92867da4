"""Exactly-once landing: records of a stream become objects, and the objects are the position of record (rule L1).

This package is the core of both routes: chain, segment, manifest, envelope, commit, quarantine, audit of objects.
`kafka` and `kinesis` are its wings. Equal things are in files of equal names, and the wings never import each other.
Everything is written against `ports.TopicLog`, `ports.ShardLog` and `ports.ObjectStore`.
"""
