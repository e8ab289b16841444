#!/usr/bin/env python3
"""Make incidents of further fault families with the shared generator, in several variants.

  python3 make.py list
  python3 make.py make --fault NAME --seed N --out DIR [--rps 0.85] [--minutes 80]
                  [--topology shop|deep|mesh|single] [--variant plain|renamed|sampled|nologids|nometrics|languages|textlogs]

GENERATOR names the directory of incidentgen.py (default: ../../../shared/fixtures/incidents/generator). The fault modules
faults_*.py beside this file are loaded after its own. Same arguments give the same bytes. Variants: renamed = other service,
database and host names; sampled = 10 % of the traces; nologids = logs without trace ids; nometrics = no metric series; languages =
services written in other languages (other error lines and runtime lines); textlogs = no JSON logs, only the text logs of four services.
"""
import argparse
import glob
import gzip
import importlib.util
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
GENERATOR = os.environ.get("GENERATOR", os.path.join(HERE, "../../../shared/fixtures/incidents/generator"))

# One name of the shop to one of another trade; applied to the text of every file, longest first.
RENAMES = {
    "frontend-proxy": "edge-gateway", "frontend": "portal", "product-catalog": "tariff-store", "checkout": "booking",
    "inventory": "seat-allocator", "payment": "billing", "shipping": "dispatch", "recommendation": "suggester",
    "shopping-assistant": "travel-helper", "fraud-detection": "risk-engine", "accounting": "bookkeeper", "currency": "fx-rates",
    "api.psp.example": "gw.acquirer.example", "api.carrier.example": "api.airline.example", "product-cache": "tariff-cache",
    "check_inventory": "seat_lookup", "shipping_quote": "fare_quote", "search_products": "find_trips", "valkey-cart": "kv-basket",
    "orders": "reservations", "catalog": "tariffs", "email": "notifier",
}


def load(path, name):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def generator():
    sys.dont_write_bytecode = True
    sys.path.insert(0, GENERATOR)
    gen = load(os.path.join(GENERATOR, "incidentgen.py"), "incidentgen")
    gen.load_faults()
    for path in sorted(glob.glob(os.path.join(HERE, "faults_*.py"))):
        load(path, os.path.basename(path)[:-3])
    return gen


def deepen(gen):
    """Another topology: deeper chains, other fan-outs, no front-end proxy work, slower services, other routes in front."""
    ops = {k: list(v) for k, v in gen.OPS.items()}
    ops["recs.list"][4] = [("rpc", "catalog.list", .9, False, 3000), ("rpc", "ads.get", .5, False, 800)]
    ops["inv.stock"][4] = [("rpc", "ship.quote", .3, False, 2000), ("db", "inventory:SELECT stock", 1, True, 5000)]
    ops["ship.quote"][4] = [("rpc", "cur.convert", 1, True, 1000)]
    ops["pay.charge"][4] = [("rpc", "cur.convert", .5, True, 1000), ("ext", "api.psp.example", 1, True, 5000)]
    ops["catalog.get"][4] = [("rpc", "inv.stock", .4, False, 2000), ("cache", "product-cache", 1, False, 500)]
    ops["cart.add"][4] = [("rpc", "catalog.get", 1, True, 2000), ("redis", "HSET", 1, True, 1000)]
    for k, v in ops.items():
        v[2] = v[2] * 2.5
        gen.OPS[k] = tuple(v)
    gen.MIX[:] = [("home", 9), ("product", 12), ("search", 22), ("addcart", 14), ("getcart", 5), ("checkout", 26), ("assist", 12)]


def mesh(gen):
    """A third topology: services call each other across layers, the browser talks to more of them, mail goes out from shipping."""
    ops = {k: list(v) for k, v in gen.OPS.items()}
    ops["co.place"][4] = [("rpc", "cart.get", 1, True, 2000), ("rpc", "inv.reserve", 1, True, 4000), ("rpc", "ship.quote", 1, True, 3000),
                          ("rpc", "pay.charge", 1, True, 7000), ("rpc", "ship.order", 1, True, 6000), ("kafka", "orders", 1, False, 1000)]
    ops["ship.order"][4] = [("ext", "api.carrier.example", 1, True, 4000), ("rpc", "mail.send", .9, False, 3000)]
    ops["inv.reserve"][4] = [("db", "inventory:UPDATE stock", 1, True, 5000), ("rpc", "catalog.get", .8, False, 2000)]
    ops["home"][4] = [("rpc", "recs.list", 1, False, 2000), ("rpc", "cart.get", .5, False, 2000), ("rpc", "ads.get", .4, False, 800), ("rpc", "catalog.list", .3, False, 2000)]
    ops["ads.get"][4] = [("rpc", "cur.convert", .3, False, 800)]
    ops["cart.get"][4] = [("redis", "HGET", 1, True, 1000), ("rpc", "cur.convert", .5, False, 800)]
    ops["product"][4] = [("rpc", "catalog.get", 1, True, 3000), ("rpc", "inv.stock", 1, False, 1500), ("rpc", "ship.quote", .4, False, 1500), ("rpc", "recs.list", .3, False, 1500)]
    for k, v in ops.items():
        gen.OPS[k] = tuple(v)
    gen.MIX[:] = [("home", 10), ("product", 20), ("search", 8), ("addcart", 18), ("getcart", 12), ("checkout", 28), ("assist", 4)]


def single(gen):
    """A fourth: one front service without fan-out, long sequences, heavy own work, mostly orders and the assistant."""
    ops = {k: list(v) for k, v in gen.OPS.items()}
    ops["home"][4] = [("rpc", "catalog.list", 1, True, 3000)]
    ops["product"][4] = [("rpc", "inv.stock", 1, True, 2500), ("rpc", "recs.list", .9, True, 2500)]
    ops["inv.stock"][4] = [("rpc", "catalog.get", 1, True, 2500), ("db", "inventory:SELECT stock", 1, True, 5000)]
    ops["recs.list"][4] = [("rpc", "catalog.list", 1, True, 3000), ("rpc", "ads.get", .5, False, 900)]
    ops["pay.charge"][4] = [("rpc", "cur.convert", 1, True, 1000), ("rpc", "cart.get", .5, False, 1000), ("ext", "api.psp.example", 1, True, 5000)]
    for k, v in ops.items():
        v[2] = v[2] * 4
        gen.OPS[k] = tuple(v)
    gen.MIX[:] = [("home", 6), ("product", 30), ("search", 12), ("addcart", 8), ("getcart", 4), ("checkout", 24), ("assist", 16)]


def translate(gen):
    """The same services in other languages: error lines, runtime lines and SDK names change."""
    names = list(gen.LANG)
    tongues = [gen.LANG[n] for n in names]
    for i, n in enumerate(names):
        gen.LANG[n] = tongues[(i + 4) % len(tongues)]


def rewrite(path, change):
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8") as f:
        lines = [x for x in map(change, f) if x is not None]
    if path.endswith(".gz"):
        with open(path, "wb") as raw, gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as z:
            z.write("".join(lines).encode())
    else:
        with open(path, "w", encoding="utf-8") as f:
            f.writelines(lines)


def rename(text):
    for i, old in enumerate(sorted(RENAMES, key=len, reverse=True)):
        text = text.replace(old, f"\x00{i}\x00")
    for i, old in enumerate(sorted(RENAMES, key=len, reverse=True)):
        text = text.replace(f"\x00{i}\x00", RENAMES[old])
    return text


def keep_sampled(line):
    trace = json.loads(line)["traceId"]
    return line if int(trace[:8], 16) % 10 == 0 else None


def drop_ids(line):
    doc = json.loads(line)
    doc["traceId"] = doc["spanId"] = ""
    return json.dumps(doc, separators=(",", ":"), ensure_ascii=False) + "\n"


def vary(out, variant):
    if variant == "renamed":
        names = ["spans.jsonl.gz", "logs.jsonl.gz", "metrics.jsonl.gz", "service_map.jsonl", "traces.otlp.json.gz", "truth.json", "alert.json"]
        for name in names:
            rewrite(os.path.join(out, name), rename)
    elif variant == "sampled":
        rewrite(os.path.join(out, "spans.jsonl.gz"), keep_sampled)
        os.remove(os.path.join(out, "traces.otlp.json.gz"))
    elif variant == "nologids":
        rewrite(os.path.join(out, "logs.jsonl.gz"), drop_ids)
    elif variant == "textlogs":
        os.remove(os.path.join(out, "logs.jsonl.gz"))
    elif variant == "nometrics":
        os.remove(os.path.join(out, "metrics.jsonl.gz"))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sub = ap.add_subparsers(dest="cmd", required=True)
    sub.add_parser("list")
    m = sub.add_parser("make")
    m.add_argument("--fault", required=True)
    m.add_argument("--seed", type=int, required=True)
    m.add_argument("--out", required=True)
    m.add_argument("--minutes", type=int, default=80)
    m.add_argument("--rps", type=float, default=.85)
    m.add_argument("--topology", default="shop", choices=["shop", "deep", "mesh", "single"])
    m.add_argument("--variant", default="plain", choices=["plain", "renamed", "sampled", "nologids", "nometrics", "languages", "textlogs"])
    args = ap.parse_args()
    gen = generator()
    if args.cmd == "list":
        for name, fault in sorted(gen.FAULTS.items()):
            print(name, "-", fault.title)
        return
    change = {"deep": deepen, "mesh": mesh, "single": single}.get(args.topology)
    if change:
        change(gen)
    if args.variant == "languages":
        translate(gen)
    rps = args.rps * (3 if args.variant == "sampled" else 1)
    sim = gen.Sim(args.fault, args.seed, args.minutes, rps)
    sim.run()
    print(json.dumps(sim.write(args.out)))
    vary(args.out, args.variant)


if __name__ == "__main__":
    main()
