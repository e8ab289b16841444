#!/usr/bin/env python3
"""Writes the log lines of an incident with the template each was written from, for `go run ./bench/template -labelled FILE`.

    python3 bench/template/incident_labels.py GENERATOR.py FAULT SEED > lines.jsonl

Runs the incident generator (shared/fixtures/incidents/generator/incidentgen.py) with its log method hooked. The template of a
line is the place in the source that wrote it; where one place writes several texts, the format that fits, or the failure's
message with its digits masked, tells them apart. Lines: {"text": ..., "truth": number}.
"""
import importlib.util
import json
import os
import re
import sys


def load(path):
    spec = importlib.util.spec_from_file_location("incidentgen", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["incidentgen"] = module
    sys.path.insert(0, os.path.dirname(path))
    spec.loader.exec_module(module)
    module.load_faults()
    return module


def patterns(formats):
    """A regular expression for each str.format text."""
    out = []
    for f in formats:
        parts = re.split(r"\{[a-z0-9]+\}", f.replace("{{", "\0").replace("}}", "\1"))
        parts = [re.escape(p.replace("\0", "{").replace("\1", "}")) for p in parts]
        out.append(re.compile("^" + ".*".join(parts) + "$"))
    return out


def main(path, fault, seed):
    gen = load(path)
    info = {svc: patterns(fs) for svc, fs in gen.INFO.items()}
    lines, numbers = [], {}
    plain = gen.Sim.log

    def hooked(self, t, svc, pod, sev, body, trace="", span="", attrs=None):
        frame = sys._getframe(1)
        place = (os.path.basename(frame.f_code.co_filename), frame.f_lineno)
        extra = ""
        if frame.f_code.co_name == "err_log" or "msg" in body or ": " in body and sev in ("WARN", "ERROR"):
            failure = frame.f_locals.get("f") or frame.f_locals.get("fail")
            message = failure["msg"] if isinstance(failure, dict) else ""
            extra = gen.LANG.get(svc, "") if frame.f_code.co_name == "err_log" else ""
            extra += "|" + re.sub(r"[0-9]+", "#", message)[:60] if message else ""
        elif frame.f_code.co_name == "background":
            extra = gen.LANG.get(svc, "") if "healthz" not in body else ""
        elif sev == "INFO" and svc in info:
            extra = next((svc + str(i) for i, p in enumerate(info[svc]) if p.match(body)), "")
        elif frame.f_code.co_name == "serve" and sev != "DEBUG":
            extra = re.sub(r"[0-9]+", "#", body)[:40]
        key = (place, extra)
        lines.append((body, numbers.setdefault(key, len(numbers))))
        return plain(self, t, svc, pod, sev, body, trace, span, attrs)

    gen.Sim.log = hooked
    sim = gen.Sim(fault, seed, 80, 0.9)
    sim.run()
    for body, truth in lines:
        print(json.dumps({"text": body, "truth": truth}))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
