#!/usr/bin/env python3
"""Multiply a recording: N copies of its spans, logs and series with ids of their own, so that cost can be measured against size.

  python3 scale.py DIR N OUT [LOGS]  # DIR of make.py or of the shared recordings; N copies (LOGS of the logs) go to OUT

Each copy keeps its times, services and attributes; the first two hex digits of trace and span ids tell the copies apart. Series
get a label "copy" from the second one on, up to 1,000 series in all. The incident and its truth stay the same.
"""
import glob
import gzip
import json
import os
import re
import shutil
import sys

IDS = re.compile(r'"(traceId|spanId|parentSpanId)":"[0-9a-f]{2}')
MAX_SERIES = 1000


def lines(path):
    with gzip.open(path, "rt", encoding="utf-8") as f:
        return f.readlines()


def multiply(path, n, out):
    text = lines(path)
    with open(out, "w", encoding="utf-8") as f:
        for line in text:
            for k in range(n):
                f.write(IDS.sub(lambda m: m.group(0)[:-2] + f"{k:02x}", line) if k else line)


def series(path, n, out):
    text = lines(path)
    with open(out, "w", encoding="utf-8") as f:
        f.writelines(text)
        left = MAX_SERIES - len(text)
        for line in text[:max(0, left)] if n > 1 else []:
            doc = json.loads(line)
            doc["metric"]["copy"] = "1"
            f.write(json.dumps(doc, separators=(",", ":")) + "\n")


def main():
    src, n, out = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    os.makedirs(out, exist_ok=True)
    multiply(os.path.join(src, "spans.jsonl.gz"), n, os.path.join(out, "spans.jsonl"))
    multiply(os.path.join(src, "logs.jsonl.gz"), int(sys.argv[4]) if len(sys.argv) > 4 else n, os.path.join(out, "logs.jsonl"))
    series(os.path.join(src, "metrics.jsonl.gz"), n, os.path.join(out, "metrics.jsonl"))
    for name in ("alert.json", "truth.json", "service_map.jsonl"):
        for path in glob.glob(os.path.join(src, name)):
            shutil.copy(path, out)


if __name__ == "__main__":
    main()
