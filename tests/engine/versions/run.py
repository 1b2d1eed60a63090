"""Run by the code of any version, old or new: state and records in, the state behind them and the ids of their events out; JSON on stdin and stdout."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path

from schemas.fault import KairosFault
from schemas.raw import RECORD_TYPES, TOPICS, type_name
from schemas.reference import Reference
from streams.definitions.catalogue import Catalogue
from streams.emit import event_id
from streams.engine.engine import Engine, EngineSettings
from streams.shard import Shard, ShardSettings

given = json.load(sys.stdin)
TOPIC_OF = {type_name(record): record.topic for record in RECORD_TYPES}
shard = Shard(0, Engine(Catalogue.load(only=given["only"]), Reference.load(Path(given["reference"])), EngineSettings()), ShardSettings())
shard.engine.state.facts["partitions"] = 1
rows = {base64.b64decode(key): base64.b64decode(value) for key, value in given["state"]}
ids: list[str] = []
try:
    shard.restore([*rows.items()])
    shard.restored()
except KairosFault as fault:
    json.dump({"refused": str(fault)}, sys.stdout)
    sys.exit()
steps = [*shard.migration(10_000)]
for topic in TOPICS:
    own = [record for record in given["records"] if TOPIC_OF[record["record_type"]] == topic]
    keys = [record["customer_id"].encode() for record in own]
    values = [json.dumps(record).encode() for record in own]
    shard.feed(topic, range(given["begin"], given["begin"] + len(own)), keys, values, next_offset=given["begin"] + len(own), caught_up=True)
while (step := shard.step(None, 10_000)) is not None:
    steps.append(step)
if given["clock"]:
    steps.append(shard.advance(given["clock"]))
for step in steps:
    rows.update(step.rows)
    ids += [event_id(detection) for detection in step.detections]
stored = [[base64.b64encode(key).decode(), base64.b64encode(value).decode()] for key, value in rows.items() if value is not None]
json.dump({"ids": sorted(ids), "state": stored}, sys.stdout)
