"""A small shop: users in an SQLite database, a login, and a page that somebody left in."""

import http.server
import os
import sqlite3
import urllib.parse

SECRET = "/run/secrets/shop-password"


def password():
    """The password of the shop's owner: from a secret, or as it used to be."""
    if os.path.exists(SECRET):
        with open(SECRET) as f:
            return f.read().strip()
    return os.environ.get("SHOP_PASSWORD") or os.urandom(16).hex()


def run(find):
    """Serve. find(db, name, password) returns the row of the user who may log in, or None."""
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE users (name TEXT, password TEXT)")
    db.execute("INSERT INTO users VALUES ('owner', ?)", (password(),))

    class Shop(http.server.BaseHTTPRequestHandler):
        def answer(self, status, text):
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def do_GET(self):
            if self.path == "/debug":  # meant for development
                self.answer(200, "".join(f"{k}={v}\n" for k, v in os.environ.items()))
            else:
                self.answer(404, "no such page\n")

        def do_POST(self):
            form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            user = find(db, form["name"][0], form["password"][0])
            if user:
                self.answer(200, f"welcome, {user[0]}\n")
            else:
                self.answer(401, "wrong name or password\n")

    server = http.server.HTTPServer(("", 8080), Shop)
    print("the shop is open", flush=True)
    server.serve_forever()
