"""A web application as people write them: Flask behind gunicorn. It answers what it can do here, and counts in a cache."""
import ctypes
import os
import socket
import sqlite3
import subprocess
import tempfile
from concurrent.futures import ProcessPoolExecutor

from flask import Flask, jsonify

app = Flask(__name__)


def square(n):
    return n * n


def callback():
    """Machine code that is made while the program runs, as cffi and ctypes do."""
    compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
    numbers = (ctypes.c_int * 3)(3, 1, 2)
    ctypes.CDLL(None).qsort(numbers, 3, ctypes.sizeof(ctypes.c_int), compare(lambda a, b: a[0] - b[0]))
    return list(numbers)


@app.get("/")
def what_works():
    with tempfile.TemporaryDirectory() as scratch:
        database = sqlite3.connect(os.path.join(scratch, "db"))
        database.execute("create table t (n)")
        database.execute("insert into t values (42)")
        (stored,) = database.execute("select n from t").fetchone()
    with ProcessPoolExecutor(2) as pool:  # its semaphores are files in /dev/shm
        squares = list(pool.map(square, [1, 2, 3]))
    return jsonify(
        uid=os.getuid(),
        stored=stored,
        squares=squares,
        callback=callback(),
        child=subprocess.run(["echo", "child"], capture_output=True, text=True, check=True).stdout.strip(),
    )


@app.get("/hits")
def hits():
    """The cache is found by the name that it has on the network."""
    with socket.create_connection((os.environ["CACHE"], 6379), timeout=5) as cache:
        cache.sendall(b"INCR hits\r\n")
        return cache.makefile("rb").readline().decode().strip(":\r\n")
