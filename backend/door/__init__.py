"""The door: what `./hub` does before and around Django.

Everything here imports only the standard library, for it runs before `.venv` exists. It is outside the layers of the
apps: no app imports it, save the commands that start a throw-away hub (`backend.door.hub.running_hub`).
"""
