"""The shop as it was when it was broken into: what a visitor types becomes a part of the query."""

import server


def find(db, name, password):
    return db.execute(f"SELECT name FROM users WHERE name = '{name}' AND password = '{password}'").fetchone()


server.run(find)
