"""The shop as it is now: what a visitor types is a value, never a part of the query."""

import server


def find(db, name, password):
    return db.execute("SELECT name FROM users WHERE name = ? AND password = ?", (name, password)).fetchone()


server.run(find)
